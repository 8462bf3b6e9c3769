// What stands around a commit, and the sweep that repairs it: ports in memory, a clock that the test moves.
import { beforeEach, describe, expect, test } from "vitest";
import { type Clock, type Instant, instant, millis, seconds } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import type { Digest, TagChange } from "../../src/platform/freshness/digest.ts";
import { type Bell, coalescedBells, type Ringing } from "../../src/platform/relay/bell.ts";
import { bringUp, type EventSource } from "../../src/platform/relay/bring-up.ts";
import { type DirtySet, type Mark, markAt, type SpaceAddress, timeOf } from "../../src/platform/relay/dirty-set.ts";
import { openRelay, type Report } from "../../src/platform/relay/relay.ts";
import { sweepDirty, sweepRecent } from "../../src/platform/relay/sweep.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";

const MINUTE = 60_000;
const paris: SpaceAddress = { uid: spaceUid(7), epoch: 1, residency: "eu" };
const spaceOf = (uid: number): SpaceAddress => ({ ...paris, uid: spaceUid(uid) });
const keyOf = ({ uid, epoch }: Pick<SpaceAddress, "uid" | "epoch">) => `${uid}.${epoch}`;

let now: number;
let clock: Clock;
let away: Set<"redis" | "queue" | "postgres">;
let logs: Map<string, number>;
let digests: Map<string, { head: number; changes: TagChange[] }>;
let marks: Map<string, Mark>;
let rung: (Bell & Ringing)[];
let lines: { event: string; [fact: string]: unknown }[];
/** Runs before each question to the log: somebody else's doing. */
let meanwhile: () => Promise<void> | void;
let questions: number;

const reach = (what: "redis" | "queue" | "postgres") => {
  if (away.has(what)) throw new Outage(what, "failed");
};

const digest: Digest = {
  async advance(space, from, to, changes) {
    reach("redis");
    const found = digests.get(keyOf(space));
    if (found === undefined) {
      digests.set(keyOf(space), { head: to, changes: [] });
      return to;
    }
    if (to > found.head && from <= found.head + 1) {
      found.changes.push(...changes.filter((change) => change.position > found.head));
      found.head = to;
    }
    return position(found.head);
  },
  async heads(spaces) {
    reach("redis");
    return spaces.map((space) => digests.get(keyOf(space))?.head as Position | undefined);
  },
  async forget(space) {
    reach("redis");
    digests.delete(keyOf(space));
  },
  read: () => Promise.reject(new Error("not used here")),
  members: (_, tags) => tags,
};

const dirty: DirtySet = {
  async mark(space, mark) {
    reach("redis");
    marks.set(keyOf(space), { space, mark });
    return digests.get(keyOf(space))?.head as Position | undefined;
  },
  async remark(many) {
    reach("redis");
    for (const mark of many) marks.set(keyOf(mark.space), mark);
  },
  async remind(many) {
    reach("redis");
    for (const one of many) {
      if ((marks.get(keyOf(one.space))?.mark ?? Number.POSITIVE_INFINITY) > one.mark) marks.set(keyOf(one.space), one);
    }
  },
  async oldest(most, upTo = Number.POSITIVE_INFINITY) {
    reach("redis");
    const due = [...marks.values()].filter(({ mark }) => mark <= upTo);
    return due.sort((one, other) => one.mark - other.mark).slice(0, most);
  },
  async remove(many) {
    reach("redis");
    for (const { space, mark } of many) if (marks.get(keyOf(space))?.mark === mark) marks.delete(keyOf(space));
  },
};

/** Every position changes one tag, `p<position>`. */
const changesOf = (after: number, to: number): TagChange[] =>
  Array.from({ length: Math.max(0, to - after) }, (_, n) => ({
    position: position(after + n + 1),
    tags: [`p${after + n + 1}`],
  }));

const events: EventSource = {
  async changesAfter(space, after, limit) {
    questions += 1;
    await meanwhile();
    reach("postgres");
    const head = logs.get(keyOf(space));
    if (head === undefined) return undefined;
    return { head: position(head), changes: changesOf(after, Math.min(after + limit, head)) };
  },
  async committedSince() {
    reach("postgres");
    return [...logs].map(([key, head]) => ({ space: spaceOf(Number(key.split(".")[0])), position: position(head) }));
  },
};

const sender = {
  async ring(bell: Bell, ringing: Ringing) {
    reach("queue");
    rung.push({ ...bell, ...ringing });
  },
};
const report: Report = (event, facts) => lines.push({ event, ...facts });
/** Who has something left, by space, and when to look again. */
const left = new Map<string, Instant>();
let roused: unknown[] = [];
const followers = {
  async rouse(spaces: readonly SpaceAddress[] | "all") {
    roused.push(spaces);
    return left;
  },
};
const parts = () => ({
  digest,
  dirty,
  followers,
  events,
  bells: coalescedBells(sender, clock),
  freshness: { heard: () => {} },
  clock,
  random: () => 0.5,
  report,
});

beforeEach(() => {
  now = Date.UTC(2026, 0, 1);
  clock = { now: () => instant(now) };
  away = new Set();
  logs = new Map();
  digests = new Map();
  marks = new Map();
  rung = [];
  lines = [];
  questions = 0;
  meanwhile = () => {};
});

describe("before the commit", () => {
  test("the space is marked and the digest's head is learned", async () => {
    digests.set("7.1", { head: 41, changes: [] });
    expect(await openRelay(parts()).beforeCommit(paris)).toEqual({ seen: 41 });
    expect(marks.get("7.1")).toEqual({ space: paris, mark: markAt(clock.now(), 0.5) });
    expect([rung, lines]).toEqual([[], []]);
  });

  test("Redis away: a bell is rung that will sound after the commit, and nothing is known", async () => {
    away.add("redis");
    expect(await openRelay(parts()).beforeCommit(paris)).toEqual({ seen: undefined });
    expect(rung).toEqual([{ ...paris, position: 0, delay: 10, atMost: 800 }]);
    expect(lines).toEqual([{ event: "space-not-marked", space: 7, mark: "redis failed" }]);
  });

  test("what Redis has used up is not there for the queue: 800 ms in all", async () => {
    const waits: number[] = [];
    const slow: DirtySet = {
      ...dirty,
      mark: (_space, _mark, limit) => {
        waits.push(limit?.atMost ?? 0);
        now += 600;
        return Promise.reject(new Outage("redis", "timeout"));
      },
    };
    await openRelay({ ...parts(), dirty: slow }).beforeCommit(paris);
    expect(waits).toEqual([600]);
    expect(rung[0]?.atMost).toBe(200);
  });

  test("everything away: the write goes on, and a line says that only the hourly sweep knows", async () => {
    away.add("redis").add("queue");
    expect(await openRelay(parts()).beforeCommit(paris)).toEqual({ seen: undefined });
    expect(lines).toEqual([{ event: "space-not-marked", space: 7, mark: "redis failed", bell: "queue failed" }]);
  });
});

describe("after the commit", () => {
  const committed = (from: number, to: number) => ({
    position: position(to),
    recentFrom: position(from),
    recent: changesOf(from, to).map(({ position: at, tags }) => ({ position: at as number, tags })),
  });

  test("the digest takes what the commit returned, and the bell rings", async () => {
    digests.set("7.1", { head: 40, changes: [] });
    await openRelay(parts()).afterCommit(paris, { ...committed(40, 42), traceparent: "00-abc-def-01" });
    expect(digests.get("7.1")).toEqual({ head: 42, changes: changesOf(40, 42) });
    expect(rung).toEqual([{ ...paris, position: 42, traceparent: "00-abc-def-01", delay: 1 }]);
    expect(questions).toBe(0);
  });

  test("a gap is filled from the primary", async () => {
    logs.set("7.1", 200);
    digests.set("7.1", { head: 40, changes: [] });
    await openRelay(parts()).afterCommit(paris, committed(136, 200));
    expect(digests.get("7.1")).toEqual({ head: 200, changes: changesOf(40, 200) });
    expect(questions).toBe(1);
  });

  test.each(["redis", "queue", "postgres"] as const)(
    "with %s away nothing is thrown, and the rest is done",
    async (what) => {
      logs.set("7.1", 200);
      digests.set("7.1", { head: 40, changes: [] });
      away.add(what);
      await openRelay(parts()).afterCommit(paris, committed(136, 200));
      expect(rung.length).toBe(what === "queue" ? 0 : 1);
      expect(digests.get("7.1")?.head).toBe(what === "queue" ? 200 : 40);
      expect(lines).toEqual([
        {
          event: "space-advanced-unheard",
          space: 7,
          position: 200,
          [what === "queue" ? "bell" : "digest"]: `${what} failed`,
        },
      ]);
    },
  );
});

describe("bells coalesce", () => {
  const bell = (at: number): Bell => ({ ...paris, position: position(at) });

  test("one a second and space while another is on its way and will sound after now", async () => {
    const bells = coalescedBells(sender, clock);
    for (const at of [1, 2, 3]) {
      await bells.ring(bell(at));
      now += 100;
    }
    expect(rung.map((one) => one.position)).toEqual([1]);
    // 800 ms after it was rung it could sound before what was just committed is seen everywhere.
    now += 500;
    await bells.ring(bell(4));
    expect(rung.map((one) => one.position)).toEqual([1, 4]);
    await bells.ring({ ...bell(5), uid: spaceUid(8) });
    expect(rung.length).toBe(3);
  });

  test("a bell that could not be rung stands for nothing", async () => {
    const bells = coalescedBells(sender, clock);
    away.add("queue");
    await expect(bells.ring(bell(1))).rejects.toThrow(Outage);
    away.clear();
    await bells.ring(bell(2));
    expect(rung.map((one) => one.position)).toEqual([2]);
  });

  test("what it remembers is bounded", async () => {
    const bells = coalescedBells(sender, clock);
    for (let n = 1; n <= 1_200; n += 1) await bells.ring({ ...bell(1), uid: spaceUid(n) });
    await bells.ring({ ...bell(2), uid: spaceUid(1_200) });
    expect(rung.length).toBe(1_200);
    await bells.ring({ ...bell(2), uid: spaceUid(1) });
    expect(rung.length).toBe(1_201);
  });

  test("a bell before a commit is never left out", async () => {
    const bells = coalescedBells(sender, clock);
    await bells.ring(bell(1));
    await bells.ringLater(bell(0), { delay: seconds(10) });
    expect(rung.map((one) => one.delay)).toEqual([1, 10]);
  });
});

describe("bringing a digest up", () => {
  test("in steps, as far as the log goes", async () => {
    logs.set("7.1", 1_234);
    digests.set("7.1", { head: 100, changes: [] });
    expect(await bringUp(parts(), paris)).toEqual({ from: 100, head: 1_234, log: 1_234, wasAhead: false });
    expect(digests.get("7.1")?.changes).toEqual(changesOf(100, 1_234));
    expect(questions).toBe(3);
  });

  test("one from nothing needs the log's head only", async () => {
    logs.set("7.1", 1_234);
    expect(await bringUp(parts(), paris)).toEqual({ from: undefined, head: 1_234, log: 1_234, wasAhead: false });
    expect(questions).toBe(1);
  });

  test("one that claims what the log does not have is made anew", async () => {
    logs.set("7.1", 90);
    digests.set("7.1", { head: 100, changes: changesOf(80, 100) });
    expect(await bringUp(parts(), paris)).toEqual({ from: 100, head: 90, log: 90, wasAhead: true });
    expect(digests.get("7.1")).toEqual({ head: 90, changes: [] });
  });

  test("commits that come between do not look like that", async () => {
    logs.set("7.1", 100);
    digests.set("7.1", { head: 100, changes: [] });
    meanwhile = async () => {
      logs.set("7.1", 101);
      await digest.advance(paris, position(101), position(101), changesOf(100, 101));
    };
    expect(await bringUp(parts(), paris)).toMatchObject({ wasAhead: false, head: 101 });
  });

  test("a space that is gone, or lives in another epoch, is nobody's business", async () => {
    expect(await bringUp(parts(), paris)).toBeUndefined();
  });

  test("ends although others never stop writing", async () => {
    logs.set("7.1", 0);
    digests.set("7.1", { head: 1, changes: [] });
    meanwhile = () => void logs.set("7.1", (logs.get("7.1") ?? 0) + 1_000);
    const brought = await bringUp(parts(), paris);
    expect(brought?.head).toBeLessThan(brought?.log ?? 0);
    expect(questions).toBe(40);
  });
});

describe("the sweep over the dirty set", () => {
  const markBefore = async (ms: number, space = paris) => {
    await dirty.mark(space, markAt(instant(now - ms), 0.25));
  };

  test("with nothing dirty Postgres is not asked", async () => {
    expect(await sweepDirty(parts())).toEqual({ spaces: 0, repaired: 0, behind: 0 });
    expect(questions).toBe(0);
  });

  test("repairs what crashed between commit and bell, rings for it, and lets it go", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 40, changes: [] });
    await markBefore(MINUTE);
    expect(await sweepDirty(parts())).toEqual({ spaces: 1, repaired: 1, behind: 0 });
    expect(digests.get("7.1")).toEqual({ head: 42, changes: changesOf(40, 42) });
    expect(rung).toEqual([{ ...paris, position: 42, delay: 1 }]);
    expect(marks.size).toBe(0);
    expect(lines).toEqual([{ event: "space-repaired", space: 7, from: 40, head: 42, wasAhead: false, rung: true }]);
  });

  test("a space that was marked a moment ago stays: its commit may still come", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 42, changes: [] });
    await markBefore(30_000);
    expect(await sweepDirty(parts())).toEqual({ spaces: 1, repaired: 0, behind: 0 });
    expect(marks.size).toBe(1);
    now += 30_000;
    await sweepDirty(parts());
    expect(marks.size).toBe(0);
    expect(rung).toEqual([]);
  });

  test("a mark that is set while the sweep looks is not removed, even within the same millisecond", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 42, changes: [] });
    await markBefore(MINUTE);
    meanwhile = () => dirty.mark(paris, markAt(instant(now - MINUTE), 0.75)).then(() => undefined);
    await sweepDirty(parts());
    expect(marks.size).toBe(1);
  });

  test("a shard that is away keeps its spaces, at the end of the queue", async () => {
    logs.set("7.1", 42);
    await markBefore(MINUTE);
    await markBefore(MINUTE / 2, spaceOf(8));
    away.add("postgres");
    expect(await sweepDirty(parts())).toEqual({ spaces: 2, repaired: 0, behind: 2 });
    expect([...marks.values()].map(({ mark }) => timeOf(mark))).toEqual([now, now]);
    expect(lines.map(({ event, why }) => [event, why])).toEqual(Array(2).fill(["space-behind", "postgres failed"]));
  });

  test("a space that is gone leaves", async () => {
    await markBefore(MINUTE);
    expect(await sweepDirty(parts())).toEqual({ spaces: 1, repaired: 0, behind: 0 });
    expect(marks.size).toBe(0);
  });

  test("many spaces: four at a time, none forgotten", async () => {
    for (let n = 1; n <= 100; n += 1) {
      logs.set(`${n}.1`, n);
      await markBefore(MINUTE, spaceOf(n));
    }
    expect(await sweepDirty(parts())).toEqual({ spaces: 100, repaired: 100, behind: 0 });
    expect(marks.size).toBe(0);
  });

  test("stops in time for the next one", async () => {
    for (let n = 1; n <= 20; n += 1) {
      logs.set(`${n}.1`, n);
      await markBefore(MINUTE, spaceOf(n));
    }
    meanwhile = () => {
      now += 10_000;
    };
    const swept = await sweepDirty(parts());
    expect(swept.behind).toBeGreaterThan(0);
    expect(questions).toBeLessThan(12);
    expect(marks.size).toBe(swept.behind);
  });
});

describe("the sweep and what follows the log", () => {
  beforeEach(() => {
    left.clear();
    roused = [];
  });

  test("rouses in every space that is marked, and over all of them once an hour", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 42, changes: [] });
    await dirty.mark(paris, markAt(instant(now - MINUTE), 0.25));
    await sweepDirty(parts());
    await sweepRecent(parts());
    expect(roused).toEqual([[paris], "all"]);
  });

  test("a space in which something is due comes back then, and not before", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 42, changes: [] });
    await dirty.mark(paris, markAt(instant(now - MINUTE), 0.25));
    left.set("7.1", instant(now + 5 * MINUTE));
    await sweepDirty(parts());
    expect(timeOf(marks.get("7.1")?.mark ?? 0)).toBe(now + 5 * MINUTE);
    now += 3 * MINUTE;
    expect(await sweepDirty(parts())).toMatchObject({ spaces: 0 });
    now += MINUTE + 1;
    expect(await sweepDirty(parts())).toMatchObject({ spaces: 1 });
  });

  test("a writer's mark is not put off by it", async () => {
    logs.set("7.1", 42);
    digests.set("7.1", { head: 42, changes: [] });
    await dirty.mark(paris, markAt(instant(now - MINUTE), 0.25));
    left.set("7.1", instant(now + 5 * MINUTE));
    meanwhile = () => dirty.mark(paris, markAt(now as Instant, 0.75)).then(() => undefined);
    await sweepDirty(parts());
    expect(timeOf(marks.get("7.1")?.mark ?? 0)).toBe(now);
  });
});

test("the sweep over recent commits finds what nobody could mark", async () => {
  logs.set("7.1", 42).set("8.1", 5).set("9.1", 3);
  digests.set("7.1", { head: 40, changes: [] }).set("8.1", { head: 5, changes: [] });
  expect(await sweepRecent(parts())).toEqual({ spaces: 2, repaired: 2, behind: 0 });
  expect(digests.get("7.1")?.head).toBe(42);
  expect(digests.get("9.1")?.head).toBe(3);
  expect(questions).toBe(2);
});

test("marks: a time and a difference, exact for two centuries", () => {
  for (const at of [0, 1_767_225_600_123, Date.UTC(2250, 0, 1)] as Instant[]) {
    expect(timeOf(markAt(at, 0.999))).toBe(at);
    expect(markAt(at, 0.001)).not.toBe(markAt(at, 0.002));
    expect(Number.isSafeInteger(markAt(at, 0.5))).toBe(true);
  }
  expect(millis(1)).toBe(1);
});
