// What is rented, as ports: bindings and settings of the platform, Postgres, Redis, and everything that knows no context.

import { bellQueue, type QueueBinding } from "../adapters/cloudflare/bell-queue.ts";
import { type BucketBinding, r2Blobs } from "../adapters/cloudflare/blobs.ts";
import { dataCentre } from "../adapters/cloudflare/colo.ts";
import { queueJobWaker } from "../adapters/cloudflare/job-waker.ts";
import { letterQueues } from "../adapters/cloudflare/letter-queues.ts";
import { rateLimitWalls, type WallBindings } from "../adapters/cloudflare/rate-limit-walls.ts";
import { pingShield, shieldTier } from "../adapters/cloudflare/shield.ts";
import { type BatchQueue, queueWaker } from "../adapters/cloudflare/waker.ts";
import { neonClient } from "../adapters/neon/sql-client.ts";
import { tagHash } from "../adapters/noble-hashes/tag-hash.ts";
import { chatProvider } from "../adapters/openai/chat-provider.ts";
import { digestStore } from "../adapters/upstash/digest-store.ts";
import { dirtySet } from "../adapters/upstash/dirty-set.ts";
import { exactCounter } from "../adapters/upstash/exact-counter.ts";
import { connectRedis } from "../adapters/upstash/redis.ts";
import { addSpending } from "../adapters/upstash/spending-counter.ts";
import type { Config } from "../config.ts";
import type { Keyed } from "../http/edge/question.ts";
import { queueOfJob } from "../jobs/messages.ts";
import { type Clock, instant, millis, seconds } from "../kernel/clock.ts";
import { openAdmission } from "../platform/admission/admission.ts";
import { spendingReporter } from "../platform/admission/spending-reporter.ts";
import { openDatabase } from "../platform/database/open-database.ts";
import { openDigest } from "../platform/freshness/digest.ts";
import { openFreshness } from "../platform/freshness/memo.ts";
import { coalescedBells } from "../platform/relay/bell.ts";
import type { Report } from "../platform/relay/relay.ts";
import { openGuards } from "../platform/resilience/guards.ts";

export interface Bindings extends WallBindings {
  readonly CHANGES: QueueBinding;
  readonly SHIELD: Parameters<typeof shieldTier<Keyed>>[0];
  readonly DELIVERIES: BatchQueue;
  readonly WORK: QueueBinding;
  readonly GENERATION: QueueBinding;
  readonly INSIGHT: QueueBinding;
  readonly DEAD_LETTERS: QueueBinding;
  readonly BLOBS: BucketBinding;
  readonly ASSETS: { fetch(request: Request): Promise<Response> };
  readonly VERSION: { readonly id: string };
}

/** Requests under way at which imports make room. */
const BUSY = 20;

export type Rented = ReturnType<typeof rent>;

export function rent(env: Bindings, config: Config) {
  const { topology, generation } = config;
  const clock: Clock = { now: () => instant(Date.now()) };
  const random = Math.random;
  const sleep = (time: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, time));
  const report: Report = (event, facts) => console.log(JSON.stringify({ event, ...facts }));

  const guards = openGuards(topology, clock);
  const client = neonClient(config.neonFetchEndpoint);
  const shards = { topology, client, guardOf: guards.guardOf };
  const redis = connectRedis({ url: config.redisUrl, token: config.redisToken, guard: guards.redis });
  const digest = openDigest({ store: digestStore(redis), hash: tagHash(config.secret), random });
  const bells = coalescedBells(bellQueue(env.CHANGES, guards.queues), clock);
  const insightBells = coalescedBells(bellQueue(env.INSIGHT, guards.queues), clock);
  const colo = dataCentre(guards.colo);
  const walls = rateLimitWalls(env, guards.wall);
  const admission = openAdmission({ counter: exactCounter(redis), walls, clock });
  const freshness = openFreshness({
    ...{ digest, clock, sleep },
    spending: admission.reads,
    shared: colo.pages,
    isAway: () => guards.redis.state().breaker !== "closed",
    ring: ({ uid, epoch, residency }, position) =>
      bells.ringLater({ uid, epoch, residency, position }, { delay: seconds(0) }),
  });
  const queues = {
    changes: env.CHANGES,
    deliveries: env.DELIVERIES,
    work: env.WORK,
    generation: env.GENERATION,
    insight: env.INSIGHT,
    "dead-letters": env.DEAD_LETTERS,
  };
  return {
    ...{
      clock,
      random,
      sleep,
      report,
      guards,
      client,
      shards,
      digest,
      bells,
      insightBells,
      colo,
      admission,
      freshness,
    },
    uuid: (): string => crypto.randomUUID(),
    database: openDatabase(shards),
    dirty: dirtySet(redis),
    provider:
      generation &&
      chatProvider({ ...generation, timeout: millis(generation.timeoutSeconds * 1_000) }, guards.provider),
    reportSpending: spendingReporter(admission.reads, (reports) => addSpending(redis, reports)),
    shield: shieldTier(env.SHIELD, guards.shield),
    pingShield: () => pingShield(env.SHIELD, guards.shield),
    waker: queueWaker(queues, guards.queues, report),
    isBusy: (): boolean => admission.load.underWay() > BUSY,
    blobs: r2Blobs(env.BLOBS, guards.blobs),
    jobWaker: queueJobWaker((kind) => queues[queueOfJob(kind)], guards.queues, report),
    letters: letterQueues(queues, guards.queues),
  };
}
