// The path of a cached read over fakes of everything beyond: what is given, from where, what is refreshed and how often Postgres is asked.
import { beforeEach, describe, expect, test } from "vitest";
import { instant, seconds } from "../../src/kernel/clock.ts";
import { fault } from "../../src/kernel/fault.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { ok, type Result, refuse } from "../../src/kernel/result.ts";
import { collapse } from "../../src/platform/edge-cache/collapse.ts";
import { type Edge, openEdge } from "../../src/platform/edge-cache/edge.ts";
import { decodeKept, encodeKept, type Kept } from "../../src/platform/edge-cache/kept.ts";
import { memory } from "../../src/platform/edge-cache/memory.ts";
import type { ShieldTier, Want } from "../../src/platform/edge-cache/tiers.ts";
import type { Freshness } from "../../src/platform/freshness/memo.ts";
import type { SpaceMemo } from "../../src/platform/freshness/space-memos.ts";

const SPACE = { id: "s", uid: spaceUid(7), epoch: 1, residency: "us" };
const AWAY = fault("unavailable", "database-unavailable", "Away");
const HOUR = 3_600_000;

let now = 0;
/** What Postgres is at, and how it answers. */
let head = 10;
let failing = false;
let slow: Promise<void> | undefined;
let asked: Want[] = [];
let live = true;
/** Until when the digest was known. */
let knownAt: number | undefined;
let life: number | undefined;
let shownAt: number | undefined;
let changed: Map<string, Position>;
let saw: number[] = [];
let deferred: Promise<unknown>[] = [];
let colo: Map<string, Uint8Array>;
let shield: ShieldTier<string> | undefined;
const clock = { now: () => instant(now) };

function keptAt(at: number): Kept {
  return {
    key: "k",
    body: new TextEncoder().encode(`at ${at}`),
    headers: { ETag: `"${at}"` },
    position: position(at),
    source: "us-fra",
    filledAt: instant(now),
    ...(life === undefined ? {} : { life: seconds(life) }),
    dependencies: [{ members: ["settings"] }, { members: ["name"], under: "type" }],
  };
}

async function origin(_: string, want: Want): Promise<Result<Kept>> {
  asked.push(want);
  const at = Math.max(head, want.reach);
  await slow;
  return failing ? refuse(AWAY) : ok(keptAt(at));
}

const memo = (): SpaceMemo => ({
  space: SPACE,
  view: { birth: 1, floor: position(0), head: position(1_000), changed },
  version: 1,
  askedAt: instant(now),
  unheard: undefined,
});

const freshness: Freshness = {
  memo,
  isLive: () => live,
  completeAt: () => instant(live ? now : (knownAt ?? 0)),
  current: async () => live,
  refreshBehind: () => {},
  missedSince: () => (shownAt === undefined ? undefined : instant(shownAt)),
  saw: (_, at) => void saw.push(at),
  heard: () => {},
};

/** An isolate: its own memory; the colo and the shield are the world's. */
function isolate(): Edge<string> {
  return openEdge<string>({
    memory: memory<Kept>(1_000),
    colo: {
      find: async (key) => {
        const bytes = colo.get(key);
        return bytes === undefined ? undefined : decodeKept(bytes, key);
      },
      put: async (kept) => void colo.set(kept.key, encodeKept(kept)),
    },
    shield: { ask: async (question, key, want) => await shield?.ask(question, key, want) },
    origin,
    freshness,
    clock,
    // Time stands still while others wait: their number must not use up a lease.
    sleep: () => new Promise((resolve) => setTimeout(resolve, 0)),
  });
}

const ask = (edge: Edge<string>, atLeast?: number) =>
  edge.read({
    question: "q",
    key: "k",
    memo: memo(),
    policy: { fresh: seconds(60), stale: seconds(86_400) },
    atLeast: atLeast === undefined ? undefined : position(atLeast),
    place: undefined,
    defer: (work) => void deferred.push(work),
  });

async function given(edge: Edge<string>, atLeast?: number) {
  const served = await ask(edge, atLeast);
  if (!served.ok) return served.fault.code;
  const { kept, from, forwarded, ttl, position: at } = served.value;
  const body = new TextDecoder().decode(kept.body);
  return { body, from, ...(forwarded ? { fwd: forwarded.why } : { stale: ttl < 0 }), at: Number(at) };
}

const settle = async () => {
  await Promise.all(deferred.splice(0));
};

beforeEach(() => {
  now = 1_000_000;
  head = 10;
  failing = false;
  slow = undefined;
  asked = [];
  live = true;
  knownAt = undefined;
  life = undefined;
  shownAt = undefined;
  changed = new Map();
  saw = [];
  deferred = [];
  colo = new Map();
  shield = undefined;
});

describe("while the digest is known", () => {
  test("a miss asks Postgres once; then memory answers for as long as nothing changes", async () => {
    const edge = isolate();
    expect(await given(edge)).toEqual({ body: "at 10", from: "us-fra", fwd: "uri-miss", at: 1_000 });
    now += 20 * HOUR;
    expect(await given(edge)).toEqual({ body: "at 10", from: "memory", stale: false, at: 1_000 });
    expect(asked).toHaveLength(1);
  });

  test("but not longer than a day", async () => {
    const edge = isolate();
    await given(edge);
    now += 24 * HOUR;
    expect(await given(edge)).toMatchObject({ from: "us-fra", fwd: "stale" });
  });

  test("what changes without a position is read again after its own life, wherever it was kept", async () => {
    life = 60;
    const edge = isolate();
    await given(edge);
    await settle();
    now += 59_999;
    expect(await given(edge)).toMatchObject({ from: "memory", stale: false });
    // Another isolate does not begin its life anew.
    const other = isolate();
    expect(await given(other)).toMatchObject({ from: "colo" });
    now += 1;
    expect(await given(edge)).toMatchObject({ from: "us-fra", fwd: "stale" });
    expect(asked.at(-1)?.newerThan).toBe(now - 60_000);
    await settle();
    // What the first has had read is in the data centre for all.
    expect(await given(other)).toMatchObject({ from: "colo" });
    now += 60_000;
    live = false;
    expect(await given(edge)).toMatchObject({ from: "us-fra", fwd: "stale" });
    now += 60_000;
    failing = true;
    expect(await given(edge)).toMatchObject({ from: "memory", stale: true });
  });

  test("another isolate is given what the data centre has, and has it then itself", async () => {
    await given(isolate());
    await settle();
    const edge = isolate();
    expect(await given(edge)).toMatchObject({ from: "colo", stale: false });
    colo.clear();
    expect(await given(edge)).toMatchObject({ from: "memory" });
    expect(asked).toHaveLength(1);
  });

  test("a change is answered with what was before for half a second at most, while one refresh runs behind", async () => {
    const edge = isolate();
    await given(edge);
    changed.set("name", position(20));
    shownAt = now;
    now += 500;
    const served = await Promise.all([given(edge), given(edge), given(edge)]);
    expect(served).toEqual(Array(3).fill({ body: "at 10", from: "memory", stale: true, at: 10 }));
    await settle();
    expect(asked.map(({ reach }) => reach)).toEqual([0, 20]);
    expect(await given(edge)).toMatchObject({ body: "at 20", from: "memory", stale: false });
  });

  test("after that half second, or if nobody knows when it was, the refresh is waited for", async () => {
    for (const shown of [undefined, -501]) {
      const edge = isolate();
      changed.clear();
      colo.clear();
      await given(edge);
      changed.set("name", position(20));
      shownAt = shown === undefined ? undefined : now + shown;
      expect(await given(edge)).toMatchObject({ body: "at 20", fwd: "stale" });
    }
  });

  test("who asks for a position is not given what was before a change, however recent", async () => {
    const edge = isolate();
    await given(edge);
    changed.set("name", position(20));
    shownAt = now;
    expect(await given(edge, 15)).toMatchObject({ body: "at 20" });
  });

  test("a kept answer that nothing has changed is proven at the digest's head", async () => {
    const edge = isolate();
    await given(edge);
    expect(await given(edge, 1_000)).toMatchObject({ body: "at 10", from: "memory", at: 1_000 });
    expect(await given(edge, 1_001)).toMatchObject({ body: "at 1001", fwd: "stale", at: 1_001 });
  });

  test("what a colo has is judged like everything else, and replaced by nothing older", async () => {
    const old = isolate();
    await given(old);
    await settle();
    changed.set("name", position(20));
    const edge = isolate();
    expect(await given(edge)).toMatchObject({ body: "at 20", fwd: "stale" });
    await settle();
    expect(await given(isolate())).toMatchObject({ body: "at 20", from: "colo" });
  });

  test("every position that Postgres showed is told to the memo", async () => {
    await given(isolate());
    expect(saw).toEqual([10]);
  });

  test("requests of one isolate for one key ask once", async () => {
    const edge = isolate();
    let land = (): void => {};
    slow = new Promise((resolve) => {
      land = resolve;
    });
    const all = Array.from({ length: 100 }, () => given(edge));
    await new Promise((resolve) => setTimeout(resolve, 5));
    land();
    const served = await Promise.all(all);
    expect(served.every((each) => typeof each === "object" && each.body === "at 10")).toBe(true);
    expect(asked).toHaveLength(1);
  });
});

describe("while the digest is away", () => {
  beforeEach(() => {
    live = false;
  });

  test("age decides: in the last half of what is fresh nobody waits, and one refresh runs behind", async () => {
    const edge = isolate();
    await given(edge);
    now += 26_000;
    expect(await given(edge)).toMatchObject({ body: "at 10", stale: false });
    await settle();
    expect(asked).toHaveLength(1);
    now += 33_000;
    head = 30;
    const served = await Promise.all([given(edge), given(edge)]);
    expect(served).toEqual(Array(2).fill({ body: "at 10", from: "memory", stale: false, at: 1_000 }));
    await settle();
    expect(asked).toHaveLength(2);
    expect(await given(edge)).toMatchObject({ body: "at 30", stale: false });
  });

  test("nobody is given what was last known to be true longer ago than that, however idle the key", async () => {
    const edge = isolate();
    await given(edge);
    await settle();
    head = 30;
    now += 60_000;
    expect(await given(edge)).toMatchObject({ body: "at 30", fwd: "stale" });
    // What the data centre still has is as old.
    expect(await given(isolate())).toMatchObject({ body: "at 30" });
  });

  test("what the digest showed to be unchanged until it went away has not aged before", async () => {
    const edge = isolate();
    await given(edge);
    now += 5 * HOUR;
    knownAt = now;
    now += 20_000;
    expect(await given(edge)).toMatchObject({ body: "at 10", from: "memory", stale: false });
    await settle();
    expect(asked).toHaveLength(1);
    now += 39_999;
    expect(await given(edge)).toMatchObject({ body: "at 10", from: "memory" });
    await settle();
    expect(asked).toHaveLength(2);
    // But for what the digest does not speak of.
    life = 3 * 3_600;
    const other = isolate();
    colo.clear();
    await given(other);
    now += HOUR;
    knownAt = now;
    expect(await given(other)).toMatchObject({ fwd: "stale" });
  });

  test("a refresh never goes back behind what was given", async () => {
    const edge = isolate();
    head = 50;
    await given(edge);
    now += 50_000;
    await given(edge);
    await settle();
    expect(asked).toHaveLength(2);
    expect(asked.at(-1)).toMatchObject({ reach: 50 });
  });

  test("what was once known to be changed is refreshed first", async () => {
    const edge = isolate();
    await given(edge);
    changed.set("name", position(20));
    shownAt = now;
    expect(await given(edge)).toMatchObject({ body: "at 20", fwd: "stale" });
  });
});

describe("when Postgres is away", () => {
  test("what was known is given, marked, to whoever did not ask for more", async () => {
    const edge = isolate();
    await given(edge);
    changed.set("name", position(20));
    failing = true;
    expect(await given(edge)).toEqual({ body: "at 10", from: "memory", stale: true, at: 10 });
    expect(await given(edge, 15)).toBe("database-unavailable");
    // Whatever it is proven at, its next page stands where it stands itself.
    colo.set("k", encodeKept({ ...keptAt(10), pinned: true }));
    changed.clear();
    expect(await given(isolate(), 15)).toBe("database-unavailable");
    changed.set("name", position(20));
    now += 25 * HOUR;
    expect(await given(edge)).toBe("database-unavailable");
  });

  test("who knows nothing is refused", async () => {
    failing = true;
    expect(await given(isolate())).toBe("database-unavailable");
  });
});

describe("the shield", () => {
  const open = (): ShieldTier<string> => ({
    ask: collapse<string>({ origin, clock, memory: memory<Kept>(1_000) }),
  });

  test("asks once for all isolates of a region, and remembers", async () => {
    shield = open();
    let land = (): void => {};
    slow = new Promise((resolve) => {
      land = resolve;
    });
    const all = Array.from({ length: 50 }, () => given(isolate()));
    await new Promise((resolve) => setTimeout(resolve, 5));
    land();
    await Promise.all(all);
    expect(asked).toHaveLength(1);
    colo.clear();
    expect(await given(isolate())).toMatchObject({ from: "shield", stale: false });
    expect(asked).toHaveLength(1);
  });

  test("leaves what one asker alone wanted out of the data centre's cache, and what has a second one in it", async () => {
    shield = open();
    await given(isolate());
    await settle();
    expect(colo.size).toBe(0);
    expect(await given(isolate())).toMatchObject({ from: "shield" });
    await settle();
    expect(await given(isolate())).toMatchObject({ from: "colo" });
    expect(asked).toHaveLength(1);
  });

  test("is asked for no less than the change that the asker knows of", async () => {
    shield = open();
    await given(isolate());
    colo.clear();
    changed.set("name", position(20));
    // A newcomer cannot know what the answer depends on before it has seen one.
    const served = await Promise.all(Array.from({ length: 20 }, () => given(isolate())));
    expect(served.every((each) => typeof each === "object" && each.body === "at 20")).toBe(true);
    expect(asked.map(({ reach }) => reach)).toEqual([0, 20]);
  });

  test("what it remembers counts as aged like anybody's", async () => {
    shield = open();
    live = false;
    const edge = isolate();
    await given(edge);
    now += 61_000;
    await given(edge);
    await settle();
    expect(asked).toHaveLength(2);
    // Another isolate refreshes after that: the shield's answer is young enough for it.
    colo.clear();
    expect(await given(isolate())).toMatchObject({ from: "shield", stale: false });
    expect(asked).toHaveLength(2);
  });

  test("what it remembers of long ago is not new because the digest is away", async () => {
    shield = open();
    live = false;
    await given(isolate());
    await settle();
    colo.clear();
    now += 23 * HOUR;
    head = 30;
    expect(await given(isolate())).toMatchObject({ body: "at 30", fwd: "uri-miss" });
    expect(asked).toHaveLength(2);
  });

  test("that has no room or no database itself is passed by; a position that nobody has reached is not asked for twice", async () => {
    let why = AWAY;
    shield = { ask: async () => refuse(why) };
    expect(await given(isolate())).toMatchObject({ body: "at 10", from: "us-fra" });
    why = fault("unavailable", "position-not-reached", "");
    expect(await given(isolate(), 2_000)).toBe("position-not-reached");
    expect(asked).toHaveLength(1);
  });

  test("that is away, or has nothing new to say, is passed by", async () => {
    shield = { ask: async () => undefined };
    expect(await given(isolate())).toMatchObject({ body: "at 10", from: "us-fra" });
    const stuck = keptAt(10);
    shield = { ask: async () => ok({ kept: stuck, how: "memory" as const }) };
    changed.set("name", position(20));
    colo.clear();
    expect(await given(isolate())).toMatchObject({ body: "at 20", from: "us-fra" });
  });

  test("a flight that asks for less is not joined by who needs more", async () => {
    let land = (): void => {};
    slow = new Promise((resolve) => {
      land = resolve;
    });
    const shielded = open();
    const want = (reach: number): Want => ({ reach: position(reach), newerThan: undefined, place: undefined });
    const all = [shielded.ask("q", "k", want(0)), shielded.ask("q", "k", want(20)), shielded.ask("q", "k", want(15))];
    land();
    const how = (await Promise.all(all)).map((each) => (each?.ok ? [each.value.kept.position, each.value.how] : each));
    expect(how).toEqual([
      [10, "filled"],
      [20, "filled"],
      [20, "collapsed"],
    ]);
  });
});

describe("bytes on their way", () => {
  test("come back as they were, and only under their own key", () => {
    const kept = { ...keptAt(3), body: new TextEncoder().encode("é\u0000x"), refusal: AWAY, pinned: true as const };
    expect(decodeKept(encodeKept(kept), "k")).toEqual(kept);
    expect(decodeKept(encodeKept(kept), "other")).toBeUndefined();
    expect(decodeKept(new Uint8Array(2), "k")).toBeUndefined();
  });

  test("an answer that leads to a next page is not proven beyond its own position", async () => {
    colo.set("k", encodeKept(keptAt(10)));
    expect(await given(isolate(), 500)).toMatchObject({ body: "at 10", from: "colo" });
    colo.set("k", encodeKept({ ...keptAt(10), pinned: true }));
    expect(await given(isolate(), 500)).toMatchObject({ body: "at 500" });
  });
});
