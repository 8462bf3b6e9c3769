// The port that use cases write through: bound to one space, one request, one idempotency key.
import type { SQL } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import type { Result } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Answer } from "../database/database.ts";
import type { Change, Outcome, Rendered } from "./commit.ts";

/** Stand in a view for what only the commit knows; unguessable, so no client's text can be mistaken for one. */
export interface Marks {
  /** Becomes the commit's time, RFC 3339 with milliseconds. */
  readonly at: string;
  /** Becomes the position of the commit's last event, as a JSON number. */
  readonly position: string;
  readonly secret: string;
}

export interface Written {
  readonly rendered: Rendered;
  readonly position: Position;
  readonly replayed: boolean;
  /** True when nothing changed and no position was taken. */
  readonly unchanged: boolean;
}

export interface Writer {
  readonly space: SpaceRef;
  readonly marks: Marks;
  /** Reads from the primary, in one snapshot. */
  load(statements: readonly SQL[]): Promise<Result<Answer>>;
  /**
   * One commit. Refuses with `conflict`/`version-conflict` when a stream moved since it was loaded (see `handle`), with
   * `conflict`/`type-entries-changed`, `slug-taken`, `entry-referenced`, `invalid`/`reference-missing`, `idempotency-key-reused`,
   * `conflict`/`request-in-progress`, `outdated`/`knowledge-outdated`, `unavailable`/`outcome-unknown` or `database-unavailable`.
   */
  commit(change: Change, outcome: Outcome): Promise<Result<Written>>;
  /**
   * A write that takes no position (migrations/0007_relay.sql): the function `aside_<does>` and the stored response in one transaction.
   * Refuses like `commit`, and with `conflict` and whatever code the function refuses with.
   */
  aside(does: string, effect: JsonObject, outcome: Outcome): Promise<Result<Written>>;
  /** The answer when nothing would change; `position` is the head that `load` saw. */
  unchanged(outcome: Outcome, position: Position): Written;
}
