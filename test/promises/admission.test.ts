// Fifty isolates in front of one Redis: what they let through together, what they wait for, and what they do when it is away.
import { afterEach, describe, expect, test } from "vitest";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import type { ExactBudget, Spent } from "../../src/platform/admission/exact-budgets.ts";
import { ANONYMOUS, openReadBudgets } from "../../src/platform/admission/read-budgets.ts";
import { until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { type Isolate, noWalls, openIsolates, sharedWall, wallClock } from "../support/isolates.ts";

const { redis, control: controlUrl } = stackHere();
const control = openControl(controlUrl);
afterEach(() => control.restore());

const ISOLATES = 50;
let runs = 0;
/** A space of one test alone. Uids of this size are given to nobody. */
const fresh = () => ({ uid: spaceUid(1_500_000_000 + (Date.now() % 400_000_000) + ++runs), epoch: 1 });

const spend = (
  { admission }: Isolate,
  space: ReturnType<typeof fresh>,
  limit: { quota: number; window: number },
  budget: ExactBudget = "write",
): Promise<Spent> => admission.exact.spend(budget, `${space.uid}.1:key`, limit, space);

const seconds = async (n: number, turn: () => Promise<unknown>): Promise<void> => {
  const end = performance.now() + n * 1_000;
  while (performance.now() < end) await turn();
};

describe("exact budgets", () => {
  test.each<ExactBudget>(["write", "bulk", "auth", "generate"])(
    "%s: all isolates together never let more through than the quota of a window, though some are far away",
    async (budget) => {
      const [space, limit] = [fresh(), { quota: 100, window: 1 }];
      // The nearest begin each window; what the farthest sent within it comes a third of a second after its end.
      const isolates = openIsolates(ISOLATES, { redis, lag: (n) => (n % 5) * 80 });
      const byWindow = new Map<number, number>();
      await Promise.all(
        isolates.map((isolate) =>
          seconds(5, async () => {
            // Of the library's own clock, before it looks: a window that ends in between is told apart by its end.
            const spent = await spend(isolate, space, limit, budget);
            if (spent.is === "refused") await new Promise((resolve) => setTimeout(resolve, 5));
            if (spent.is !== "admitted" || spent.endsAt === undefined) return;
            byWindow.set(spent.endsAt, (byWindow.get(spent.endsAt) ?? 0) + 1);
          }),
        ),
      );
      const windows = [...byWindow.values()];
      expect(windows.length).toBeGreaterThanOrEqual(4);
      expect(Math.max(...windows)).toBe(100);
    },
    60_000,
  );
});

describe("the read budget", () => {
  /**
   * Fifty isolates on a clock of their own, so that no machine is too slow for it: a Redis that takes `latency` each way, and news that are
   * taken along by the first read that finds the last ones `every` milliseconds old, as a refresh does.
   */
  function simulate({
    quota,
    perSecond,
    every,
    latency,
    seed,
  }: Readonly<Record<"quota" | "perSecond" | "every" | "latency" | "seed", number>>) {
    const clock = { at: instant(1_800_000_000_000), now: () => clock.at };
    const start = clock.at;
    const space = { uid: spaceUid(1), epoch: 1 };
    let state = seed;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const isolates = Array.from({ length: ISOLATES }, () => ({
      budgets: openReadBudgets(clock),
      next: start + random() * 1_000,
      refreshed: Number.NEGATIVE_INFINITY,
    }));
    const later: { at: number; run: () => void }[] = [];
    const totals = new Map<string, number>();
    const weights = [1, 1, 1, 5, 20];
    let [admitted, reports] = [0, 0];
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
    const gap = (ISOLATES * mean * 1_000) / perSecond;
    for (let ms = 0; ms < 20_000; ms += 1) {
      clock.at = instant(start + ms);
      for (const due of later.filter(({ at }) => at <= clock.at)) {
        later.splice(later.indexOf(due), 1);
        due.run();
      }
      for (const isolate of isolates) {
        if (isolate.next > clock.at) continue;
        isolate.next = clock.at + gap * (0.5 + random());
        const weight = weights[Math.floor(random() * weights.length)] as number;
        const account = isolate.budgets.account(space, ANONYMOUS, { quota, window: 86_400 });
        if (!account.charge(1, clock.at)) continue;
        account.spend(weight - 1, clock.at);
        admitted += weight;
        if (clock.at - isolate.refreshed < every) continue;
        isolate.refreshed = clock.at;
        const told = isolate.budgets.take(space);
        if (told.length === 0) continue;
        reports += 1;
        const way = latency * (0.5 + random());
        later.push({
          at: clock.at + way,
          run: () => {
            const sums = told.map(({ counter, spent }) => {
              const sum = (totals.get(counter) ?? 0) + spent;
              totals.set(counter, sum);
              return sum;
            });
            later.push({ at: clock.at + way, run: () => isolate.budgets.heard(space, told, sums) });
          },
        });
      }
    }
    return { admitted, reports };
  }

  test.each([
    ["news behind every answer, Redis near", { every: 0, latency: 5 }],
    ["news behind every answer, Redis far", { every: 0, latency: 80 }],
    ["news with a refresh every half second, Redis near", { every: 500, latency: 5 }],
    ["news with a refresh every half second, Redis far", { every: 500, latency: 80 }],
  ])("passes the quota by less than one second of what is offered: %s", (_, { every, latency }) => {
    const passed: number[] = [];
    for (let seed = 1; seed <= 2; seed += 1) {
      for (const perSecond of [1_000, 10_000]) {
        for (const quota of [perSecond * 0.6, perSecond * 3, perSecond * 12]) {
          const { admitted, reports } = simulate({ quota, perSecond, every, latency, seed });
          expect(admitted).toBeGreaterThanOrEqual(quota);
          expect(admitted - quota, `${quota} at ${perSecond}/s`).toBeLessThanOrEqual(perSecond);
          expect(reports).toBeGreaterThan(0);
          passed.push((admitted - quota) / perSecond);
        }
      }
    }
    console.info(`passed the quota by ${Math.max(...passed).toFixed(2)} s of the load at most`);
  });

  test("on the real thing as well, and it is told no oftener than it has to", async () => {
    const [space, limit] = [fresh(), { quota: 4_000, window: 86_400 }];
    const isolates = openIsolates(ISOLATES, { redis });
    const perTurn = 2;
    let admitted = 0;
    /** Units offered, by second: what is one second of load on this machine, today. */
    const offered = new Map<number, number>();
    await control.resetCounters();
    await Promise.all(
      isolates.map((isolate) =>
        seconds(8, async () => {
          const now = wallClock.now();
          const second = Math.floor(performance.now() / 1_000);
          offered.set(second, (offered.get(second) ?? 0) + perTurn);
          const account = isolate.admission.reads.account(space, "key", limit);
          if (account.charge(1, now)) {
            account.spend(perTurn - 1, now);
            admitted += perTurn;
            void isolate.report(space);
          }
          await new Promise((resolve) => setTimeout(resolve, 100));
        }),
      ),
    );
    const load = Math.max(...offered.values());
    expect(admitted).toBeGreaterThanOrEqual(4_000);
    expect(admitted - 4_000).toBeLessThanOrEqual(load);
    const { requests } = (await control.counters()).redis;
    console.info(
      `${admitted - 4_000} of ${load} a second past the quota; ${requests} reports for ${admitted / perTurn} reads`,
    );
  }, 60_000);

  test("never waits: with a Redis that answers nobody, each isolate counts for itself", async () => {
    await control.fault("redis", { mode: "hang" });
    const [space, limit] = [fresh(), { quota: 100, window: 86_400 }];
    const isolates = openIsolates(ISOLATES, { redis, timeout: 500 });
    const waiting: Promise<void>[] = [];
    let [admitted, asked] = [0, 0];
    // Not one turn of the event loop: nothing can have been waited for.
    for (const isolate of isolates) {
      for (let n = 0; n < 150; n += 1) {
        asked += 1;
        if (!isolate.admission.reads.account(space, "key", limit).charge(1, wallClock.now())) continue;
        admitted += 1;
        waiting.push(isolate.report(space));
      }
    }
    expect([asked, admitted]).toEqual([150 * ISOLATES, 100 * ISOLATES]);
    await Promise.all(waiting);
    // The first was lost on the way: it is not told again, and goes on counting.
    for (const { admission } of isolates) {
      expect(admission.reads.account(space, "key", limit).charge(1, wallClock.now())).toBe(false);
      expect(admission.reads.take(space).map(({ spent }) => spent)).toEqual([99]);
    }
  }, 60_000);
});

describe.each(["down", "error", "hang"] as const)("Redis is away (%s)", (mode) => {
  test("each budget has its policy, and exactness is back with Redis", async () => {
    const space = fresh();
    const limit = { quota: 40, window: 86_400 };
    const walls = { ...noWalls(), write: sharedWall(1_000), auth: sharedWall(5) };
    const isolates = openIsolates(ISOLATES, { redis, walls, timeout: 500 });
    await control.fault("redis", { mode });
    const outcomes = async (budget: ExactBudget): Promise<Readonly<Record<string, number>>> => {
      const all: Record<string, number> = {};
      await Promise.all(
        isolates.map(async (isolate) => {
          for (let n = 0; n < 10; n += 1) {
            const { is } = await spend(isolate, space, limit, budget);
            all[is] = (all[is] ?? 0) + 1;
          }
        }),
      );
      return all;
    };
    expect(await outcomes("write")).toEqual({ admitted: 500 });
    expect(await outcomes("bulk")).toEqual({ admitted: 500 });
    // A few a minute for each location, however many isolates it has.
    expect(await outcomes("auth")).toEqual({ admitted: 5, refused: 495 });
    expect(await outcomes("generate")).toEqual({ closed: 500 });

    await control.heal("redis");
    await until("every isolate has found Redis again", async () => {
      const states = await Promise.all(isolates.map((isolate) => spend(isolate, fresh(), limit, "generate")));
      return states.every(({ is }) => is === "admitted");
    });
    const again = fresh();
    const spent = await Promise.all(
      isolates.flatMap((isolate) => [spend(isolate, again, limit), spend(isolate, again, limit)]),
    );
    expect(spent.filter(({ is }) => is === "admitted")).toHaveLength(40);
  }, 60_000);
});

test("slow but alive is not away: nobody is let through uncounted", async () => {
  await control.fault("redis", { mode: "latency", ms: 300 });
  const [space, limit] = [fresh(), { quota: 30, window: 86_400 }];
  const isolates = openIsolates(ISOLATES, { redis, timeout: 10_000 });
  const spent = await Promise.all(isolates.map((isolate) => spend(isolate, space, limit)));
  expect(spent.filter(({ is }) => is === "admitted")).toHaveLength(30);
}, 60_000);
