// What is waiting, from rows and from Redis: the same whichever isolate tells it. What an isolate only knows of itself is not told, because the
// next scrape may be answered by another. A dependency that is away takes its own metrics with it, and nothing else.
import { sql } from "drizzle-orm";
import { type Clock, type Instant, type Millis, millis } from "../../kernel/clock.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Shard } from "../database/topology.ts";
import { type DirtySet, timeOf } from "../relay/dirty-set.ts";
import type { ShardParts } from "../relay/space-calls.ts";
import { attempt } from "../resilience/attempt.ts";
import { type Family, renderMetrics, type Sample } from "./open-metrics.ts";

export interface MetricsParts extends Pick<ShardParts, "topology" | "client"> {
  readonly dirty: Pick<DirtySet, "oldest">;
  readonly clock: Clock;
  /** Names of the log's subscribers. */
  readonly subscribers: readonly string[];
  readonly version: string;
  sleep(time: Millis): Promise<void>;
}

const KEPT_MS = 5_000;
const TIMEOUT: Millis = millis(2_000);
const LOOK: Millis = millis(20);
/** Longer than every dependency is given to answer. */
const LEASE_MS = 5_000;
const MOST = 10_000;
const MOST_DIRTY = 1_000;

interface Told {
  readonly shard: string;
  readonly metric: string;
  readonly what: string | null;
  readonly value: number;
}

/**
 * Looked up at most every five seconds an isolate, by one scrape at a time; answers the OpenMetrics text. Whoever comes meanwhile is given the
 * last one, or waits for the first. A promise of another request must not be awaited, so the look-up under way is a lease with a time.
 */
export function metricsProbe(parts: MetricsParts): () => Promise<string> {
  let last: { readonly at: Instant; readonly text: string } | undefined;
  let leaseUntil = 0;
  return async () => {
    while (last === undefined && parts.clock.now() < leaseUntil) await parts.sleep(LOOK);
    const now = parts.clock.now();
    if (last !== undefined && (now - last.at < KEPT_MS || now < leaseUntil)) return last.text;
    leaseUntil = now + LEASE_MS;
    const text = renderMetrics(await collect(parts, now));
    last = { at: parts.clock.now(), text };
    leaseUntil = 0;
    return text;
  };
}

async function collect(parts: MetricsParts, now: Instant): Promise<readonly Family[]> {
  const [shards, marks] = await Promise.all([
    Promise.all(parts.topology.shards.map((shard) => attempt(() => askShard(parts, shard, now)))),
    attempt(() => parts.dirty.oldest(MOST_DIRTY)),
  ]);
  const told = shards.flatMap((shard) => (shard.ok ? shard.value : []));
  const up = (dependency: string, ok: boolean): Sample => ({ labels: { dependency }, value: ok ? 1 : 0 });
  const gauge = (name: string, help: string, metric: string, label?: string, unit?: "seconds"): Family => ({
    name: `meridian_${name}`,
    type: "gauge",
    help,
    ...(unit === undefined ? {} : { unit }),
    samples: told
      .filter((one) => one.metric === metric)
      .map(({ shard, what, value }) => ({
        labels: { shard, ...(label === undefined || what === null ? {} : { [label]: what }) },
        value,
      })),
  });
  return [
    {
      name: "meridian_build",
      type: "info",
      help: "The version that answers.",
      samples: [{ labels: { version: parts.version }, value: 1 }],
    },
    {
      name: "meridian_collected_timestamp_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When these were looked up: an isolate keeps them for five seconds.",
      samples: [{ value: now / 1_000 }],
    },
    {
      name: "meridian_up",
      type: "gauge",
      help: "Whether what the metrics are read from answered. What it would have told is missing when it did not.",
      samples: [
        ...parts.topology.shards.map(({ primary }, at) => up(`postgres:${primary.name}`, shards[at]?.ok === true)),
        up("redis", marks.ok),
      ],
    },
    gauge("deliveries", "Webhook deliveries that are not finished.", "deliveries", "state"),
    gauge(
      "deliveries_oldest_due_seconds",
      "For how long the oldest delivery that may be sent has not been.",
      "deliveries_oldest",
      undefined,
      "seconds",
    ),
    gauge("jobs", "Jobs that are not finished.", "jobs", "kind"),
    gauge("jobs_oldest_seconds", "Age of the oldest job that is not finished.", "jobs_oldest", "kind", "seconds"),
    gauge("subscriber_lag_spaces", "Spaces whose log is not followed to its head.", "lag_spaces", "subscriber"),
    gauge("subscriber_lag_positions", "The most positions that one of them is behind.", "lag_positions", "subscriber"),
    gauge(
      "subscriber_lag_seconds",
      "Age of the oldest event that was not followed.",
      "lag_oldest",
      "subscriber",
      "seconds",
    ),
    gauge(
      "subscriber_stopped_spaces",
      "Spaces in which a subscriber waits for an operator: see the dead letters.",
      "stopped",
      "subscriber",
    ),
    gauge("dead_letters", "Dead letters; counted to 10,000.", "dead_letters"),
    gauge("dead_letters_oldest_seconds", "Age of the oldest dead letter.", "dead_letters_oldest", undefined, "seconds"),
    ...(marks.ok ? dirtyOf(marks.value, now) : []),
  ];
}

function dirtyOf(marks: readonly { readonly mark: number }[], now: Instant): readonly Family[] {
  const past = marks.filter(({ mark }) => timeOf(mark) <= now);
  const oldest = Math.min(now, ...past.map(({ mark }) => timeOf(mark)));
  return [
    {
      name: "meridian_dirty_spaces",
      type: "gauge",
      help: "Spaces that the sweep has to look at; counted to 1,000.",
      samples: [{ value: past.length }],
    },
    {
      name: "meridian_dirty_oldest_seconds",
      type: "gauge",
      unit: "seconds",
      help: "For how long the first of them has waited: more than two minutes, and no sweep runs.",
      samples: [{ value: (now - oldest) / 1_000 }],
    },
  ];
}

/** Past the guards: what is only looked at must not open a breaker that writes go through, nor take their places. */
async function askShard(
  { client, subscribers }: MetricsParts,
  { name, primary }: Shard,
  now: Instant,
): Promise<readonly Told[]> {
  const statement = renderSql(
    sql`select * from shard_metrics(${`{${subscribers.join(",")}}`}::text[], ${new Date(now).toISOString()}::timestamptz, ${MOST})`,
  );
  const rows = await client.call(primary, statement, { signal: AbortSignal.timeout(TIMEOUT), caller: "job" });
  return rows.map((row) => ({
    shard: name,
    metric: row["metric"] as string,
    what: row["what"] as string | null,
    value: Number(row["value"]),
  }));
}
