// Admission without anything rented: plans, windows, accounts, what is under way, and what happens when the counter is away.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOf } from "../../src/http/address.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { worthOf } from "../../src/http/worth.ts";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { openAdmission } from "../../src/platform/admission/admission.ts";
import { type Counted, openExactBudgets } from "../../src/platform/admission/exact-budgets.ts";
import { openLoad } from "../../src/platform/admission/load.ts";
import { BUDGET_NAMES, limitOf, PLAN_LIMITS } from "../../src/platform/admission/plans.ts";
import { openReadBudgets } from "../../src/platform/admission/read-budgets.ts";
import type { SpendingReport } from "../../src/platform/admission/spending.ts";
import { spendingReporter } from "../../src/platform/admission/spending-reporter.ts";
import type { Walls } from "../../src/platform/admission/wall.ts";
import { Outage, type OutageReason } from "../../src/platform/resilience/outage.ts";

const SPACE = { uid: spaceUid(7), epoch: 1 };
const OTHER = { uid: spaceUid(8), epoch: 1 };
/** The first moment of a minute. */
const NOON = instant(Date.UTC(2026, 0, 1, 12));
const MINUTE = { quota: 100, window: 60 };

function movable(at = NOON) {
  const clock = {
    at,
    now: () => instant(clock.at),
    pass(ms: number) {
      clock.at = instant(clock.at + ms);
    },
  };
  return clock;
}

describe("plans", () => {
  test("a space's own limit stands in for the plan's, budget by budget", () => {
    const own = { quota: 5, window: 3_600 };
    for (const plan of ["free", "pro", "scale"] as const) {
      for (const budget of BUDGET_NAMES) {
        expect(limitOf({ plan, limits: {} }, budget)).toEqual(PLAN_LIMITS[plan][budget]);
        expect(limitOf({ plan, limits: { [budget]: own } }, budget)).toBe(own);
        expect(limitOf({ plan, limits: { other: own } }, budget)).toEqual(PLAN_LIMITS[plan][budget]);
      }
      expect(PLAN_LIMITS[plan].generate).toEqual({ quota: 10, window: 60 });
    }
  });
});

test("the guide shows the numbers that count", () => {
  const guide = readFileSync("docs/guides/limits.md", "utf8");
  for (const budget of BUDGET_NAMES) {
    const [, ...cells] = new RegExp(`^\\| \`${budget}\`[^|]*\\|([^|]+)\\|([^|]+)\\|([^|]+)\\|`, "m").exec(guide) ?? [];
    const shown = cells.map((cell) => Number(cell.replaceAll(",", "")));
    expect(shown, budget).toEqual((["free", "pro", "scale"] as const).map((plan) => PLAN_LIMITS[plan][budget].quota));
  }
  const limits = [
    ...readFileSync("wrangler.toml", "utf8").matchAll(/name = "(\w*WALL)"[^[]*?limit = (\d+), period = (\d+)/g),
  ];
  expect(limits.map(([, name, limit, period]) => `${name} ${limit} ${period}`)).toEqual(
    ["60000", "600", "600"].flatMap((wall) => [`WALL ${wall} 60`, "WRITE_WALL 6000 60", "AUTH_WALL 5 60"]),
  );
});

describe("the read budget", () => {
  test("admits until the quota is reached, and anew when the clock's window ends", () => {
    const clock = movable(instant(NOON + 59_000));
    const account = openReadBudgets(clock).account(SPACE, "key", { quota: 10, window: 60 });
    expect([account.charge(5, clock.now()), account.charge(4, clock.now())]).toEqual([true, true]);
    expect(account.state(clock.now())).toEqual({ quota: 10, window: 60, remaining: 1, reset: 1 });
    // The last one may cost more than what is left; a refused one costs nothing.
    expect([account.charge(5, clock.now()), account.charge(1, clock.now())]).toEqual([true, false]);
    expect(account.state(clock.now()).remaining).toBe(0);
    clock.pass(1_000);
    expect(account.charge(1, clock.now())).toBe(true);
    expect(account.state(clock.now())).toEqual({ quota: 10, window: 60, remaining: 9, reset: 60 });
  });

  test("what an answer cost is counted past the quota as well", () => {
    const clock = movable();
    const account = openReadBudgets(clock).account(SPACE, "key", { quota: 2, window: 60 });
    expect(account.charge(1, clock.now())).toBe(true);
    account.spend(19, clock.now());
    expect([account.state(clock.now()).remaining, account.charge(1, clock.now())]).toEqual([0, false]);
  });

  test("what others spent counts from when it is heard, and a total never falls", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const account = budgets.account(SPACE, "key", MINUTE);
    account.charge(10, clock.now());
    const [report] = budgets.take(SPACE) as [SpendingReport];
    expect(report).toEqual({ counter: expect.stringMatching(/^spent:7\.1:read:key:60:\d+$/), spent: 10, keep: 120 });
    account.charge(10, clock.now());
    expect(account.state(clock.now()).remaining).toBe(80);
    budgets.heard(SPACE, [report], [60]);
    expect(account.state(clock.now()).remaining).toBe(30);
    clock.pass(500);
    const second = budgets.take(SPACE);
    expect(second).toEqual([{ ...report, spent: 10 }]);
    budgets.heard(SPACE, second, [40]);
    expect(account.state(clock.now()).remaining).toBe(40);
    expect(account.charge(40, clock.now())).toBe(true);
    expect(account.charge(1, clock.now())).toBe(false);
  });

  test("what was lost on the way is told to nobody a second time, and goes on counting here", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const account = budgets.account(SPACE, "key", MINUTE);
    account.charge(60, clock.now());
    budgets.lost(SPACE, budgets.take(SPACE));
    clock.pass(5_000);
    expect(budgets.take(SPACE)).toEqual([]);
    expect([account.charge(40, clock.now()), account.charge(1, clock.now())]).toEqual([true, false]);
  });

  test("is told once a second while the quota is far, more often when it is close, and at once when nothing is known", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const account = budgets.account(SPACE, "key", { quota: 10_000, window: 60 });
    let total = 0;
    const told: number[] = [];
    for (let at = 0; at < 20_000; at += 50) {
      account.spend(40, clock.now());
      const reports = budgets.take(SPACE);
      if (reports.length > 0) told.push(at);
      for (const { spent } of reports) total += spent;
      budgets.heard(
        SPACE,
        reports,
        reports.map(() => total),
      );
      clock.pass(50);
    }
    const gaps = told.slice(1).map((at, i) => at - (told[i] ?? 0));
    // Two to learn the rate of 800 a second; ten seconds of calm; then close to 10,000.
    expect(told[0]).toBe(0);
    expect(gaps[0]).toBe(200);
    expect(gaps.slice(1, 9)).toEqual(Array(8).fill(1_000));
    expect(Math.max(...gaps.slice(12))).toBe(200);
  });

  test("the number that is told leaves room for what others spend meanwhile; alone, it is exact", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const account = budgets.account(SPACE, "key", { quota: 1_000, window: 60 });
    const tell = (others: number): void => {
      account.spend(10, clock.now());
      const reports = budgets.take(SPACE);
      own += 10;
      budgets.heard(SPACE, reports, [own + others]);
    };
    let own = 0;
    tell(0);
    clock.pass(1_000);
    tell(0);
    clock.pass(900);
    expect(account.state(clock.now()).remaining).toBe(980);
    clock.pass(100);
    tell(100);
    expect(account.state(clock.now()).remaining).toBe(870);
    clock.pass(500);
    expect(account.state(clock.now()).remaining).toBe(820);
    clock.pass(30_000);
    expect(account.state(clock.now()).remaining).toBe(770);
  });

  test("a raised quota counts at once, another window begins anew, spaces and their lives are apart", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const charge = (space: typeof SPACE, limit: { quota: number; window: number }): boolean =>
      budgets.account(space, "key", limit).charge(1, clock.now());
    const one = { quota: 1, window: 60 };
    expect([charge(SPACE, one), charge(SPACE, one), charge(OTHER, one), charge({ ...SPACE, epoch: 2 }, one)]).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect([charge(SPACE, { quota: 2, window: 60 }), charge(SPACE, { quota: 2, window: 60 })]).toEqual([true, false]);
    expect([charge(SPACE, { quota: 1, window: 10 }), charge(SPACE, { quota: 1, window: 10 })]).toEqual([true, false]);
    expect(budgets.take(OTHER).map(({ counter }) => counter)).toEqual([expect.stringMatching(/^spent:8\.1:read:key:/)]);
  });

  test("accounts are bounded in number: the one that was not used for longest begins anew", () => {
    const clock = movable();
    const budgets = openReadBudgets(clock, 2);
    const charge = (credential: string): boolean =>
      budgets.account(SPACE, credential, { quota: 1, window: 60 }).charge(1, clock.now());
    expect([charge("a"), charge("b"), charge("a"), charge("c"), charge("a"), charge("b")]).toEqual([
      true,
      true,
      false,
      true,
      false,
      true,
    ]);
    expect(budgets.take(SPACE).map(({ counter }) => counter.split(":")[3])).toEqual(["a", "b"]);
  });

  test("alone, it never admits more than the quota and the weight of the last request, in whatever order things are told", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom("take", "heard", "lost", "wait")), {
          maxLength: 200,
        }),
        (steps) => {
          const clock = movable();
          const budgets = openReadBudgets(clock);
          const account = budgets.account(SPACE, "key", MINUTE);
          const way: (readonly SpendingReport[])[] = [];
          let [admitted, counted] = [0, 0];
          for (const step of steps) {
            if (step === "wait") clock.pass(250);
            else if (step === "take") way.push(budgets.take(SPACE));
            else if (typeof step === "number") {
              if (account.charge(step, clock.now())) admitted += step;
            } else {
              const reports = way.shift() ?? [];
              if (step === "lost") budgets.lost(SPACE, reports);
              else
                budgets.heard(
                  SPACE,
                  reports,
                  reports.map(({ spent }) => (counted += spent)),
                );
            }
          }
          expect(clock.at - NOON).toBeLessThan(60_000);
          expect(admitted).toBeLessThan(100 + 20);
          expect(account.state(clock.now()).remaining).toBe(Math.max(0, 100 - admitted));
        },
      ),
    );
  });

  test("the reporter tells nobody when there is nothing to tell, and never throws", async () => {
    const clock = movable();
    const budgets = openReadBudgets(clock);
    const asked: number[] = [];
    const report = spendingReporter(budgets, async (reports) => {
      asked.push(reports.length);
      if (asked.length === 1) throw new Outage("redis", "timeout");
      return reports.map(({ spent }) => spent);
    });
    await report(SPACE);
    budgets.account(SPACE, "key", MINUTE).charge(1, clock.now());
    await report(SPACE);
    await report(SPACE);
    expect(asked).toEqual([1]);
  });
});

describe("exact budgets", () => {
  const KEY = "7.1:key";
  const walled = (admits = true): Walls & { readonly asked: string[] } => {
    const asked: string[] = [];
    const wall = { admits: async (key: string) => asked.push(key) > 0 && admits };
    return { address: wall, write: wall, auth: wall, asked };
  };

  function open(count: () => Counted | OutageReason | Error, walls: Walls = walled()) {
    const clock = movable();
    let calls = 0;
    const budgets = openExactBudgets({
      clock,
      walls,
      load: openLoad(clock, 320),
      counter: {
        async count() {
          calls += 1;
          const answer = count();
          if (answer instanceof Error) throw answer;
          if (typeof answer === "string") throw new Outage("redis", answer);
          return answer;
        },
      },
    });
    return { budgets, clock, calls: () => calls };
  }
  const counted = (admitted: boolean): Counted => ({
    admitted,
    remaining: admitted ? 3 : 0,
    endsAt: instant(NOON + 60_000),
  });

  test("a used-up budget is not asked about again before its window ends, unless it was raised", async () => {
    let admits = false;
    const { budgets, clock, calls } = open(() => counted(admits));
    const spend = async (quota = 100): Promise<string> =>
      (await budgets.spend("write", KEY, { quota, window: 60 }, SPACE)).is;
    expect([await spend(), await spend(), await spend(), calls()]).toEqual(["refused", "refused", "refused", 1]);
    admits = true;
    expect([await spend(200), await spend(), calls()]).toEqual(["admitted", "refused", 2]);
    clock.pass(60_000);
    expect([await spend(), calls()]).toEqual(["admitted", 3]);
  });

  test("one late answer lets nobody in beyond the quota: the others are still to be answered", async () => {
    let asked = 0;
    const answered = Promise.withResolvers<void>();
    const budgets = openExactBudgets({
      clock: movable(),
      walls: walled(),
      load: openLoad(movable(), 320),
      counter: {
        async count() {
          asked += 1;
          if (asked > 3) throw new Outage("redis", "timeout");
          await answered.promise;
          return counted(true);
        },
      },
    });
    const spend = async (): Promise<string> => (await budgets.spend("write", KEY, { quota: 3, window: 60 }, SPACE)).is;
    const first = [spend(), spend(), spend()];
    expect(await spend()).toBe("refused");
    answered.resolve();
    expect(await Promise.all(first)).toEqual(["admitted", "admitted", "admitted"]);
  });

  test("questions and answers that are late, lost, or overtake one another let nobody in beyond the quota", async () => {
    const fates = ["answered", "lost", "lost answer", "too late"] as const;
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.constantFrom(...fates), { minLength: 1, maxLength: 16 }),
        async (s, quota, asks) => {
          let store = 0;
          const clock = movable();
          const wall = { admits: async () => await s.schedule(Promise.resolve(true), "wall") };
          const on = async (what: string) => await s.schedule(Promise.resolve(), what);
          const fate = asks.values();
          const budgets = openExactBudgets({
            clock,
            walls: { address: wall, write: wall, auth: wall },
            load: openLoad(clock, 320),
            counter: {
              async count(_, limit, weight) {
                const ends = fate.next().value ?? "answered";
                const arrives = async (): Promise<Counted> => {
                  await on("arrives");
                  store += weight;
                  const remaining = Math.max(0, limit.quota - store);
                  return { admitted: store <= limit.quota, remaining, endsAt: instant(NOON + 60_000) };
                };
                const late = ends === "too late" ? void arrives() : ends === "lost" ? undefined : await arrives();
                await on("answer");
                if (late === undefined || ends !== "answered") throw new Outage("redis", "timeout");
                return late;
              },
            },
          });
          const spend = async (): Promise<string> => {
            await on("begins");
            return (await budgets.spend("write", KEY, { quota, window: 60 }, SPACE)).is;
          };
          const outcomes = Promise.all(asks.map(spend));
          await s.waitFor(outcomes);
          const admitted = (await outcomes).filter((is) => is === "admitted").length;
          expect(admitted).toBeLessThanOrEqual(quota);
          // And when nothing is lost, nobody is kept out.
          if (asks.every((each) => each === "answered")) expect(admitted).toBe(Math.min(quota, asks.length));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test.each<OutageReason>(["timeout", "failed", "open"])(
    "the counter is away (%s): each budget has its policy",
    async (reason) => {
      const walls = walled();
      const { budgets } = open(() => reason, walls);
      const spend = async (budget: "write" | "bulk" | "auth" | "generate", quota: number): Promise<string[]> => {
        const outcomes: string[] = [];
        for (let n = 0; n < 8; n += 1)
          outcomes.push((await budgets.spend(budget, KEY, { quota, window: 60 }, SPACE)).is);
        return outcomes;
      };
      const admitted = (outcomes: readonly string[]): number => outcomes.filter((each) => each === "admitted").length;
      expect(admitted(await spend("write", 100))).toBe(8);
      expect(admitted(await spend("bulk", 100))).toBe(8);
      expect(admitted(await spend("auth", 100))).toBe(5);
      expect(new Set(await spend("generate", 100))).toEqual(new Set(["closed"]));
      expect(new Set(walls.asked)).toEqual(new Set(["write", "bulk", "auth"].map((budget) => `${KEY}:${budget}:60`)));
      // In this isolate the quota still holds.
      expect(admitted(await spend("write", 6))).toBe(0);
      expect(
        admitted(
          await open(() => reason)
            .budgets.spend("write", KEY, { quota: 1, window: 60 }, SPACE)
            .then(({ is }) => [is]),
        ),
      ).toBe(1);
    },
  );

  test("the counter is away: the wall decides, and a new window begins anew", async () => {
    const shut = open(() => "timeout", walled(false));
    expect((await shut.budgets.spend("write", KEY, MINUTE, SPACE)).is).toBe("refused");
    const { budgets, clock } = open(() => "timeout");
    const spend = async (): Promise<unknown> => await budgets.spend("write", KEY, { quota: 1, window: 60 }, SPACE);
    expect(await spend()).toMatchObject({ is: "admitted", state: { quota: 1, remaining: 0, reset: 60 } });
    expect(await spend()).toMatchObject({ is: "refused" });
    clock.pass(60_000);
    expect(await spend()).toMatchObject({ is: "admitted" });
  });

  test("an outage leaves no room for the quota once more: what was let through meanwhile is counted when it is over", async () => {
    let store = 0;
    let away = false;
    const clock = movable();
    const budgets = openExactBudgets({
      clock,
      walls: walled(),
      load: openLoad(clock, 320),
      counter: {
        async count(_, { quota }, weight) {
          if (away) throw new Outage("redis", "timeout");
          store += weight;
          return { admitted: store <= quota, remaining: Math.max(0, quota - store), endsAt: instant(NOON + 60_000) };
        },
      },
    });
    const admitted = async (n: number): Promise<number> => {
      let count = 0;
      for (let at = 0; at < n; at += 1)
        if ((await budgets.spend("write", KEY, { quota: 20, window: 60 }, SPACE)).is === "admitted") count += 1;
      return count;
    };
    expect(await admitted(8)).toBe(8);
    away = true;
    expect(await admitted(5)).toBe(5);
    away = false;
    expect(await admitted(4)).toBe(4);
    expect(store).toBe(17);
    away = true;
    // What the counter said last is where counting goes on here.
    expect(await admitted(30)).toBe(3);
    away = false;
    expect(await admitted(30)).toBe(0);
  });

  test("a full bulkhead is no outage: who is not counted is not let through", async () => {
    const walls = walled();
    const { budgets } = open(() => "full", walls);
    expect((await budgets.spend("write", KEY, MINUTE, SPACE)).is).toBe("busy");
    expect(walls.asked).toEqual([]);
  });

  test("one space, and whoever fails in anybody's name, leave room for others to be counted", async () => {
    const clock = movable();
    const letGo: (() => void)[] = [];
    const budgets = openExactBudgets({
      clock,
      walls: walled(),
      load: openLoad(clock, 320),
      counter: { count: () => new Promise((resolve) => letGo.push(() => resolve(counted(true)))) },
    });
    const many = (budget: "write" | "auth", n: number, uid: (at: number) => number) =>
      Array.from({ length: n }, (_, at) =>
        budgets.spend(budget, `${at}`, MINUTE, { uid: spaceUid(uid(at)), epoch: 1 }),
      );
    const noisy = [...many("write", 500, () => 1), ...many("auth", 500, (at) => 1_000 + at)];
    const quiet = many("write", 20, () => 2);
    for (const go of letGo) go();
    expect((await Promise.all(quiet)).map(({ is }) => is)).toEqual(Array(20).fill("admitted"));
    expect((await Promise.all(noisy)).filter(({ is }) => is === "admitted")).toHaveLength(80 + 80);
  });

  test("a bug is not an outage", async () => {
    await expect(open(() => new TypeError("bug")).budgets.spend("write", KEY, MINUTE, SPACE)).rejects.toThrow("bug");
  });
});

describe("what is under way", () => {
  const fill = (load: ReturnType<typeof openLoad>, space: typeof SPACE, value: "low" | "usual" | "high"): number => {
    let entered = 0;
    while (load.enter(space, value) !== undefined) entered += 1;
    return entered;
  };

  test("is refused by worth, lowest first, and one space cannot have it all", () => {
    const load = openLoad(movable(), 80);
    const spaces = [1, 2, 3, 4, 5, 6].map((uid) => ({ uid: spaceUid(uid), epoch: 1 }));
    expect(spaces.map((space) => fill(load, space, "low"))).toEqual([10, 10, 10, 10, 0, 0]);
    expect(spaces.map((space) => fill(load, space, "usual"))).toEqual([6, 6, 6, 6, 0, 0]);
    expect(spaces.map((space) => fill(load, space, "high"))).toEqual([4, 4, 4, 4, 0, 0]);
    expect(load.underWay()).toBe(80);
  });

  test("ends when it says so, and when its time is over: who is cancelled never says", () => {
    const clock = movable();
    const load = openLoad(clock, 8);
    const lease = load.enter(SPACE, "high");
    expect([lease, load.enter(SPACE, "high"), load.enter(SPACE, "high")]).toEqual([1, 2, undefined]);
    load.leave(lease as never);
    load.leave(lease as never);
    expect([load.enter(SPACE, "high"), load.enter(SPACE, "high")]).toEqual([3, undefined]);
    clock.pass(15_000);
    expect(load.enter(SPACE, "high")).toBe(4);
    expect(load.underWay()).toBe(1);
  });

  test("every route has its worth: writes above what readers look at, above what can wait", () => {
    const budgeted = ROUTES.filter(({ budget }) => budget !== "none");
    const worth = Object.fromEntries(budgeted.map((route) => [route.operation.id, worthOf(route)]));
    expect(worth).toMatchObject({
      createEntry: "high",
      publishEntry: "high",
      listContent: "usual",
      getContent: "usual",
      listEntries: "low",
      getEntry: "low",
    });
    const path = (path: string) =>
      worthOf({ ...(budgeted[0] as (typeof budgeted)[number]), method: "GET", budget: "read", path });
    for (const low of ["/v1/spaces/:space/search", "/v1/spaces/:space/export", "/v1/spaces/:space/stats/content"])
      expect(path(low), low).toBe("low");
  });
});

test("refusals are decided anew once in five seconds a space; refused texts are forgotten with their window, at the latest in a minute", () => {
  const clock = movable();
  const admission = openAdmission({ clock, walls: {} as Walls, counter: { count: () => Promise.reject() } });
  expect([admission.mayRelearn(SPACE), admission.mayRelearn(SPACE), admission.mayRelearn(OTHER)]).toEqual([
    true,
    false,
    true,
  ]);
  const state = { quota: 3, window: 86_400, remaining: 0, reset: 3_000 };
  admission.refuse("text", state as never);
  clock.pass(5_000);
  expect(admission.mayRelearn(SPACE)).toBe(true);
  expect(admission.refusal("text")).toEqual({ quota: 3, window: 86_400, remaining: 0, reset: 55 });
  clock.pass(55_000);
  expect([admission.refusal("text"), admission.refusal("other")]).toEqual([undefined, undefined]);
});

test.each([
  ["203.0.113.7", "203.0.113.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:DB8:0001:2::", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["::ffff:203.0.113.7", "203.0.113.7"],
  ["", undefined],
])("the address %s counts as %s", (sent, counted) => {
  expect(addressOf(new Request("https://x.example", { headers: { "cf-connecting-ip": sent } }))).toBe(counted);
  expect(addressOf(new Request("https://x.example"))).toBeUndefined();
});
