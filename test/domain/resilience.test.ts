// Timeout, breaker and bulkhead of one dependency, on a clock that the test moves.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Clock, instant, millis } from "../../src/kernel/clock.ts";
import { attempt, nameOf } from "../../src/platform/resilience/attempt.ts";
import { type GuardOptions, guard } from "../../src/platform/resilience/guard.ts";
import { inLanes } from "../../src/platform/resilience/in-lanes.ts";
import { Outage, wasNotSent } from "../../src/platform/resilience/outage.ts";
import { patience } from "../../src/platform/resilience/patience.ts";

const clock: Clock = { now: () => instant(Date.now()) };
const never = () => new Promise<never>(() => {});
const boom = new Error("boom");
const fails = () => Promise.reject(boom);
const answers = () => Promise.resolve("yes");

const make = (options: Partial<GuardOptions> = {}) =>
  guard("redis", {
    timeout: millis(100),
    breakAfter: 3,
    halfOpenAfter: millis(5_000),
    bulkhead: 2,
    clock,
    ...options,
  });

/** What a call ended with: its value, or the reason of its outage, or the error. */
async function ended(call: Promise<unknown>): Promise<unknown> {
  const result = await attempt(() => call);
  if (result.ok) return result.value;
  return result.error instanceof Outage ? result.error.reason : result.error;
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

async function timeOut(redis: ReturnType<typeof make>): Promise<void> {
  const call = ended(redis.run(never));
  await vi.advanceTimersByTimeAsync(100);
  expect(await call).toBe("timeout");
}

describe("the timeout", () => {
  test("ends a call that is not answered, and aborts it", async () => {
    const redis = make();
    let given: AbortSignal | undefined;
    const call = ended(
      redis.run((signal) => {
        given = signal;
        return never();
      }),
    );
    await vi.advanceTimersByTimeAsync(99);
    expect(given?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await call).toBe("timeout");
    expect(given?.aborted).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("values and errors of the work pass unchanged and leave no timer", async () => {
    const redis = make();
    expect(await ended(redis.run(answers))).toBe("yes");
    expect(await ended(redis.run(fails))).toBe(boom);
    expect(
      await ended(
        redis.run(() => {
          throw boom;
        }),
      ),
    ).toBe(boom);
    expect(vi.getTimerCount()).toBe(0);
    expect(redis.state().inFlight).toBe(0);
  });

  test("a caller may ask for less, or for another", async () => {
    const redis = make({ breakAfter: 99, halfOpenAfter: millis(0) });
    const short = ended(redis.run(never, { atMost: millis(20) }));
    await vi.advanceTimersByTimeAsync(20);
    expect(await short).toBe("timeout");
    const long = ended(redis.run(never, { timeout: millis(500) }));
    await vi.advanceTimersByTimeAsync(499);
    expect(redis.state().inFlight).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await long).toBe("timeout");
  });
});

describe("the breaker", () => {
  test("one timeout opens it; while open nothing is asked", async () => {
    const redis = make();
    await timeOut(redis);
    const work = vi.fn(answers);
    expect(await ended(redis.run(work))).toBe("open");
    expect(work).not.toHaveBeenCalled();
    expect(redis.state()).toMatchObject({ name: "redis", breaker: "open", inFlight: 0 });
  });

  test("a timeout while others were answered is a slow call, not an outage; the next one alone is", async () => {
    const redis = make();
    const slow = ended(redis.run(never));
    await vi.advanceTimersByTimeAsync(50);
    expect(await ended(redis.run(answers))).toBe("yes");
    await vi.advanceTimersByTimeAsync(50);
    expect(await slow).toBe("timeout");
    expect(redis.state()).toMatchObject({ breaker: "closed", consecutiveFailures: 0, inFlight: 0 });
    await timeOut(redis);
    expect(redis.state().breaker).toBe("open");
  });

  test("other failures open it when they are consecutive", async () => {
    const redis = make();
    for (const work of [fails, fails, answers, fails, fails]) await ended(redis.run<unknown>(work));
    expect(redis.state()).toMatchObject({ breaker: "closed", consecutiveFailures: 2 });
    await ended(redis.run(fails));
    expect(redis.state().breaker).toBe("open");
  });

  test("an error that is an answer does not count", async () => {
    const redis = make({ breakAfter: 1, isOutage: (error) => error !== boom });
    expect(await ended(redis.run(fails))).toBe(boom);
    expect(redis.state().breaker).toBe("closed");
  });

  test("after its time one call is let through to look; the others are refused at once, not held", async () => {
    const redis = make();
    await timeOut(redis);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(redis.state().breaker).toBe("half-open");
    const probe = ended(redis.run(() => new Promise((resolve) => setTimeout(() => resolve("back"), 50))));
    expect(await ended(redis.run(answers))).toBe("open");
    await vi.advanceTimersByTimeAsync(50);
    expect(await probe).toBe("back");
    expect(redis.state()).toMatchObject({ breaker: "closed", consecutiveFailures: 0 });
    expect(await ended(redis.run(answers))).toBe("yes");
  });

  test("a probe that fails opens it again for the same time", async () => {
    const redis = make();
    await timeOut(redis);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await ended(redis.run(fails))).toBe(boom);
    await vi.advanceTimersByTimeAsync(4_999);
    expect(await ended(redis.run(answers))).toBe("open");
    await vi.advanceTimersByTimeAsync(1);
    expect(await ended(redis.run(answers))).toBe("yes");
  });

  test("or for twice as long, again and again, where one answer that was late is no outage", async () => {
    const redis = make({ halfOpenAfter: { first: millis(250), most: millis(800) } });
    await timeOut(redis);
    for (const pause of [250, 500, 800, 800]) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(await ended(redis.run(answers))).toBe("open");
      await vi.advanceTimersByTimeAsync(1);
      expect(await ended(redis.run(fails))).toBe(boom);
    }
    await vi.advanceTimersByTimeAsync(800);
    expect(await ended(redis.run(answers))).toBe("yes");
    await timeOut(redis);
    await vi.advanceTimersByTimeAsync(250);
    expect(await ended(redis.run(answers))).toBe("yes");
  });

  test("never waits longer than ten seconds before it looks again", async () => {
    const redis = make({ halfOpenAfter: millis(3_600_000) });
    await timeOut(redis);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await ended(redis.run(answers))).toBe("yes");
  });

  test("what was asked before the break does not close it", async () => {
    const redis = make({ timeout: millis(100), breakAfter: 1 });
    const early = redis.run(() => new Promise((resolve) => setTimeout(() => resolve("late"), 50)));
    await ended(redis.run(fails));
    await vi.advanceTimersByTimeAsync(50);
    expect(await early).toBe("late");
    expect(redis.state().breaker).toBe("open");
  });
});

describe("a request that the platform cancelled: nothing of it runs any more, not even its timers", () => {
  /** Time passes, but no timer fires. */
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);

  test("its place in the bulkhead comes free by time", async () => {
    const redis = make();
    void redis.run(never);
    void redis.run(never);
    expect(await ended(redis.run(answers))).toBe("full");
    pass(1_100);
    expect(redis.state().inFlight).toBe(0);
    expect(await ended(redis.run(answers))).toBe("yes");
  });

  test("its probe is given up by time, and another call probes", async () => {
    const redis = make();
    await timeOut(redis);
    pass(5_000);
    void redis.run(never);
    expect(await ended(redis.run(answers))).toBe("open");
    pass(1_100);
    expect(await ended(redis.run(answers))).toBe("yes");
    expect(redis.state().breaker).toBe("closed");
  });
});

describe("the bulkhead", () => {
  test("refuses the call too many without counting it as a failure", async () => {
    const redis = make({ breakAfter: 1 });
    const first = ended(redis.run(() => new Promise((resolve) => setTimeout(() => resolve(1), 50))));
    const second = ended(redis.run(() => new Promise((resolve) => setTimeout(() => resolve(2), 50))));
    const work = vi.fn(answers);
    expect(await ended(redis.run(work))).toBe("full");
    expect(work).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(50);
    expect([await first, await second, await ended(redis.run(work))]).toEqual([1, 2, "yes"]);
  });
});

describe("attempt on a guard", () => {
  const away = new Error("away");
  test("outages are undefined, other errors are thrown", async () => {
    const redis = make({ breakAfter: 99 });
    const isAway = (error: unknown) => error === away;
    expect(await redis.attempt(answers, isAway)).toBe("yes");
    expect(await redis.attempt(() => Promise.reject(away), isAway)).toBeUndefined();
    await expect(redis.attempt(fails, isAway)).rejects.toBe(boom);
    const late = redis.attempt(never, isAway);
    await vi.advanceTimersByTimeAsync(100);
    expect(await late).toBeUndefined();
    expect(await redis.attempt(answers, isAway)).toBeUndefined();
  });

  test("the caller can tell what was never sent from what is not known", async () => {
    const redis = make({ breakAfter: 1 });
    const tell = () =>
      redis.attempt(
        fails,
        () => true,
        (error) => (wasNotSent(error) ? "not sent" : undefined),
      );
    expect(await tell()).toBeUndefined();
    expect(await tell()).toBe("not sent");
  });
});

describe("patience", () => {
  const adaptive = () => patience({ atLeast: millis(150), times: 3, atMost: millis(800) });
  test("the most until something was measured, then a multiple of the average, within bounds", () => {
    const redis = adaptive();
    expect(redis.limit()).toBe(800);
    redis.answered(millis(10));
    expect(redis.limit()).toBe(150);
    for (let n = 0; n < 60; n += 1) redis.answered(millis(100));
    expect(redis.limit()).toBeCloseTo(300, 0);
    for (let n = 0; n < 60; n += 1) redis.answered(millis(700));
    expect(redis.limit()).toBe(800);
  });

  test("a dependency that became slower than its timeout is given more time, and so can be measured", () => {
    const redis = adaptive();
    redis.answered(millis(5));
    expect(redis.limit()).toBe(150);
    redis.exceeded(redis.limit());
    expect(redis.limit()).toBe(450);
    redis.exceeded(redis.limit());
    expect(redis.limit()).toBe(800);
  });
});

test("lanes: all items, in order of starting, never more than the width at once", async () => {
  let now = 0;
  let most = 0;
  const begun: number[] = [];
  const items = Array.from({ length: 20 }, (_, n) => n);
  const all = inLanes(items, 4, async (item) => {
    begun.push(item);
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, (item % 3) + 1));
    now -= 1;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  await all;
  expect(begun).toEqual(items);
  expect(most).toBe(4);
});

test("log lines name errors and never quote what others say", () => {
  expect(nameOf(new Outage("redis", "timeout"))).toBe("redis did not answer in time");
  expect(nameOf(new TypeError("secret"))).toBe("TypeError");
  expect(nameOf("secret")).toBe("string");
});
