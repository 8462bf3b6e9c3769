// Subscribers on a real Postgres: effect and checkpoint are one, whoever runs them and however often; they fail apart from each other.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { instant, millis } from "../../src/kernel/clock.ts";
import { fault } from "../../src/kernel/fault.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { position } from "../../src/kernel/position.ts";
import { ok, refuse } from "../../src/kernel/result.ts";
import { DatabaseError } from "../../src/platform/database/outage.ts";
import type { Endpoint, Topology } from "../../src/platform/database/topology.ts";
import { openDeadLetters } from "../../src/platform/relay/dead-letters.ts";
import { FAILURES, runSubscriber } from "../../src/platform/relay/run-subscriber.ts";
import { spaceCalls } from "../../src/platform/relay/space-calls.ts";
import type { Subscriber } from "../../src/platform/relay/subscriber.ts";
import { subscriberLog } from "../../src/platform/relay/subscriber-log.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";
import { stackHere } from "../support/here.ts";
import { type OwnDatabase, ownDatabase } from "../support/pg-client.ts";

const endpoint: Endpoint = { name: "own", region: "here", latitude: 0, longitude: 0, url: "postgres://own" };
const topology: Topology = { home: "own", shards: [{ name: "own", residency: "us", primary: endpoint, readers: [] }] };

let database: OwnDatabase;
let now = instant(Date.now());
let uid = 0;
const clock = { now: () => now };
const space = () => ({ uid: spaceUid(uid), epoch: 1, residency: "us" });
let lines: { event: string }[] = [];
let rung: number[] = [];

beforeAll(async () => {
  database = await ownDatabase(stackHere().postgres["us-primary"] as string);
  // No unique key: what happens twice is seen twice.
  await database.sql("create table effects (space int, who text, position bigint)");
  await database.sql("grant all on effects to meridian_app");
  for (const who of ["counting", "other"])
    await database.sql(`create function effect_${who}(sp int, p jsonb) returns jsonb language plpgsql as $$
      begin
        if exists (select from jsonb_array_elements_text(p->'at') a where a = p->>'poison') then raise exception 'poison'; end if;
        insert into effects select sp, '${who}', a::bigint from jsonb_array_elements_text(p->'at') a;
        return '{}';
      end $$`);
  await database.sql("grant execute on all functions in schema public to meridian_app");
});
afterAll(() => database?.end());
beforeEach(() => {
  uid += 1;
  lines = [];
  rung = [];
});

async function append(count: number): Promise<void> {
  const [head] = await database.sql("select position from space_head where space = $1", [uid]);
  const payload = {
    space: uid,
    commit: crypto.randomUUID(),
    streams: [],
    events: Array.from({ length: count }, (_, i) => ({
      n: i + 1,
      stream: `quiet:${crypto.randomUUID()}`,
      version: 1,
      type: "SomethingHappened",
      schema: 1,
      data: { fields: { large: "x".repeat(1_000) }, small: 1 },
      tags: [],
    })),
    meta: {},
    placeholders: { at: "@at", position: "@position" },
    ...(head === undefined ? { create: { epoch: 1 } } : {}),
  };
  await database.sql("select commit_write($1::jsonb)", [JSON.stringify(payload)]);
}

function parts() {
  const guardOf = () =>
    guard("own", { timeout: millis(60_000), breakAfter: 1e9, halfOpenAfter: millis(1), bulkhead: 1e6, clock });
  const shards = { topology, client: database.client, guardOf };
  return {
    log: subscriberLog(shards),
    call: spaceCalls(shards),
    letters: openDeadLetters(shards),
    bells: {
      ringLater: async (_: unknown, { delay }: { delay: number }) => void rung.push(delay),
    },
    clock,
    report: (event: string, facts: object) => void lines.push({ event, ...facts }),
    uuid: () => crypto.randomUUID(),
  };
}

/** `refused`: it cannot prepare this position; `poison`: its effect fails at this one. */
function subscriber(name: string, more: Partial<Subscriber> & { refused?: number; poison?: number } = {}): Subscriber {
  const { refused, poison, ...rest } = more;
  return {
    name,
    atFailure: "park",
    async prepare(_, events) {
      if (events.some(({ position }) => position === refused))
        return refuse(fault("unsupported", "not-mine", "Cannot take this in"));
      return ok({
        at: events.map(({ position }) => position),
        ...(poison === undefined ? {} : { poison: String(poison) }),
      });
    },
    ...rest,
  };
}
const effects = async (who: string) =>
  (await database.sql("select position from effects where space = $1 and who = $2 order by position", [uid, who])).map(
    (row) => row["position"],
  );
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const checkpoint = async (who: string) =>
  (
    await database.sql(
      "select position, failures, stopped_at is not null as stopped from subscribers where space = $1 and subscriber = $2",
      [uid, who],
    )
  )[0];

describe("effect and checkpoint", () => {
  test("each event once, in batches, whoever runs at the same time", async () => {
    await append(350);
    await Promise.all(Array.from({ length: 6 }, () => runSubscriber(parts(), subscriber("counting"), space())));
    expect(await effects("counting")).toEqual(upTo(350));
    await append(10);
    await Promise.all(Array.from({ length: 6 }, () => runSubscriber(parts(), subscriber("counting"), space())));
    expect(await effects("counting")).toEqual(upTo(360));
    expect(await checkpoint("counting")).toEqual({ position: 360, failures: 0, stopped: false });
  });

  test("a batch costs what is in it, however much comes after it", async () => {
    // In commits of 100, and nothing is analysed in between: the planner knows no more than that there are some.
    for (let n = 0; n < 20; n += 1) await append(100);
    const { log } = parts();
    const looked = async () => {
      await database.tell();
      const [row] = await database.sql(
        "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_user_tables where relname ~ '^events_'",
      );
      return row?.["rows"] as number;
    };
    const before = await looked();
    for (let n = 0; n < 10; n += 1) {
      const found = await log.read(space(), subscriber("counting"), 100);
      expect(found?.events.length).toBe(100);
      const range = await log.range(space(), position(100), position(2_000), 100);
      expect(range?.at(-1)?.position).toBe(200);
    }
    expect((await looked()) - before).toBeLessThanOrEqual(2 * 10 * 100);
  });

  test("after positions that were never given out, as a restore leaves them, it goes on", async () => {
    await append(3);
    await database.sql("update space_head set position = 10000 where space = $1", [uid]);
    await append(250);
    await runSubscriber(parts(), subscriber("counting"), space());
    expect(await effects("counting")).toEqual([1, 2, 3, ...upTo(250).map((n) => 10_000 + n)]);
    const after = await parts().log.range(space(), position(3), position(10_250), 100);
    expect([after?.length, after?.[0]?.position]).toEqual([100, 10_001]);
  });

  test("a run that has seen an older checkpoint does nothing", async () => {
    await append(5);
    const { call } = parts();
    const step = { subscriber: "counting", seen: 0, to: 5, effect: { at: [1, 2, 3, 4, 5] } };
    expect(await call(space(), "advance_subscriber", step)).toEqual({ moved: true, effect: {} });
    expect(await call(space(), "advance_subscriber", { ...step, to: 3, effect: { at: [1, 2, 3] } })).toEqual({
      moved: false,
    });
    expect([await effects("counting"), await checkpoint("counting")]).toMatchObject([upTo(5), { position: 5 }]);
  });

  test("an effect that fails leaves no checkpoint behind", async () => {
    await append(2);
    const step = { subscriber: "counting", seen: 0, to: 2, effect: { at: [1, 2], poison: "2" } };
    await expect(parts().call(space(), "advance_subscriber", step)).rejects.toThrow("poison");
    expect([await effects("counting"), await checkpoint("counting")]).toEqual([[], undefined]);
  });

  test("in another life of the space there is nothing to do", async () => {
    await append(2);
    await runSubscriber(parts(), subscriber("counting"), { ...space(), epoch: 2 });
    expect(await effects("counting")).toEqual([]);
  });

  test("one that has nothing to do in a space passes what is there", async () => {
    await append(500);
    const { sql } = await import("drizzle-orm");
    await runSubscriber(parts(), subscriber("counting", { idle: () => sql`true` }), space());
    expect([await effects("counting"), await checkpoint("counting")]).toMatchObject([[], { position: 500 }]);
  });

  test("one that has done as much as an invocation may leaves the rest to the next, and rings for it", async () => {
    await append(450);
    const tired = subscriber("counting", { effort: () => 0.5 });
    await runSubscriber(parts(), tired, space());
    expect([await effects("counting"), rung]).toEqual([upTo(200), [1]]);
    for (let run = 0; run < 2; run += 1) await runSubscriber(parts(), tired, space());
    // Nothing is left: nobody is rung for.
    expect([await effects("counting"), rung]).toEqual([upTo(450), [1, 1]]);
  });

  test("a batch that was too much is taken in step by step, each larger than the one before", async () => {
    await append(120);
    const taken: number[] = [];
    await runSubscriber(
      parts(),
      subscriber("counting", {
        async prepare(_, events) {
          if (events.length > 20) return refuse(fault("limited", "too-much", "Too much at once"));
          taken.push(events.length);
          return ok({ at: events.map(({ position }) => position) });
        },
      }),
      space(),
    );
    expect([await effects("counting"), taken.slice(0, 4)]).toEqual([upTo(120), [1, 4, 16, 1]]);
    expect(lines).toEqual([]);
  });

  test("events come without their content", async () => {
    await append(1);
    let seen: unknown;
    await runSubscriber(
      parts(),
      subscriber("counting", {
        async prepare(_, [event]) {
          seen = event?.data;
          return ok(undefined);
        },
      }),
      space(),
    );
    expect(seen).toEqual({ small: 1 });
  });
});

describe("an event that cannot be taken in", () => {
  test.each([
    ["refused", "not-mine"],
    ["poison", "DatabaseError"],
  ] as const)("(%s) is tried eight times, parked and passed, with everything before and after it", async (how, why) => {
    await append(30);
    const bad = subscriber("counting", { [how]: 13 });
    const other = subscriber("other");
    for (let run = 0; run < FAILURES; run += 1) {
      await runSubscriber(parts(), bad, space());
      await runSubscriber(parts(), other, space());
      // One that comes too early does not count.
      await runSubscriber(parts(), bad, space());
      now = instant(now + 61_000);
    }
    expect(await effects("counting")).toEqual(upTo(30).filter((at) => at !== 13));
    expect(await effects("other"), "others are not concerned").toEqual(upTo(30));
    expect(rung).toEqual([1, 2, 4, 8, 16, 32, 60]);
    const { letters } = parts();
    const [letter] = (await letters.list(undefined, 100)).filter((one) => one.space === uid);
    expect(letter).toMatchObject({
      queue: "changes",
      subscriber: "counting",
      position: 13,
      reason: why,
      attempts: FAILURES,
      isStopping: false,
    });
    expect(lines.filter(({ event }) => event === "subscriber-parked")).toHaveLength(1);

    // Redriven in vain, and then with success: once.
    await letters.redrive(letter?.id ?? "", now);
    await runSubscriber(parts(), bad, space());
    expect((await letters.list(undefined, 100)).find(({ id }) => id === letter?.id)).toMatchObject({
      attempts: FAILURES + 1,
      isRedriven: false,
    });
    await letters.redrive(letter?.id ?? "", now);
    await Promise.all(Array.from({ length: 3 }, () => runSubscriber(parts(), subscriber("counting"), space())));
    expect((await effects("counting")).filter((at) => at === 13)).toEqual([13]);
    expect((await letters.list(undefined, 100)).filter((one) => one.space === uid)).toEqual([]);
  });

  test("stops a subscriber that may not pass it, and no other", async () => {
    await append(10);
    const strict = subscriber("counting", { refused: 4, atFailure: "stop" });
    for (let run = 0; run < FAILURES + 3; run += 1) {
      await runSubscriber(parts(), strict, space());
      now = instant(now + 61_000);
    }
    await runSubscriber(parts(), subscriber("other"), space());
    expect([await effects("counting"), await effects("other")]).toEqual([upTo(3), upTo(10)]);
    expect(await checkpoint("counting")).toEqual({ position: 3, failures: FAILURES, stopped: true });
    expect(lines.filter(({ event }) => event === "subscriber-stopped")).toHaveLength(1);
  });

  test("an outage is nobody's fault: nothing is counted", async () => {
    await append(3);
    const { DatabaseUnavailable } = await import("../../src/platform/database/outage.ts");
    const away = { ...parts(), call: () => Promise.reject(new DatabaseUnavailable("away", {})) };
    await expect(runSubscriber(away, subscriber("counting"), space())).rejects.toThrow("away");
    expect(await checkpoint("counting")).toBeUndefined();
  });
});

describe("one that takes turns", () => {
  const turns = { atMost: millis(5_000), rest: (took: number) => millis(took * 3) };

  test("takes in a part of what it was given, one run at a time, and rests before the next", async () => {
    await append(30);
    const taken: number[] = [];
    let busy = 0;
    const slow = subscriber("counting", {
      turns,
      async prepare(_, events) {
        busy += 1;
        expect(busy).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 5));
        busy -= 1;
        now = instant(now + 2_000);
        const part = events.slice(0, 4).map(({ position }) => position);
        taken.push(part.length);
        return ok({ at: part, upTo: part.at(-1) as number });
      },
      reach: ({ upTo }) => upTo as never,
    });
    await Promise.all(Array.from({ length: 4 }, () => runSubscriber(parts(), slow, space())));
    // Three rounds are six seconds: it is over its five, and is called again when it has rested for eighteen.
    expect([taken, rung, await effects("counting")]).toEqual([[4, 4, 4], [18], upTo(12)]);
    await runSubscriber(parts(), slow, space());
    expect(taken).toHaveLength(3);
    now = instant(now + 18_000);
    await runSubscriber(parts(), slow, space());
    expect(await effects("counting")).toEqual(upTo(24));
  });

  test("that died keeps its turn no longer than a lease", async () => {
    await append(3);
    const dies = subscriber("counting", { turns, prepare: () => Promise.reject(new Outage("postgres", "failed")) });
    await expect(runSubscriber(parts(), dies, space())).rejects.toThrow(Outage);
    await runSubscriber(parts(), subscriber("counting", { turns }), space());
    expect(await effects("counting")).toEqual([]);
    now = instant(now + 36_000);
    await runSubscriber(parts(), subscriber("counting", { turns }), space());
    expect(await effects("counting")).toEqual(upTo(3));
  });
});

test("a batch that takes the database too long is taken in by fewer at a time", async () => {
  await append(5);
  const own = parts();
  const sizes: number[] = [];
  const call: typeof own.call = async (where, name, payload) => {
    const { at = [] } = (payload["effect"] ?? {}) as { at?: number[] };
    sizes.push(at.length);
    if (at.length > 4) throw new DatabaseError("57014", "canceling statement due to statement timeout", {});
    return await own.call(where, name, payload);
  };
  await runSubscriber({ ...own, call }, subscriber("counting"), space());
  expect([sizes, await effects("counting")]).toEqual([[5, 1, 4], upTo(5)]);
});

describe("a key of an operator's, on two shards", () => {
  test("that was used for a letter of one does nothing on the other", async () => {
    const second = await ownDatabase(stackHere().postgres["eu-primary"] as string);
    try {
      const eu: Endpoint = { ...endpoint, name: "eu", url: "postgres://eu" };
      const two: Topology = {
        home: "own",
        shards: [...topology.shards, { name: "eu", residency: "eu", primary: eu, readers: [] }],
      };
      const guardOf = () =>
        guard("own", { timeout: millis(60_000), breakAfter: 1e9, halfOpenAfter: millis(1), bulkhead: 1e6, clock });
      const client: typeof database.client = {
        call: (at, ...rest) => (at.name === "eu" ? second : database).client.call(at, ...rest),
        snapshot: () => Promise.reject(new Error("nobody asks for it")),
      };
      const letters = openDeadLetters({ topology: two, client, guardOf });
      const id = (name: string) => `${name}-${uid}`;
      for (const [residency, name] of [
        ["us", "one"],
        ["eu", "two"],
      ] as const)
        await letters.keep(
          { uid: spaceUid(uid), residency },
          { id: id(name), at: now, queue: "work", body: "{}", reason: "broken", attempts: 1 },
        );
      const once = { key: crypto.randomUUID().replaceAll("-", ""), status: 204, headers: {}, body: "" };
      const first = await letters.drop(id("one"), now, { ...once, fingerprint: "01" });
      expect(first?.is).toBe("done");
      expect(await letters.drop(id("two"), now, { ...once, fingerprint: "02" })).toEqual({
        is: "refused",
        code: "idempotency-key-reused",
      });
      expect(await letters.drop(id("two"), now, { ...once, fingerprint: "01" })).toMatchObject({ is: "replayed" });
      expect(await second.sql("select id from dead_letters")).toEqual([{ id: id("two") }]);
      expect((await letters.drop(id("two"), now))?.is).toBe("done");
      expect(await letters.drop(id("two"), now)).toBeUndefined();
    } finally {
      await second.end();
    }
  });
});

test("a space that is older than insight starts at its head; a new one at its beginning", async () => {
  const migration = readFileSync("migrations/0012_insight.sql", "utf8");
  const [start] = migration.match(/^insert into subscribers .*;$/m) ?? [];
  await append(7);
  expect(await checkpoint("insight")).toBeUndefined();
  await database.sql(start as string);
  expect(await checkpoint("insight")).toMatchObject({ position: 7 });
});
