// An API key's life: what happened to it, and what is then true. The secret itself is never here, only its hash.
import type { JsonObject } from "../../../kernel/json.ts";
import { never } from "../../../kernel/result.ts";
import type { ScopeName } from "../../../kernel/scope.ts";

/** Times are RFC 3339; hashes are SHA-256 in hex. */
export type KeyEvent =
  | {
      readonly type: "KeyCreated";
      readonly data: {
        readonly name: string;
        readonly scopes: readonly ScopeName[];
        readonly hash: string;
        readonly expiresAt: string | null;
      };
    }
  | {
      readonly type: "KeyRotated";
      readonly data: { readonly hash: string; readonly previous: string | null; readonly previousUntil: string | null };
    }
  | { readonly type: "KeyRevoked"; readonly data: JsonObject };

export type KeyState =
  | { readonly is: "absent" }
  | {
      readonly is: "live" | "revoked";
      readonly name: string;
      readonly scopes: readonly ScopeName[];
      readonly hash: string;
      /** The secret before the last rotation, as long as it is still accepted. */
      readonly previous: string | null;
      readonly previousUntil: string | null;
      readonly expiresAt: string | null;
    };

export const NO_KEY: KeyState = { is: "absent" };

export function evolveKey(state: KeyState, event: KeyEvent): KeyState {
  if (event.type === "KeyCreated") return { is: "live", ...event.data, previous: null, previousUntil: null };
  if (state.is === "absent") return state;
  switch (event.type) {
    case "KeyRotated":
      return { ...state, ...event.data };
    case "KeyRevoked":
      return { ...state, is: "revoked", previous: null, previousUntil: null };
    default:
      return never(event);
  }
}
