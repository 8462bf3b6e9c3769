// The exact counter against the Redis of this machine and always the in-process one: never more than the quota in a window, whoever is late.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createConditions } from "../../local/conditions.ts";
import { createCounters } from "../../local/counters.ts";
import { startInProcessRedis } from "../../local/redis/in-process.ts";
import { startUpstashGateway, type UpstashGateway } from "../../local/upstash-gateway.ts";
import { dirtySet } from "../../src/adapters/upstash/dirty-set.ts";
import { exactCounter } from "../../src/adapters/upstash/exact-counter.ts";
import { connectRedis, type Redis, type RedisOptions } from "../../src/adapters/upstash/redis.ts";
import { addSpending } from "../../src/adapters/upstash/spending-counter.ts";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import type { Counted, ExactCounter } from "../../src/platform/admission/exact-budgets.ts";
import { digestKey, HEAD } from "../../src/platform/freshness/digest.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { stackHere } from "../support/here.ts";

const TOKEN = "in-process";
const clock: Clock = { now: () => instant(Date.now()) };
/** Its timeout is what these tests set; a busy machine is no outage. */
const guarded = (address: Omit<RedisOptions, "guard">, timeout = 20_000): Redis =>
  connectRedis({
    ...address,
    guard: guard("redis", { timeout: millis(timeout), breakAfter: 3, halfOpenAfter: millis(1), bulkhead: 200, clock }),
  });

let runs = 0;
const fresh = (): string => `test:${Date.now().toString(36)}:${++runs}`;
const admitted = (all: readonly Counted[]): number => all.filter((each) => each.admitted).length;
const counters = createCounters([]);
const conditions = createConditions();
let inProcess: UpstashGateway;

beforeAll(async () => {
  inProcess = await startUpstashGateway(startInProcessRedis(), TOKEN, conditions, counters);
});
afterAll(() => inProcess.stop());
afterEach(() => {
  vi.useRealTimers();
  conditions.clearFault("redis");
});

describe.each(["the Redis of this machine", "the in-process one"])("%s", (which) => {
  let redis: Redis;
  let counter: ExactCounter;
  beforeEach(() => {
    redis = guarded(which === "the in-process one" ? { url: inProcess.url, token: TOKEN } : stackHere().redis);
    counter = exactCounter(redis);
  });

  test("gives a quota out once, to however many ask at once", async () => {
    const [key, limit] = [fresh(), { quota: 20, window: 86_400 }];
    const all = await Promise.all(Array.from({ length: 60 }, () => counter.count(key, limit, 1)));
    expect(admitted(all)).toBe(20);
    expect(
      all
        .filter((each) => each.admitted)
        .map(({ remaining }) => remaining)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(all[0]?.endsAt).toBe(Math.ceil(Date.now() / 86_400_000) * 86_400_000);
    expect((await counter.count(`${key}:other`, limit, 1)).remaining).toBe(19);
  });

  test("who was slow on the way meets the counter of the window that it was sent in, used up", async () => {
    const limit = { quota: 3, window: 2 };
    // Longer than a window: everybody else's counting was over when it arrives.
    const slow = exactCounter({
      ...redis,
      each: async (...asked) => {
        await new Promise((resolve) => setTimeout(resolve, 2_300));
        return await redis.each(...asked);
      },
    });
    for (let round = 0; round < 10; round += 1) {
      const key = fresh();
      await new Promise((resolve) => setTimeout(resolve, 2_000 - (Date.now() % 2_000)));
      const late = slow.count(key, limit, 1);
      const all = await Promise.all(Array.from({ length: 5 }, () => counter.count(key, limit, 1)));
      const last = await late;
      // A machine that took longer than a window for this has to try again.
      if (all.some(({ endsAt }) => endsAt !== last.endsAt)) continue;
      expect([admitted(all), last.admitted]).toEqual([3, false]);
      return;
    }
    throw new Error("five counts never fell into one window");
  }, 60_000);

  test("counts more than one at once: what was let through while it was away", async () => {
    const [key, limit] = [fresh(), { quota: 10, window: 86_400 }];
    expect(await counter.count(key, limit, 8)).toMatchObject({ admitted: true, remaining: 2 });
    expect(await counter.count(key, limit, 3)).toMatchObject({ admitted: false, remaining: 0 });
    expect(await counter.count(key, limit, 1)).toMatchObject({ admitted: false });
  });

  test("marks the space in the same request, also for whoever is refused", async () => {
    const space = { uid: spaceUid(9_000_000 + runs), epoch: 1, residency: "us" };
    await redis.pipeline((pipeline) => pipeline.zadd(digestKey(space), { score: 41, member: HEAD }));
    const [key, limit] = [fresh(), { quota: 1, window: 86_400 }];
    const [first, second] = [
      await counter.count(key, limit, 1, { space, mark: 5 }),
      await counter.count(key, limit, 1, { space, mark: 6 }),
    ];
    expect([first, second]).toMatchObject([
      { admitted: true, marked: { seen: 41 } },
      { admitted: false, marked: { seen: 41 } },
    ]);
    const marks = await dirtySet(redis).oldest(1_000);
    expect(marks.filter(({ space: { uid } }) => uid === space.uid)).toEqual([{ space, mark: 6 }]);
    await dirtySet(redis).remove([{ space, mark: 6 }]);
    expect((await counter.count(key, limit, 1)).marked).toBeUndefined();
  });

  test("a mark that cannot be set does not keep anybody from being counted", async () => {
    const space = { uid: spaceUid(9_500_000 + runs), epoch: 1, residency: "us" };
    await redis.pipeline((pipeline) => pipeline.set(digestKey(space), "no sorted set"));
    const counted = await counter.count(fresh(), { quota: 1, window: 86_400 }, 1, { space, mark: 5 });
    expect(counted).toMatchObject({ admitted: true });
    expect(counted.marked).toBeUndefined();
    await dirtySet(redis).remove([{ space, mark: 5 }]);
  });

  test("what was spent of approximate budgets is added up, and forgotten after its time", async () => {
    const [one, other] = [fresh(), fresh()];
    const add = (counter: string, spent: number) => ({ counter, spent, keep: 100 });
    expect(await addSpending(redis, [add(one, 5), add(other, 7)])).toEqual([5, 7]);
    expect(await addSpending(redis, [add(one, 1)])).toEqual([6]);
    const [left] = await redis.pipeline((pipeline) => pipeline.ttl(one));
    expect(left).toBeGreaterThan(50);
  });
});

describe("when it does not answer, it is known that nothing is known", () => {
  const open = (timeout?: number): ExactCounter => exactCounter(guarded({ url: inProcess.url, token: TOKEN }, timeout));
  const limit = { quota: 10, window: 60 };

  test.each(["down", "error"] as const)("%s", async (mode) => {
    conditions.setFault("redis", { mode });
    await expect(open().count(fresh(), limit, 1)).rejects.toMatchObject({ name: "Outage", reason: "failed" });
  });

  test("it hangs: the guard gives up", async () => {
    conditions.setFault("redis", { mode: "hang" });
    await expect(open(50).count(fresh(), limit, 1)).rejects.toMatchObject({ name: "Outage", reason: "timeout" });
  });

  test("the library's own timeout lets nobody through either", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const silent = { each: () => new Promise(() => undefined) } as unknown as Redis;
    const asked = expect(exactCounter(silent).count(fresh(), limit, 1)).rejects.toMatchObject({ reason: "timeout" });
    await vi.advanceTimersByTimeAsync(10_000);
    await asked;
  });

  test("a script that Redis has forgotten is sent again, in a second request, and the mark is not", async () => {
    const key = fresh();
    const redis = guarded({ url: inProcess.url, token: TOKEN });
    await redis.each((pipeline) => pipeline.scriptFlush());
    counters.reset();
    const space = { uid: spaceUid(9_900_000), epoch: 1, residency: "us" };
    const counted = await exactCounter(redis).count(key, limit, 1, { space, mark: 1 });
    expect(counted).toMatchObject({ admitted: true, remaining: 9, marked: { seen: undefined } });
    expect(counters.total().redis).toEqual({ requests: 2, commands: 4 });
    counters.reset();
    await exactCounter(redis).count(key, limit, 1, { space, mark: 1 });
    expect(counters.total().redis).toEqual({ requests: 1, commands: 3 });
    await dirtySet(redis).remove([{ space, mark: 1 }]);
  });
});
