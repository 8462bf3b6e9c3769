// The ports to Postgres: the tenant-bound Reader and Writer that use cases are given, and the client an adapter implements.
import type { SQL } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { Position } from "../../kernel/position.ts";
import type { Result } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Endpoint } from "./topology.ts";

/** A row by column name: int8 and float8 as numbers, timestamptz as RFC 3339 UTC with milliseconds, jsonb parsed, bytea as hex text `\x…`. */
export type Row = Readonly<Record<string, unknown>>;

export interface Statement {
  readonly text: string;
  readonly params: readonly unknown[];
}

/** What a vendor's driver must do. Throws `DatabaseUnavailable` when no answer came, `TooLarge`, or `DatabaseError` with the SQLSTATE. */
export interface SqlClient {
  /** All statements in one REPEATABLE READ, READ ONLY transaction: one request, one snapshot. */
  snapshot(
    endpoint: Endpoint,
    statements: readonly Statement[],
    options: CallOptions,
  ): Promise<readonly (readonly Row[])[]>;
  /** One statement on its own, at READ COMMITTED. */
  call(endpoint: Endpoint, statement: Statement, options: CallOptions): Promise<readonly Row[]>;
}

export interface CallOptions {
  /** When to give up; the driver has no timeout of its own. */
  readonly signal: AbortSignal;
  /** Shows as `application_name`: `request` or `job`. */
  readonly caller: string;
}

/** Positions at which a space's settings, content types and keys last changed, as the caller knows them. No `keys`: no key was shown. */
export interface Known {
  readonly settings: Position;
  readonly schema: Position;
  readonly keys?: Position | undefined;
  /** The key that was shown, by the position of its own last event: other keys may change meanwhile. */
  readonly key?: { readonly id: string; readonly position: Position } | undefined;
}

/**
 * One statement that binds the space itself and begins its rows with what `bind_space` tells: a round trip to Postgres where a transaction takes
 * four. For what the role's own limit of time is enough.
 */
export interface SelfBinding {
  /** `space`: the reader's own, and no other. */
  binding(space: SpaceUid): SQL;
}

export interface Answer {
  /** One array of rows for each statement. */
  readonly rows: readonly (readonly Row[])[];
  /** The space's position in the snapshot that was read. */
  readonly position: Position;
  /** Name of the endpoint that answered. */
  readonly source: string;
}

/**
 * Reads of one space. The space is bound before any statement runs and cannot be changed by one.
 * Refuses with `unavailable` (`position-not-reached`, `database-unavailable`) and, when the snapshot shows that the caller's knowledge of
 * settings, types or keys is older, with `outdated`/`knowledge-outdated`: the door then refreshes that knowledge and asks once more.
 */
export interface Reader {
  readonly space: SpaceRef;
  /**
   * `pinned`: the position that the statements ask about, such as that of a walk that goes on. Who has not reached it is not asked. Where the
   * answer `stands` there, who wants to see a later one is refused with `malformed`/`position-conflict`; where it only `starts` there, it shows
   * everything since.
   */
  read(
    statements: readonly SQL[] | SelfBinding,
    pinned?: Position,
    answer?: "stands" | "starts",
  ): Promise<Result<Answer>>;
}

/** The home shard's primary, where the directory of spaces is; not bound to any space, so only tables without content can be seen. */
export interface Home {
  call(statement: SQL): Promise<Result<readonly Row[]>>;
  /**
   * A call that changes something: when its answer is lost, that it may have done so is told with `unavailable`/`outcome-unknown`.
   * `insists`: goes through a breaker that the lost answer of an earlier one opened.
   */
  write(statement: SQL, insists?: "insists"): Promise<Result<readonly Row[]>>;
}
