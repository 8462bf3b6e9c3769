// The digest around real commits: what commit_write returns, what it does not, and what the sweep finds on the primary.
// Redis is this file's own: the stack's Worker sweeps too.
import { neon } from "@neondatabase/serverless";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { createConditions } from "../../local/conditions.ts";
import { createCounters } from "../../local/counters.ts";
import { startInProcessRedis } from "../../local/redis/in-process.ts";
import { startUpstashGateway } from "../../local/upstash-gateway.ts";
import { neonClient } from "../../src/adapters/neon/sql-client.ts";
import { tagHash } from "../../src/adapters/noble-hashes/tag-hash.ts";
import { digestStore } from "../../src/adapters/upstash/digest-store.ts";
import { dirtySet } from "../../src/adapters/upstash/dirty-set.ts";
import { connectRedis } from "../../src/adapters/upstash/redis.ts";
import { instant, millis } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { openDigest } from "../../src/platform/freshness/digest.ts";
import type { Bell } from "../../src/platform/relay/bell.ts";
import { eventSource } from "../../src/platform/relay/event-source.ts";
import { openRelay } from "../../src/platform/relay/relay.ts";
import { sweepDirty, sweepRecent } from "../../src/platform/relay/sweep.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";

const stack = stackHere();
const control = openControl(stack.control);
const conditions = createConditions();
const counters = createCounters([]);
const gateway = await startUpstashGateway(startInProcessRedis(), "relay", conditions, counters);
afterEach(async () => {
  conditions.clearFault("redis");
  await control.restore();
});
afterAll(() => gateway.stop());

/** Sweeps look at marks that have settled: the test's clock goes ahead. */
let ahead = 0;
const clock = { now: () => instant(Date.now() + ahead) };
const guardOf = () =>
  guard("test", { timeout: millis(20_000), breakAfter: 1_000, halfOpenAfter: millis(0), bulkhead: 1_000, clock });
const everyCall = guardOf();
const client = neonClient(stack.neon.endpoint);
const events = eventSource({ topology: stack.topology, client, guardOf: () => everyCall });
const redis = connectRedis({ url: gateway.url, token: "relay", guard: guardOf() });
const marks = dirtySet(redis);
/** How long a write waits is shown elsewhere; here a busy machine must not look like an outage. */
const dirty = { ...marks, mark: (space: Parameters<typeof marks.mark>[0], mark: number) => marks.mark(space, mark) };
let bells: Bell[] = [];
const sent = {
  ring: async (bell: Bell) => void bells.push(bell),
  ringLater: async (bell: Bell) => void bells.push(bell),
};
const lines: unknown[] = [];
const parts = {
  followers: { rouse: async () => new Map() },
  digest: openDigest({ store: digestStore(redis), hash: tagHash("secret"), random: Math.random }),
  events,
  dirty,
  bells: sent,
  freshness: { heard: () => {} },
  clock,
  random: Math.random,
  report: (event: string, facts: object) => void lines.push({ event, ...facts }),
};
const { digest } = parts;
const relay = openRelay(parts);
const primary = stack.topology.shards.find(({ residency }) => residency === "us")?.primary;
const sql = neon(primary?.url ?? "");

interface Answer {
  readonly position: number;
  readonly first: number;
  readonly recentFrom?: number;
  readonly recent?: readonly { readonly position: number; readonly tags: readonly string[] }[];
}

let uids = 900_000 + (process.pid % 1_000) * 100;
/** A space with its first event. */
async function create() {
  uids += 1;
  const space = { uid: spaceUid(uids), epoch: 1, residency: "us" };
  await commit(space, { create: { epoch: 1 } });
  return space;
}
type Space = Awaited<ReturnType<typeof create>>;

let streams = 0;
async function commit(space: Space, extra: object = {}, eventsInside = 1): Promise<Answer> {
  const made = Array.from({ length: eventsInside }, (_, n) => {
    streams += 1;
    return { i: n, id: `entry:${streams}`, x: 0, n: 1 };
  });
  const payload = {
    space: space.uid,
    commit: crypto.randomUUID(),
    streams: made,
    events: made.map(({ id }, n) => ({
      n: n + 1,
      stream: id,
      version: 1,
      type: "EntryPublished",
      schema: 1,
      data: {},
      tags: [id, "type:city"],
    })),
    meta: {},
    placeholders: { at: "@", position: "#" },
    ...extra,
  };
  const [row] = await sql.query("select commit_write($1::jsonb) as answer", [JSON.stringify(payload)]);
  const answer = row?.answer as Answer & { refused?: string };
  expect(answer.refused).toBeUndefined();
  return answer;
}

/** As the writer does it. An answer that does not say what is recent (its first call's was lost) knows nothing. */
function committed(answer: Answer) {
  const at = position(answer.position);
  return { position: at, recentFrom: position(answer.recentFrom ?? answer.position), recent: answer.recent ?? [] };
}
async function write(space: Space, eventsInside = 1): Promise<Answer> {
  const { seen } = await relay.beforeCommit(space);
  const answer = await commit(space, seen === undefined ? {} : { seen }, eventsInside);
  await relay.afterCommit(space, committed(answer));
  return answer;
}
/** The commit is there, and then the isolate is gone. */
async function writeAndCrash(space: Space, eventsInside = 1): Promise<Answer> {
  const { seen } = await relay.beforeCommit(space);
  return await commit(space, seen === undefined ? {} : { seen }, eventsInside);
}

/** Invariant 8 of the design: head ≤ the log's, and every change up to it is in the digest or below its floor. */
async function expectWhole(space: Space, head: number): Promise<void> {
  const page = await digest.read(space);
  const log = await events.changesAfter(space, position(0), 10_000);
  expect(log?.head).toBe(head);
  expect(page?.head).toBe(head);
  const last = new Map<string, Position>();
  for (const { position: at, tags } of log?.changes ?? []) for (const tag of tags) last.set(tag, at);
  const names = digest.members(space, [...last.keys()]);
  [...last.values()].forEach((at, n) => {
    const shown = page?.changed.get(names[n] as string);
    if (shown === undefined) expect(at).toBeLessThanOrEqual(page?.floor as number);
    else expect(shown).toBe(at);
  });
}
const settle = () => {
  ahead += 120_000;
};

beforeEach(async () => {
  bells = [];
  lines.length = 0;
  await dirty.remove(await dirty.oldest(10_000));
});

describe("around commits", () => {
  test("one writer: the digest follows every commit, with one request before and one after", async () => {
    const space = await create();
    await write(space);
    counters.reset();
    const { position: head } = await write(space);
    expect(counters.total().redis).toEqual({ requests: 2, commands: 3 });
    await expectWhole(space, head);
    expect((await digest.read(space))?.floor).toBe(2);
    expect(bells.map((bell) => bell.position)).toEqual([2, 3]);
    expect(lines).toEqual([]);
  });

  test("many writers at the same time", async () => {
    const space = await create();
    await write(space);
    await Promise.all(Array.from({ length: 25 }, (_, n) => write(space, (n % 3) + 1)));
    const head = (await events.changesAfter(space, position(0), 0))?.head as number;
    await expectWhole(space, head);
    expect(lines).toEqual([]);
  });

  test("the next writer repairs one that crashed", async () => {
    const space = await create();
    await write(space);
    await writeAndCrash(space, 3);
    await writeAndCrash(space, 2);
    expect(await digest.heads([space])).toEqual([2]);
    await expectWhole(space, (await write(space)).position);
  });

  test("also when the commit could not return all that was missed", async () => {
    const space = await create();
    await write(space);
    await writeAndCrash(space, 70);
    const answer = await write(space);
    expect(answer.recentFrom).toBeGreaterThan(2);
    await expectWhole(space, answer.position);
  });

  test("a commit whose answer was lost and asked for again: what it changed is read from the primary", async () => {
    const space = await create();
    await write(space);
    const { seen } = await relay.beforeCommit(space);
    const commitId = crypto.randomUUID();
    streams += 1;
    const id = `entry:${streams}`;
    const payload = {
      seen,
      commit: commitId,
      streams: [{ i: 0, id, x: 0, n: 1 }],
      events: [{ n: 1, stream: id, version: 1, type: "EntryPublished", schema: 1, data: {}, tags: [id] }],
    };
    await commit(space, payload);
    const again = await commit(space, { ...payload, again: true });
    expect(again).toMatchObject({ position: 3, again: true });
    await relay.afterCommit(space, committed(again));
    await expectWhole(space, 3);
  });

  test("Redis away during a write, then flushed: the digest is made anew and claims nothing", async () => {
    const space = await create();
    await write(space);
    conditions.setFault("redis", { mode: "down" });
    const { position: head } = await write(space);
    expect(bells).toContainEqual({ ...space, position: 0 });
    conditions.clearFault("redis");
    expect(await digest.heads([space])).toEqual([2]);
    await digest.forget(space);
    await expectWhole(space, (await write(space)).position);
    expect(head).toBe(3);
    expect((await digest.read(space))?.floor).toBe(4);
  });
});

describe("sweeps", () => {
  test("a crash between commit and bell costs a minute: the mark was there before the commit", async () => {
    const space = await create();
    await write(space);
    const { position: head } = await writeAndCrash(space, 70);
    await sweepDirty(parts);
    await expectWhole(space, head);
    expect(bells.at(-1)).toEqual({ ...space, position: head });
    expect(await dirty.oldest(10)).toHaveLength(1);
    settle();
    expect(await sweepDirty(parts)).toEqual({ spaces: 1, repaired: 0, behind: 0 });
    expect(await dirty.oldest(10)).toEqual([]);
  });

  test("while a space's primary is away it stays dirty; other spaces are served", async () => {
    const space = await create();
    await write(space);
    const { position: head } = await writeAndCrash(space);
    settle();
    await control.fault("us-primary", { mode: "down" });
    expect(await sweepDirty(parts)).toEqual({ spaces: 1, repaired: 0, behind: 1 });
    await control.restore();
    settle();
    expect(await sweepDirty(parts)).toEqual({ spaces: 1, repaired: 1, behind: 0 });
    await expectWhole(space, head);
    expect(await dirty.oldest(10)).toEqual([]);
  });

  test("what nobody could mark is found by the sweep over recent commits", async () => {
    const space = await create();
    await write(space);
    await dirty.remove(await dirty.oldest(10));
    const { position: head } = await commit(space);
    ahead = 0;
    await sweepRecent(parts);
    await expectWhole(space, head);
  });

  test("a log that lost positions without a new epoch: the digest is made anew", async () => {
    const space = await create();
    await write(space);
    await digest.advance(space, position(3), position(50), [{ position: position(40), tags: ["entry:lost"] }]);
    await sweepDirty(parts);
    await expectWhole(space, 2);
    expect((await digest.read(space))?.floor).toBe(2);
    expect(lines).toMatchObject([{ event: "space-repaired", wasAhead: true, from: 50, head: 2 }]);
  });

  test("a mark of another epoch or of no space leaves without a trace", async () => {
    const space = { ...(await create()), epoch: 9 };
    await dirty.mark(space, 1);
    await dirty.mark({ ...space, residency: "mars" }, 2);
    expect(await sweepDirty(parts)).toEqual({ spaces: 2, repaired: 0, behind: 0 });
    expect(await dirty.oldest(10)).toEqual([]);
    expect(await digest.heads([space])).toEqual([undefined]);
  });
});
