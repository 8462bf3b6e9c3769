// What a space's digest says about an answer, and how this isolate keeps up with it: lags, losses, other births, other isolates.
import { describe, expect, test } from "vitest";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import type { SpendingReport } from "../../src/platform/admission/spending.ts";
import type { DigestPage } from "../../src/platform/freshness/digest.ts";
import { type FreshnessParts, openFreshness } from "../../src/platform/freshness/memo.ts";
import { type DigestView, staleSince } from "../../src/platform/freshness/view.ts";

const SPACE = { id: "s", uid: spaceUid(7), epoch: 1, residency: "us" };

function viewOf(floor: number, head: number, changed: Record<string, number>): DigestView {
  return {
    birth: 1,
    floor: position(floor),
    head: position(head),
    changed: new Map(Object.entries(changed)) as unknown as Map<string, Position>,
  };
}

describe("an answer is judged", () => {
  const on = (...members: string[]) => [{ members, under: "type" }];

  test.each([
    ["changed after it was read", viewOf(0, 9, { a: 5 }), 4, 5],
    ["changed at the very position it was read at", viewOf(0, 9, { a: 5 }), 5, undefined],
    ["never mentioned, read above the floor", viewOf(3, 9, {}), 3, undefined],
    ["never mentioned, read below the floor: nobody knows", viewOf(3, 9, {}), 2, 3],
    ["forgotten, and nothing of its type changed since", viewOf(3, 9, { type: 1 }), 2, undefined],
    ["forgotten, and something of its type changed since", viewOf(3, 9, { type: 6 }), 2, 3],
    ["the last of several changes counts", viewOf(0, 9, { a: 5, b: 8 }), 4, 8],
  ])("%s", (_, view, at, reach) => {
    expect(staleSince(view, position(at), on("a", "b"))).toBe(reach);
  });

  test("what belongs to no type and was forgotten is unknown", () => {
    expect(staleSince(viewOf(3, 9, { type: 1 }), position(2), [{ members: ["schema"] }])).toBe(3);
  });
});

interface World {
  now: number;
  page: DigestPage | undefined | Error;
  /** What the requests asked for: `undefined` is everything. */
  readonly asked: (number | undefined)[];
  readonly rung: number[];
  readonly deferred: Promise<unknown>[];
  shared: string | undefined;
  away: boolean;
  reports: readonly SpendingReport[];
  readonly told: string[];
  /** Runs while a digest request is on its way. */
  meanwhile: (() => Promise<void>) | undefined;
}

function page(birth: number, head?: number, changed: Record<string, number> = {}, floor?: number): DigestPage {
  return {
    birth,
    ...(head === undefined ? {} : { head: position(head) }),
    ...(floor === undefined ? {} : { floor: position(floor) }),
    changed: new Map(Object.entries(changed)) as unknown as Map<string, Position>,
  };
}

function open(over: Partial<FreshnessParts> = {}) {
  const world: World = {
    now: 100_000,
    page: page(1, 10, {}, 10),
    asked: [],
    rung: [],
    deferred: [],
    shared: undefined,
    away: false,
    reports: [],
    told: [],
    meanwhile: undefined,
  };
  const freshness = openFreshness({
    clock: { now: () => instant(world.now) },
    digest: {
      async read(_, since, told) {
        world.asked.push(since);
        const { meanwhile } = world;
        world.meanwhile = undefined;
        await meanwhile?.();
        if (world.page instanceof Error) throw world.page;
        told?.heard(told.reports.map(() => 1));
        return world.page;
      },
    },
    spending: {
      take: () => world.reports,
      heard: (_, reports) => void (reports.length > 0 && world.told.push("heard")),
      lost: (_, reports) => void (reports.length > 0 && world.told.push("lost")),
    },
    shared: {
      find: async () => world.shared,
      put: async (_, text) => {
        world.shared = text;
      },
    },
    isAway: () => world.away,
    sleep: async (time) => {
      world.now += time;
      await Promise.resolve();
    },
    ring: async (_, at) => void world.rung.push(at),
    ...over,
  });
  const defer = (work: Promise<unknown>): void => void world.deferred.push(work);
  const memo = freshness.memo(SPACE);
  return {
    world,
    freshness,
    defer,
    memo,
    current: (atLeast?: number) => freshness.current(memo, defer, atLeast as Position | undefined),
  };
}

describe("the memo", () => {
  test("is waited for once, then fresh for half a second, then refreshed behind reads, then waited for again", async () => {
    const { world, memo, current } = open();
    expect(await current()).toBe(true);
    expect(world.asked).toEqual([undefined]);
    world.now += 499;
    expect(await current()).toBe(true);
    expect(world.asked).toHaveLength(1);
    world.now += 1;
    world.page = page(1, 12, { a: 12 });
    expect(await current()).toBe(true);
    // Behind: this read did not wait for it.
    expect(memo.view?.head).toBe(10);
    await Promise.all(world.deferred);
    expect(world.asked).toEqual([undefined, 10]);
    expect(memo.view?.head).toBe(12);
    world.now += 1_000;
    world.page = page(1);
    expect(await current()).toBe(true);
    expect(world.asked).toEqual([undefined, 10, 12]);
    expect(memo.view?.changed.get("a")).toBe(12);
  });

  test("counts its age from when its request was sent", async () => {
    const { world, memo, current, freshness } = open();
    world.meanwhile = async () => {
      world.now += 900;
    };
    await current();
    expect(freshness.isLive(memo, instant(world.now))).toBe(true);
    expect(freshness.isLive(memo, instant(world.now + 100))).toBe(false);
  });

  test("is asked for once, however many wait for it", async () => {
    const { world, current } = open();
    const live = await Promise.all(Array.from({ length: 50 }, () => current()));
    expect(live).toEqual(Array(50).fill(true));
    expect(world.asked).toHaveLength(1);
  });

  test("whose request was cancelled is asked for by somebody else when its lease ends", async () => {
    const { world, current } = open();
    world.meanwhile = () => new Promise(() => {});
    void current();
    await Promise.resolve();
    expect(await current()).toBe(false);
    expect(await current()).toBe(true);
    expect(world.asked).toHaveLength(2);
  });

  test("wished for at a later position is asked for at once, but not by everybody", async () => {
    const { world, memo, current } = open();
    await current();
    world.now += 20;
    world.page = page(1, 30, {});
    await current(30);
    expect(memo.view?.head).toBe(30);
    await current(40);
    expect(world.asked).toHaveLength(2);
  });

  test("nobody waits while Redis is away, and nobody is told that it is live", async () => {
    const { world, current } = open();
    world.away = true;
    world.page = new Error("away");
    expect(await current()).toBe(false);
    await Promise.all(world.deferred);
    // Once it failed it is left alone for a moment.
    const asked = world.asked.length;
    world.away = false;
    expect(await current()).toBe(false);
    expect(world.asked).toHaveLength(asked);
  });

  test("goes on knowing what it knew, and what had changed stays changed", async () => {
    const { world, memo, current } = open();
    world.page = page(1, 12, { a: 12 }, 10);
    await current();
    world.now += 5_000;
    world.page = new Error("away");
    expect(await current()).toBe(false);
    expect(staleSince(memo.view as DigestView, position(11), [{ members: ["a"] }])).toBe(12);
  });

  test("where there is no digest the bell is rung, and nothing is known", async () => {
    const { world, memo, current } = open();
    world.page = undefined;
    expect(await current()).toBe(false);
    await Promise.all(world.deferred);
    expect(memo.view).toBeUndefined();
    expect(world.rung).toEqual([0]);
  });

  test("of another birth joins nothing: everything is read anew", async () => {
    const { world, memo, current } = open();
    await current();
    world.now += 1_000;
    world.page = page(2, 15, {}, 15);
    expect(await current()).toBe(true);
    expect(world.asked).toEqual([undefined, 10, undefined]);
    expect(memo.view).toMatchObject({ birth: 2, floor: 15, head: 15 });
  });

  test("of another birth that claims less is an old copy, until time has told", async () => {
    const { world, memo, current } = open();
    world.page = page(1, 20, { a: 20 }, 10);
    await current();
    world.page = page(2, 15, {}, 15);
    for (let waited = 0; waited < 9_000; waited += 1_000) {
      world.now += 1_000;
      expect(await current()).toBe(false);
      expect(memo.view?.head).toBe(20);
    }
    world.now += 3_000;
    await current();
    expect(memo.view).toMatchObject({ birth: 2, head: 15 });
  });

  test("a floor that passed what was known means that changes were dropped: everything is read anew", async () => {
    const { world, memo, current } = open();
    world.page = page(1, 12, { a: 12 }, 10);
    await current();
    world.now += 1_000;
    world.page = page(1, 40, { b: 40 }, 30);
    await current();
    expect(memo.view?.floor).toBe(30);
    expect(staleSince(memo.view as DigestView, position(12), [{ members: ["a"] }])).toBe(30);
  });

  test("a copy that lags moves nothing back", async () => {
    const { world, memo, current } = open();
    world.page = page(1, 40, { b: 40 }, 30);
    await current();
    world.now += 1_000;
    // Of the same birth, whole, older: its floor is above what we asked for only by mistake of a store.
    world.page = page(1, 35, { b: 35 }, 41);
    await current();
    expect(memo.view).toMatchObject({ head: 40, floor: 30 });
    expect(memo.view?.changed.get("b")).toBe(40);
  });

  const on = (member: string) => [{ members: [member] }];

  test("when a change was first shown is known only if it was shown soon", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    world.now += 600;
    world.page = page(1, 12, { a: 12 });
    await current();
    await Promise.all(world.deferred);
    expect(freshness.missedSince(memo, position(11), on("a"))).toBe(100_600);
    world.now += 1_700;
    world.page = page(1, 13, { a: 13 });
    await current();
    expect(freshness.missedSince(memo, position(12), on("a"))).toBeUndefined();
  });

  /** One more position every 600 ms, each shown behind a read. */
  async function follow(opened: ReturnType<typeof open>, from: number, to: number, changed: (head: number) => string) {
    const { world, current } = opened;
    for (let head = from; head <= to; head += 1) {
      world.now += 600;
      world.page = page(1, head, { [changed(head)]: head });
      await current();
      await Promise.all(world.deferred);
    }
  }

  test("a change of long ago is not new because others came just now", async () => {
    const opened = open();
    const { world, memo, current, freshness } = opened;
    await current();
    await follow(opened, 11, 20, (head) => `m${head}`);
    expect(freshness.missedSince(memo, position(10), on("m20"))).toBe(world.now);
    expect(freshness.missedSince(memo, position(10), on("m19"))).toBe(world.now - 600);
    expect(freshness.missedSince(memo, position(10), on("m12"))).toBeUndefined();
  });

  test("nor because the same changed again: the first change that an answer misses counts", async () => {
    const opened = open();
    const { world, memo, current, freshness } = opened;
    await current();
    await follow(opened, 11, 11, () => "a");
    await follow(opened, 12, 20, () => "other");
    await follow(opened, 21, 21, () => "a");
    expect(freshness.missedSince(memo, position(10), on("a"))).toBeUndefined();
    expect(freshness.missedSince(memo, position(11), on("a"))).toBe(world.now);
    await follow(opened, 22, 22, () => "a");
    expect(freshness.missedSince(memo, position(11), on("a"))).toBe(world.now - 600);
    await follow(opened, 23, 30, () => "a");
    expect(freshness.missedSince(memo, position(11), on("a"))).toBeUndefined();
  });

  test("nor because others changed what was written here before", async () => {
    const { world, memo, current, freshness, defer } = open();
    await current();
    freshness.heard(SPACE, position(10), position(11), new Map([["a", position(11)]]));
    world.now += 600;
    world.page = page(1, 12, { a: 12 });
    freshness.refreshBehind(memo, instant(world.now), defer);
    await Promise.all(world.deferred);
    expect(memo.view?.head).toBe(12);
    expect(freshness.missedSince(memo, position(10), on("a"))).toBeUndefined();
    expect(freshness.missedSince(memo, position(11), on("a"))).toBe(world.now);
  });

  test("nor because it was told slowly: an answer is old since it should have been known", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    world.now += 600;
    const asked = world.now;
    world.page = page(1, 11, { a: 11 });
    world.meanwhile = async () => {
      world.now += 900;
    };
    await current();
    await Promise.all(world.deferred);
    expect([memo.view?.head, world.now - asked]).toEqual([11, 900]);
    expect(freshness.missedSince(memo, position(10), on("a"))).toBe(asked + 500);
  });

  test("what a digest has forgotten, or a new one, has no grace", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    world.now += 600;
    world.page = page(2, 20, {}, 20);
    await current();
    await Promise.all(world.deferred);
    expect(memo.view?.head).toBe(20);
    expect(freshness.missedSince(memo, position(10), on("a"))).toBeUndefined();
  });

  test("a digest that does not take in what readers show is not relied on, and is not asked oftener for it", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    freshness.saw(memo, position(11));
    world.page = page(1);
    for (let second = 1; second <= 6; second += 1) {
      world.now += 1_000;
      expect(await current()).toBe(second < 5);
    }
    expect(freshness.completeAt(memo, instant(world.now))).toBe(0);
    expect(world.rung).toEqual([11, 11]);
    const asked = world.asked.length;
    await Promise.all(Array.from({ length: 10 }, () => current()));
    expect(world.asked.length).toBe(asked);
    world.now += 1_000;
    world.page = page(1, 12, { a: 11 });
    expect(await current()).toBe(true);
    expect(freshness.completeAt(memo, instant(world.now + 60_000))).toBe(world.now);
  });

  test("many spaces, and spaces with many changes, are remembered only as far as there is room", async () => {
    const { world, freshness, defer } = open();
    const whole = Object.fromEntries(Array.from({ length: 16_384 }, (_, n) => [`m${n}`, 9]));
    world.page = page(1, 10, whole, 1);
    const memos = Array.from({ length: 40 }, (_, n) => freshness.memo({ ...SPACE, uid: spaceUid(100 + n) }));
    for (const each of memos) await freshness.current(each, defer);
    const again = memos.map(({ space }) => freshness.memo(space));
    const kept = again.filter((one, n) => one === memos[n]).length;
    expect(kept).toBeGreaterThan(10);
    expect(kept).toBeLessThan(30);
  });

  test("a position that was seen and is not heard of rings the bell, and not with every request", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    freshness.saw(memo, position(11));
    world.page = page(1);
    for (const pause of [600, 600, 1_000]) {
      world.now += pause;
      await current();
      await Promise.all(world.deferred);
    }
    expect(world.rung).toEqual([11]);
  });

  test("whoever wrote here knows it here at once, and nobody here is given what was before", async () => {
    const { world, memo, current, freshness } = open();
    await current();
    const changed = new Map([["a", position(12)]]);
    freshness.heard(SPACE, position(11), position(12), changed);
    expect([memo.view?.head, memo.unheard]).toEqual([10, 12]);
    freshness.heard(SPACE, position(10), position(12), changed);
    expect([memo.view?.head, memo.unheard]).toEqual([12, undefined]);
    expect(staleSince(memo.view as DigestView, position(11), [{ members: ["a"] }])).toBe(12);
    expect(freshness.missedSince(memo, position(11), [{ members: ["a"] }])).toBeUndefined();
    // It says nothing about what others wrote.
    expect(memo.askedAt).toBe(100_000);
    world.now += 1_000;
    world.page = page(1);
    await current();
    expect(world.asked.at(-1)).toBe(12);
  });

  test("one request that fails is asked once more, unless the store is known to be away", async () => {
    const { world, current } = open();
    const found = world.page;
    const foundAgain = async (): Promise<void> => {
      world.page = found;
    };
    world.page = new Error("late");
    world.meanwhile = async () => {
      world.meanwhile = foundAgain;
    };
    expect([await current(), world.asked.length]).toEqual([true, 2]);
    world.now += 1_000;
    world.page = new Error("down");
    expect([await current(), world.asked.length]).toEqual([false, 4]);
    world.now += 1_000;
    world.away = true;
    expect(await current()).toBe(false);
    await Promise.all(world.deferred);
    expect(world.asked.length).toBe(5);
  });

  test("where there is no digest yet, it is known that something was written here", async () => {
    const { memo, freshness } = open();
    freshness.heard(SPACE, position(1), position(2), new Map());
    expect([memo.view, memo.unheard]).toEqual([undefined, 2]);
  });

  test("spending is told on the way; when the request fails it counts as told", async () => {
    const { world, current } = open();
    world.reports = [{ counter: "c", spent: 1, keep: 60 }];
    await current();
    world.now += 1_000;
    world.page = new Error("away");
    await current();
    expect(world.told).toEqual(["heard", "lost", "lost"]);
  });
});

describe("isolates of one data centre", () => {
  test("share what one of them read", async () => {
    const one = open();
    await one.current();
    await Promise.all(one.world.deferred);
    const two = open();
    two.world.shared = one.world.shared;
    two.world.now += 100;
    expect(await two.current()).toBe(true);
    expect(two.world.asked).toEqual([]);
    expect(two.memo.askedAt).toBe(100_000);
  });

  test("do not take a page that is too old, of a clock ahead of theirs, or that does not join what they know", async () => {
    for (const askedAt of [99_000, 100_050]) {
      const { world, current } = open();
      world.shared = JSON.stringify([askedAt, 1, null, 99, 99, []]);
      await current();
      expect(world.asked).toHaveLength(1);
    }
    const { world, memo, current } = open();
    await current();
    world.now += 1_000;
    // Holds changes above 11 only: what happened at 11 is in neither.
    world.shared = JSON.stringify([world.now, 1, 11, 12, null, []]);
    world.page = page(1, 12, { a: 11 });
    await current();
    expect(memo.view?.changed.get("a")).toBe(11);
  });

  test("ask Redis themselves when there is spending to tell", async () => {
    const { world, current } = open();
    world.shared = JSON.stringify([world.now, 1, null, 99, 99, []]);
    world.reports = [{ counter: "c", spent: 1, keep: 60 }];
    await current();
    expect(world.asked).toHaveLength(1);
  });
});
