// On whose behalf, in which space, and with what at hand a use case runs.
import type { Clock } from "./clock.ts";
import type { KeyId, SpaceUid } from "./id.ts";

export const SCOPE_NAMES = [
  "content:read",
  "content:preview",
  "content:write",
  "content:publish",
  "types:write",
  "webhooks:write",
  "transfer:write",
  "usage:read",
  "audit:read",
  "keys:write",
] as const;
export type ScopeName = (typeof SCOPE_NAMES)[number];

export type Actor =
  | { readonly type: "root" }
  | { readonly type: "key"; readonly id: KeyId; readonly scopes: ReadonlySet<ScopeName> }
  | { readonly type: "anonymous" }
  | { readonly type: "system"; readonly name: string };

/** The actor as events and entries keep it: `root`, `key:<id>`, `system:<name>`. */
export function actorName(actor: Actor): string {
  switch (actor.type) {
    case "key":
      return `key:${actor.id}`;
    case "system":
      return `system:${actor.name}`;
    case "root":
    case "anonymous":
      return actor.type;
  }
}

/** A space as the inside knows it. Cache keys, cursors and tokens carry `uid.epoch`, never the public id. */
export interface SpaceRef {
  readonly id: string;
  readonly uid: SpaceUid;
  readonly epoch: number;
  readonly residency: string;
}

/** What every use case is given. `Data` is the room's own: a Reader, a Writer, both, or nothing. */
export interface Scope<Data> {
  readonly space: SpaceRef;
  readonly actor: Actor;
  readonly requestId: string;
  readonly clock: Clock;
  readonly data: Data;
}
