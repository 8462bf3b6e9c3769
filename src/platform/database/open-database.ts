// Which endpoint answers: nearest first, skipping those that are away, behind what the caller must see, or older than what it knows.
import type { SQL } from "drizzle-orm";
import { type Millis, millis, seconds } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Guard } from "../resilience/guard.ts";
import { wasNotSent } from "../resilience/outage.ts";
import type { Meter } from "../telemetry/meter.ts";
import type { Answer, CallOptions, Home, Known, Reader, Row, SelfBinding, SqlClient, Statement } from "./database.ts";
import { endpointsByDistance } from "./distance.ts";
import { isAway, isBusy, TooLarge } from "./outage.ts";
import { renderSql } from "./render-sql.ts";
import type { Endpoint, Place, Shard, Topology } from "./topology.ts";

/**
 * What the statements of one read may take together, and each at least. Postgres ends a statement that takes longer, and says so: an endpoint
 * that answered is not away. At least a second: computes that scaled to zero wake slowly.
 */
const READ_BUDGET: Millis = millis(1_800);
const STATEMENT_LEAST: Millis = millis(600);
/** The role's own limit of a statement, where nothing else was bound before it. */
const ROLE_BUDGET: Millis = millis(2_200);
/** How much later the Worker gives up by itself. */
const GRACE: Millis = millis(200);
/** One short statement about the directory. */
const HOME_TIMEOUT: Millis = millis(2_000);

export const DATABASE_UNAVAILABLE = fault(
  "unavailable",
  "database-unavailable",
  "The database that holds this cannot be reached at the moment; retry later",
  { retryAfter: seconds(2) },
);

export const OUTCOME_UNKNOWN = fault(
  "unavailable",
  "outcome-unknown",
  "The write was sent and its answer was lost: it may or may not have been done. Retry with the same Idempotency-Key, or with the same id",
  { retryAfter: seconds(2) },
);

const ANSWER_TOO_LARGE = fault(
  "malformed",
  "query-too-broad",
  "What is asked for is larger than one answer can be: ask for fewer entries, or include less",
);

export interface Binding {
  readonly space: SpaceRef;
  readonly from: "nearest" | "primary";
  readonly caller: "request" | "job";
  readonly place?: Place | undefined;
  /** What the caller knows of the space; absent: nothing to prove. */
  readonly known?: Known | undefined;
  readonly atLeast?: Position | undefined;
}

/** What a snapshot knows of the space that it was bound to. */
export interface Head extends Known {
  readonly keys: Position;
  readonly epoch: number;
  readonly position: Position;
}

export interface Snapshot extends Answer {
  readonly head: Head;
}

export interface Database {
  reader(binding: Binding): Reader;
  /** A reader's answer with everything the head says; refuses with `missing`/`space-missing` when no endpoint knows the space. */
  snapshot(binding: Binding, statements: readonly SQL[]): Promise<Result<Snapshot>>;
  readonly home: Home;
  /** The directory as the nearest endpoint of the home shard shows it: it may be behind. */
  homeNearby(statement: SQL, place: Place | undefined): Promise<Result<readonly Row[]>>;
  /** One statement on the primary of a space, of which nothing depends that is answered; `false`: it may not have been done. */
  note(space: SpaceRef, statement: SQL): Promise<boolean>;
  primaryOf(residency: string): Endpoint;
  /** The same database, for one request that wants to know how long it waited for it. */
  metered(meter: Meter): Database;
}

export interface DatabaseParts {
  readonly topology: Topology;
  readonly client: SqlClient;
  guardOf(endpoint: Endpoint): Guard;
}

interface Asking {
  readonly timeout: Millis;
  ask(endpoint: Endpoint, options: CallOptions): Promise<readonly (readonly Row[])[]>;
}

export function openDatabase(parts: DatabaseParts, meter?: Meter): Database {
  const { topology, client, guardOf } = parts;
  const byResidency = new Map(topology.shards.map((shard) => [shard.residency, shard]));
  const homeShard = topology.shards.find((shard) => shard.name === topology.home) as Shard;

  async function snapshot(binding: Binding, statements: readonly SQL[] | SelfBinding): Promise<Result<Snapshot>> {
    const shard = byResidency.get(binding.space.residency) as Shard;
    const { ask, timeout } = askingOf(binding.space, statements);
    let behind: Position | undefined;
    for (const endpoint of binding.from === "primary" ? [shard.primary] : nearestThenPrimary(shard, binding.place)) {
      const rows = await attempt(endpoint, (options) => ask(endpoint, options), binding.caller, timeout);
      if (rows === undefined) continue;
      if (rows === "too-large") return refuse(ANSWER_TOO_LARGE);
      const head = headOf(rows[0]?.[0]);
      const isPrimary = endpoint === shard.primary;
      if (head === undefined) {
        if (!isPrimary) continue;
        return refuse(fault("missing", "space-missing", `There is no space "${binding.space.id}"`));
      }
      if (binding.atLeast !== undefined && head.position < binding.atLeast) {
        behind = head.position;
        continue;
      }
      const verdict = compare(head, binding);
      if (verdict === "older" && !isPrimary) continue;
      if (verdict !== "same") return refuse(KNOWLEDGE_OUTDATED);
      return ok({ rows: rows.slice(1), position: head.position, source: endpoint.name, head });
    }
    return refuse(behind === undefined ? DATABASE_UNAVAILABLE : notReached(binding.atLeast as Position, behind));
  }

  /** How an endpoint is asked: its first rows tell of the space. */
  function askingOf(space: SpaceRef, statements: readonly SQL[] | SelfBinding): Asking {
    if ("binding" in statements) {
      const statement = renderSql(statements.binding(space.uid));
      return {
        timeout: millis(ROLE_BUDGET + GRACE),
        async ask(endpoint, options) {
          const rows = await client.call(endpoint, statement, options);
          return [rows, rows];
        },
      };
    }
    const each = Math.max(STATEMENT_LEAST, Math.floor(READ_BUDGET / Math.max(1, statements.length)));
    const batch = [bindSpace(space, each), ...statements.map(renderSql)];
    return {
      timeout: millis(each * Math.max(1, statements.length) + GRACE),
      ask: (endpoint, options) => client.snapshot(endpoint, batch, options),
    };
  }

  /** Undefined when the endpoint gave no answer; a bug of ours (a wrong statement) is thrown. */
  async function attempt<T>(
    endpoint: Endpoint,
    ask: (options: CallOptions) => Promise<T>,
    caller: string,
    timeout: Millis,
  ): Promise<T | "too-large" | undefined> {
    const answer = (error: unknown) => (error instanceof TooLarge ? ("too-large" as const) : undefined);
    return await metered(guardOf(endpoint).attempt((signal) => ask({ signal, caller }), isEither, answer, { timeout }));
  }

  function metered<T>(work: Promise<T>): Promise<T> {
    return meter === undefined ? work : meter.during(work);
  }

  async function homeWrite(statement: Statement, insists: boolean): Promise<Result<readonly Row[]>> {
    const endpoint = homeShard.primary;
    const rows = await metered(
      guardOf(endpoint).attempt(
        (signal) => client.call(endpoint, statement, { signal, caller: "request" }),
        isAway,
        (error) => (isBusy(error) || wasNotSent(error) ? refuse(DATABASE_UNAVAILABLE) : undefined),
        { timeout: HOME_TIMEOUT, insists },
      ),
    );
    if (rows === undefined) return refuse(OUTCOME_UNKNOWN);
    return "ok" in rows ? rows : ok(rows);
  }

  async function homeCall(endpoint: Endpoint, statement: Statement): Promise<Result<readonly Row[]>> {
    const ask = (options: CallOptions) => client.call(endpoint, statement, options);
    const rows = await attempt(endpoint, ask, "request", HOME_TIMEOUT);
    if (rows === "too-large") return refuse(ANSWER_TOO_LARGE);
    return rows === undefined ? refuse(DATABASE_UNAVAILABLE) : ok(rows);
  }

  return {
    reader: (binding) => ({
      space: binding.space,
      async read(statements, pinned, answer = "stands") {
        if (pinned === undefined) return await snapshot(binding, statements);
        if (answer === "starts") {
          const atLeast = position(Math.max(pinned, binding.atLeast ?? 0));
          return await snapshot({ ...binding, atLeast }, statements);
        }
        if (binding.atLeast !== undefined && binding.atLeast > pinned)
          return refuse(conflictOf(binding.atLeast, pinned));
        return await snapshot({ ...binding, atLeast: pinned }, statements);
      },
    }),
    snapshot,
    home: {
      call: (statement) => homeCall(homeShard.primary, renderSql(statement)),
      write: (statement, insists) => homeWrite(renderSql(statement), insists !== undefined),
    },
    async homeNearby(statement, place) {
      for (const endpoint of nearestThenPrimary(homeShard, place)) {
        const answer = await homeCall(endpoint, renderSql(statement));
        if (answer.ok) return answer;
      }
      return refuse(DATABASE_UNAVAILABLE);
    },
    async note(space, statement) {
      const { primary } = byResidency.get(space.residency) as Shard;
      const ask = (options: CallOptions) => client.call(primary, renderSql(statement), options);
      const rows = await attempt(primary, ask, "job", HOME_TIMEOUT);
      return rows !== undefined && rows !== "too-large";
    },
    primaryOf: (residency) => (byResidency.get(residency) as Shard).primary,
    metered: (own) => openDatabase(parts, own),
  };
}

/** The primary is asked at its own distance, and once more at the end when something nearer to it was too old. */
function nearestThenPrimary(shard: Shard, place: Place | undefined): readonly Endpoint[] {
  const order = endpointsByDistance(shard, place);
  const at = order.indexOf(shard.primary);
  // Endpoints farther than the primary are asked only when the primary is away: none of them can be fresher than it.
  return [...order.slice(0, at), shard.primary, ...order.slice(at + 1)];
}

const isEither = (error: unknown): boolean => isAway(error) || isBusy(error);

function bindSpace(space: SpaceRef, statementMs: number): Statement {
  return { text: "select * from bind_space($1, $2)", params: [space.uid, statementMs] };
}

function headOf(row: Row | undefined): Head | undefined {
  if (row === undefined) return undefined;
  const at = (column: string): Position => position(row[column] as number);
  return {
    epoch: row["epoch"] as number,
    position: at("position"),
    settings: at("settings_pos"),
    schema: at("schema_pos"),
    keys: at("keys_pos"),
  };
}

export const KNOWLEDGE_OUTDATED = fault(
  "outdated",
  "knowledge-outdated",
  "The space changed while this was asked; retry",
);

/** `older`: the snapshot is behind what the caller knows. `newer`: the caller must learn first. */
function compare(head: Head, { space, known }: Binding): "same" | "older" | "newer" {
  if (known === undefined) return "same";
  if (head.epoch !== space.epoch) return head.epoch < space.epoch ? "older" : "newer";
  if (
    head.settings > known.settings ||
    head.schema > known.schema ||
    (known.keys !== undefined && head.keys > known.keys)
  )
    return "newer";
  // Settings and keys newer than the data do no harm; types do: their slots may not be filled yet.
  return head.schema < known.schema ? "older" : "same";
}

function notReached(wanted: Position, found: Position): ReturnType<typeof fault> {
  return fault(
    "unavailable",
    "position-not-reached",
    `The space is at position ${found}; position ${wanted} has not been reached`,
    { retryAfter: seconds(1), position: found },
  );
}

function conflictOf(wanted: Position, pinned: Position): ReturnType<typeof fault> {
  const detail = `Meridian-At-Least asks for position ${wanted}; what is asked for stands at position ${pinned}`;
  return fault("malformed", "position-conflict", detail, {
    errors: [{ parameter: "Meridian-At-Least", code: "position-conflict", detail }],
  });
}
