// How every dependency is: asked at most every five seconds an isolate, all at once.
import { sql } from "drizzle-orm";
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Row, SqlClient } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Endpoint, Shard, Topology } from "../database/topology.ts";
import { attempt } from "../resilience/attempt.ts";
import type { Guard } from "../resilience/guard.ts";

export interface HealthParts {
  readonly topology: Topology;
  readonly client: SqlClient;
  readonly clock: Clock;
  guardOf(endpoint: Endpoint): Guard;
  readonly redis: Guard;
  readonly queues: Guard;
  readonly shield: Guard;
  pingShield(): Promise<void>;
  /** Whether the data centre's cache keeps what it is given: on some domains it does not. */
  isColoThere(): Promise<boolean>;
  pingRedis(): Promise<unknown>;
  readonly version: string;
}

export interface Health {
  readonly status: "pass" | "warn" | "fail";
  readonly version: string;
  readonly checks: Readonly<Record<string, readonly JsonObject[]>>;
}

const KEPT_MS = 5_000;
const PROBE_MS = 2_000;
const LATELY_MS = 10 * 60_000;
const MOST_SPACES = 1_000;

export function healthProbe(parts: HealthParts): () => Promise<Health> {
  let last: { readonly at: Instant; readonly health: Health } | undefined;
  return async () => {
    const now = parts.clock.now();
    if (last !== undefined && now - last.at < KEPT_MS) return last.health;
    const health = await ask(parts, now);
    last = { at: parts.clock.now(), health };
    return health;
  };
}

async function ask(parts: HealthParts, now: Instant): Promise<Health> {
  const { topology, clock, redis, queues, shield } = parts;
  const [shards, started] = [
    await Promise.all(topology.shards.map((shard) => askShard(parts, shard, now))),
    clock.now(),
  ];
  const pinged = await attempt(parts.pingRedis);
  const [colo, shielded] = await Promise.all([attempt(parts.isColoThere), attempt(parts.pingShield)]);
  const breakers = { redis: redis.state().breaker, queues: queues.state().breaker };
  const checks: Record<string, readonly JsonObject[]> = {
    ...Object.assign({}, ...shards.map((shard) => shard.checks)),
    redis: [
      {
        status: pinged.ok ? "pass" : "warn",
        observedValue: clock.now() - started,
        observedUnit: "ms",
        breaker: breakers.redis,
      },
    ],
    colo: [{ status: colo.ok && colo.value ? "pass" : "warn" }],
    shield: [{ status: shielded.ok ? "pass" : "warn", breaker: shield.state().breaker }],
    // A queue cannot be asked: what is known is how the last sends went, until it is time to try again.
    queues: [{ status: breakers.queues === "open" ? "warn" : "pass", breaker: breakers.queues }],
  };
  const readable = shards.every((shard) => shard.readable);
  const well = Object.values(checks).every(([check]) => check?.["status"] === "pass");
  return { status: readable ? (well ? "pass" : "warn") : "fail", version: parts.version, checks };
}

interface ShardHealth {
  readonly readable: boolean;
  readonly checks: Readonly<Record<string, readonly JsonObject[]>>;
}

async function askShard({ client, clock, guardOf }: HealthParts, shard: Shard, now: Instant): Promise<ShardHealth> {
  const since = new Date(now - LATELY_MS).toISOString();
  const statement = renderSql(sql`select * from recent_heads(${since}::timestamptz, ${MOST_SPACES})`);
  const endpoints = [shard.primary, ...shard.readers];
  const answers = await Promise.all(
    endpoints.map(async (endpoint) => {
      const started = clock.now();
      const rows = await attempt(() =>
        client.call(endpoint, statement, { signal: AbortSignal.timeout(PROBE_MS), caller: "job" }),
      );
      return { endpoint, took: clock.now() - started, heads: rows.ok ? headsOf(rows.value) : undefined };
    }),
  );
  const primary = answers[0]?.heads;
  const checks = answers.map(({ endpoint, took, heads }): [string, readonly JsonObject[]] => {
    const lag = heads && primary ? { lag: lagOf(heads, primary) } : {};
    const status = heads === undefined ? "warn" : "pass";
    const shown = {
      status,
      observedValue: took,
      observedUnit: "ms",
      ...lag,
      region: endpoint.region,
      breaker: guardOf(endpoint).state().breaker,
    };
    return [`postgres:${endpoint.name}`, [shown]];
  });
  return { readable: answers.some(({ heads }) => heads !== undefined), checks: Object.fromEntries(checks) };
}

function headsOf(rows: readonly Row[]): ReadonlyMap<number, number> {
  return new Map(rows.map((row) => [row["space"] as number, row["position"] as number]));
}

/** The most positions that any recently written space is behind. */
function lagOf(heads: ReadonlyMap<number, number>, primary: ReadonlyMap<number, number>): number {
  return Math.max(0, ...[...primary].map(([space, position]) => position - (heads.get(space) ?? 0)));
}
