// A content type: what can have happened to it, and what that makes of it.
import type { JsonObject } from "../../../kernel/json.ts";
import { never } from "../../../kernel/result.ts";

export type TypeEvent =
  | {
      readonly type: "TypeSaved";
      /** What the editor sent, and what is derived from it: fields and their slots. */
      readonly data: { readonly document: JsonObject; readonly shape: JsonObject };
    }
  | { readonly type: "TypeDeleted"; readonly data: Record<never, never> };

export type TypeState =
  | { readonly is: "absent"; readonly revision: number }
  | { readonly is: "present"; readonly revision: number; readonly document: JsonObject; readonly shape: JsonObject };

export const NO_TYPE: TypeState = { is: "absent", revision: 0 };

export function evolveType(state: TypeState, event: TypeEvent): TypeState {
  const revision = state.revision + 1;
  switch (event.type) {
    case "TypeSaved":
      return { is: "present", revision, ...event.data };
    case "TypeDeleted":
      return { is: "absent", revision };
    default:
      return never(event);
  }
}

/** The fold of a stream `type:<name>`: what rebuilding compares the row with. */
export function replayType(events: readonly TypeEvent[]): TypeState {
  return events.reduce(evolveType, NO_TYPE);
}
