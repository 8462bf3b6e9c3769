// Many isolates in one process: each with its own admission, guard and connection, all in front of one Redis.
import { exactCounter } from "../../src/adapters/upstash/exact-counter.ts";
import { connectRedis, type Redis } from "../../src/adapters/upstash/redis.ts";
import { addSpending } from "../../src/adapters/upstash/spending-counter.ts";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import { type Admission, openAdmission } from "../../src/platform/admission/admission.ts";
import { spendingReporter } from "../../src/platform/admission/spending-reporter.ts";
import type { Wall, Walls } from "../../src/platform/admission/wall.ts";
import type { SpaceLife } from "../../src/platform/freshness/digest.ts";
import { guard } from "../../src/platform/resilience/guard.ts";

export interface Isolate {
  readonly admission: Admission;
  /** As compose hangs it behind every answer. */
  report(space: SpaceLife): Promise<void>;
}

export const wallClock: Clock = { now: () => instant(Date.now()) };

/** A binding of one location: all isolates share it. */
export function sharedWall(limit: number): Wall {
  const counts = new Map<string, number>();
  return {
    async admits(key) {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return count <= limit;
    },
  };
}

export const noWalls = (): Walls => ({ address: sharedWall(0), write: sharedWall(0), auth: sharedWall(0) });

export interface IsolateOptions {
  readonly redis: { readonly url: string; readonly token: string };
  readonly walls?: Walls;
  /** How much later than it was sent the n-th isolate's request reaches Redis, in milliseconds. */
  lag?(n: number): number;
  readonly timeout?: number;
}

export function openIsolates(
  count: number,
  { redis, walls = noWalls(), lag, timeout = 20_000 }: IsolateOptions,
): readonly Isolate[] {
  return Array.from({ length: count }, (_, n) => {
    const own = connectRedis({
      ...redis,
      guard: guard("redis", {
        timeout: millis(timeout),
        breakAfter: 3,
        halfOpenAfter: millis(200),
        bulkhead: 200,
        clock: wallClock,
      }),
    });
    const far = delayed(own, lag?.(n) ?? 0);
    const admission = openAdmission({ counter: exactCounter(far), walls, clock: wallClock });
    return { admission, report: spendingReporter(admission.reads, (reports) => addSpending(far, reports)) };
  });
}

function delayed(redis: Redis, ms: number): Redis {
  if (ms === 0) return redis;
  const late = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
  };
  return {
    ...redis,
    each: async (...asked) => {
      await late();
      return await redis.each(...asked);
    },
    pipeline: async (...asked) => {
      await late();
      return await redis.pipeline(...asked);
    },
  };
}
