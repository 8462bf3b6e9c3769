// The job that writes the rows of new indexes: whatever dies in it and whoever writes meanwhile, rows are in the end what the log says, whether the
// type was saved, or the job was cancelled, or something was indexed besides or not any more.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDifferences } from "../../local/rebuild/rebuild-space.ts";
import {
  decodeEntry,
  entryStatement,
  mergeChanges,
  relianceOn,
  shapeOf,
} from "../../src/contexts/authoring/authoring.ts";
import { bothShapes } from "../../src/contexts/authoring/both-shapes.ts";
import { type ContentType, decodeType, rowShapeOf } from "../../src/contexts/authoring/content-type.ts";
import { type EntryEvent, evolve, NO_ENTRY } from "../../src/contexts/authoring/domain/entry.ts";
import { changeOf } from "../../src/contexts/authoring/entry-change.ts";
import type { TypeShape } from "../../src/contexts/delivery/delivery.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import type { Change } from "../../src/platform/event-log/commit.ts";
import { jobId } from "../../src/platform/jobs/ask-job.ts";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

const MINUTE = 60_000;
/** More than one step writes, fewer than two. */
const MANY = 110;
let world: World;
let database: string;
let space: SpaceAddress;

beforeAll(async () => {
  const server = stackHere().postgres["us-primary"] as string;
  world = await openWorld(server);
  const [row] = await world.sql("select current_database() as name");
  const url = new URL(server);
  url.pathname = `/${row?.["name"]}`;
  database = url.href;
});
afterAll(() => world?.end());

const number = { type: "number" } as const;
const text = { type: "string" } as const;
const indexed = { "x-indexed": true } as const;
const PLAIN = { n: { ...number, ...indexed }, s: text, m: number, r: text } as const;
type Properties = Readonly<Record<string, JsonObject>>;

const documentOf = (properties: Properties, indexes: readonly (readonly string[])[] = []) => ({
  ...{ name: "note", indexes, requireIfMatch: false },
  schema: { type: "object", properties },
});
const LOCALES = { locales: ["en"], defaultLocale: "en" };

function nextShape(document: ReturnType<typeof documentOf>, revision: number, before?: TypeShape): TypeShape {
  const shape = shapeOf("note", document, LOCALES, revision, before);
  if (!shape.ok) throw new Error(shape.fault.detail);
  return shape.value;
}
const asJson = (value: unknown) => value as JsonObject;

/** A space with a type that indexes `n`, and entries; every second one is published. */
async function fresh(many = MANY): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.marks.clear();
  const document = documentOf(PLAIN);
  const shape = nextShape(document, 1);
  const data = asJson({ document, shape });
  await world.commit(space, {
    streams: [{ i: 0, id: "type:note", x: 0, n: 1 }],
    events: [{ n: 1, stream: "type:note", version: 1, type: "TypeSaved", schema: 1, data, tags: [] }],
    types: [{ type: "note", n: 1, revision: 1, document: asJson(document), shape: asJson(shape) }],
    moved: { schema: 1 },
  });
  for (let first = 0; first < many; first += 100) {
    const some = Array.from({ length: Math.min(100, many - first) }, (_, at) => first + at);
    const changes = some.map((i) => created(i, shape));
    await world.commit(space, mergeChanges(changes.map((change, i) => ({ i, change }))));
  }
}

const idOf = (i: number) => `e${String(i).padStart(4, "0")}`;
const fieldsOf = (i: number) => ({ n: i, s: `s${i % 7}`, m: -i, r: idOf((i + 1) % MANY) });

function created(i: number, shape: TypeShape): Change {
  const events: EntryEvent[] = [
    { type: "EntryCreated", data: { type: "note", slug: null, fields: fieldsOf(i) } },
    ...(i % 2 === 0 ? [{ type: "EntryPublished", data: { version: 1 } } as const] : []),
  ];
  const change = changeOf({ id: idOf(i), before: NO_ENTRY, events, shape, actor: "key:x", force: false });
  if (!change.ok) throw new Error(change.fault.detail);
  const { needs: _, ...rest } = change.value;
  return rest;
}

async function typeOf(): Promise<ContentType> {
  const [row] = await world.sql("select * from types where space = $1", [space.uid]);
  return decodeType(row ?? {});
}

async function ask(properties: Properties, indexes: readonly (readonly string[])[] = []): Promise<string> {
  world.pass(1);
  const job = jobId(world.now(), crypto.getRandomValues(new Uint8Array(6)));
  const { revision, shape } = await typeOf();
  const document = documentOf(properties, indexes);
  const both = bothShapes(shape, nextShape(document, revision + 1, shape));
  if (!both.ok) throw new Error(both.clash);
  const payload = {
    ...{ job, kind: "schema-check", of: "note", actor: "key:x", at: new Date(world.now()).toISOString() },
    ...{ plan: { type: "note", revision }, shown: { type: "note", checked: 0, position: null } },
    ...{ type: "note", revision, document, rows: both.shape },
  };
  const [row] = await world.sql("select aside_schema_check($1, $2::jsonb) as answer", [
    space.uid,
    JSON.stringify(payload),
  ]);
  expect(row?.["answer"]).toEqual({});
  await world.mark(space);
  return job;
}

/** As somebody who knows of `type` writes, whatever has become of it. */
async function write(
  id: string,
  wanted: readonly ("update" | "publish" | "unpublish" | "delete")[],
  type?: ContentType,
  fields?: JsonObject,
): Promise<number> {
  const known = type ?? (await typeOf());
  const { text: statement, params } = renderSql(entryStatement(space.uid, id));
  const { entry: before, told } = decodeEntry((await world.sql(statement, params))[0]);
  const events: EntryEvent[] = [];
  let after = before;
  const add = (event: EntryEvent): void => {
    events.push(event);
    after = evolve(after, event);
  };
  if (before.is === "absent")
    add({
      type: "EntryCreated",
      data: { type: "note", slug: null, fields: fields ?? { n: 5, s: "new", m: 7, r: idOf(0) } },
    });
  for (const want of wanted) {
    if (after.is === "absent") throw new Error("it is gone");
    const { version } = after;
    if (want === "publish") add({ type: "EntryPublished", data: { version } });
    else if (want === "unpublish") add({ type: "EntryUnpublished", data: {} });
    else if (want === "delete") add({ type: "EntryDeleted", data: { type: "note" } });
    else
      add({
        type: "EntryUpdated",
        data: {
          slug: null,
          fields: fields ?? { n: version, s: `w${version}`, m: version, r: idOf(1) },
          version: version + 1,
        },
      });
  }
  const shape = rowShapeOf(known);
  const change = changeOf({ id, before, events, shape, actor: "key:x", force: true, told });
  if (!change.ok) throw new Error(change.fault.detail);
  return await world.commit(space, { ...change.value, relies: [relianceOn(known)] });
}

async function jobOf(id: string) {
  const [row] = await world.sql("select * from jobs where space = $1 and id = $2", [space.uid, id]);
  // biome-ignore lint/suspicious/noExplicitAny: a row whose members the test asserts
  return row as any;
}
async function cancel(job: string): Promise<void> {
  await world.sql("select aside_job_cancel($1, $2::jsonb)", [
    space.uid,
    JSON.stringify({ job, kind: "schema-check", at: new Date(world.now()).toISOString() }),
  ]);
  await world.mark(space);
}
/** One message's work, as far as to this step. */
async function until(killAt: number): Promise<boolean> {
  await world.sweep();
  const message = world.due().find(({ queue }) => queue === "work");
  if (message === undefined) throw new Error("nothing has woken it");
  const life = await world.invoke([world.take(message)], { killAt, steps: 0, dead: false });
  return life.dead;
}
/** The job dies when it has written (or cleaned) its first rows. */
async function untilWritten(what: "after" | "cleaned" = "after"): Promise<void> {
  for (let killAt = 1; killAt < 60; killAt += 1) {
    const dead = await until(killAt);
    const [row] = await world.sql("select state, attempts from jobs where space = $1 and not closed", [space.uid]);
    const state = row?.["state"] as JsonObject | undefined;
    if (state?.[what] !== undefined) return;
    if (!dead) throw new Error("it was done before it was seen to begin");
    await world.sql(
      "update jobs set attempts = 0, lease_until = '-infinity', queued_until = '-infinity' where space = $1",
      [space.uid],
    );
    await world.mark(space);
  }
  throw new Error("it has not begun");
}
async function forgetLeases(): Promise<void> {
  await world.sql(
    "update jobs set lease_until = '-infinity', queued_until = '-infinity' where space = $1 and not closed",
    [space.uid],
  );
  await world.mark(space);
}

/** The world's spaces are made by no request, and their heads say less. */
const differences = async () =>
  (await findDifferences(database, space.uid))
    .filter(({ table }) => table !== "space_head")
    .map(({ table, what, key, columns }) => [table, what, key, columns]);
const slots = async (table: "draft_ix" | "published_ix", slot: string) =>
  Object.fromEntries(
    (
      await world.sql(`select id, ${slot} as slot from ${table} where space = $1 and ${slot} is not null`, [space.uid])
    ).map((row) => [row["id"], row["slot"]]),
  );
/** What a turn of the job calls. */
async function call(job: string, name: string, more: object): Promise<unknown> {
  const at = new Date(world.now()).toISOString();
  const payload = { space: space.uid, epoch: 1, job, holder: "h", at, lease: 60, ...more };
  const [row] = await world.sql(`select ${name}($1::jsonb) as answer`, [JSON.stringify(payload)]);
  return row?.["answer"];
}
const refsOf = async () => {
  const [row] = await world.sql("select count(*)::int as n from refs where space = $1", [space.uid]);
  return row?.["n"];
};

/** Everything that is new at once: a sorted number, a text, a reference, and a composite of them. */
const WIDE = {
  ...PLAIN,
  s: { ...text, ...indexed },
  m: { ...number, ...indexed },
  r: { ...text, "x-reference": "note" },
};
const WIDE_INDEXES = [["s", "-m"]];

async function expectIndexed(): Promise<void> {
  expect((await typeOf()).pending).toBeUndefined();
  expect(await differences()).toEqual([]);
  const [row] = await world.sql(
    "select (select count(*)::int from entries where space = $1) as entries, (select count(*)::int from draft_ix where space = $1 and n2 is not null and t1 is not null and k1 is not null) as drafts",
    [space.uid],
  );
  expect(row?.["drafts"]).toBe(row?.["entries"]);
}

describe("rows of new indexes", () => {
  test("are written, and then the type is saved, whenever the consumer dies", async () => {
    for (let killAt = 9; ; killAt += 3) {
      await fresh();
      const job = await ask(WIDE, WIDE_INDEXES);
      const dead = await until(killAt);
      await world.settle(30 * MINUTE);
      expect(await jobOf(job), `killed at ${killAt}`).toMatchObject({
        status: "completed",
        closed: true,
        shown: { checked: MANY },
      });
      await expectIndexed();
      if (!dead) break;
    }
  }, 90_000);

  test("are those of what is written meanwhile, before and behind the walk", async () => {
    await fresh();
    const job = await ask(WIDE, WIDE_INDEXES);
    await write(idOf(101), ["publish"]);
    await write(idOf(102), ["unpublish"]);
    await untilWritten();
    expect(await differences(), "half-way").toEqual([]);
    const [walked, ahead] = [10, 105];
    for (const i of [walked, ahead]) {
      await write(idOf(i), ["update", "publish"]);
      await write(idOf(i + 1), ["update"]);
      if (i % 2 === 0) await write(idOf(i + 2), ["unpublish"]);
      await write(idOf(i + 2), ["publish"]);
      await write(idOf(i + 3), ["delete"]);
    }
    await write("another", ["publish"]);
    await write("0-before-all", []);
    expect(await differences(), "half-way, written to").toEqual([]);
    await forgetLeases();
    await world.settle(30 * MINUTE);
    expect(await jobOf(job)).toMatchObject({ status: "completed", closed: true });
    await expectIndexed();
  }, 30_000);

  test("of a version that was read go wherever that version stands, and nowhere else", async () => {
    await fresh(4);
    const job = await ask(WIDE, WIDE_INDEXES);
    const { pending, revision } = await typeOf();
    expect(await call(job, "claim_job", {})).toMatchObject({ id: job });
    // Read: drafts 1 and 3, not published; then one is published as it is, and another is written again.
    await write(idOf(1), ["publish"]);
    await write(idOf(3), ["update"]);
    const stale = { n1: 99, n2: 99, t1: "stale", t2: "stale", k1: "\\x00", tokens: [] };
    const rows = [1, 3].map((i) => ({
      id: idOf(i),
      versions: [{ version: 1, ix: { ...stale, n2: 1000 + i }, refs: [] }],
    }));
    const step = { type: "note", revision, phase: "fill", rows, state: {} };
    const head = (await world.sql("select position from space_head where space = $1", [space.uid]))[0]?.["position"];
    expect(await call(job, "write_index_rows", step)).toEqual({ head });
    expect(pending?.job).toBe(job);
    expect((await slots("draft_ix", "n2"))[idOf(1)]).toBe(1001);
    expect((await slots("published_ix", "n2"))[idOf(1)]).toBe(1001);
    expect((await slots("draft_ix", "n2"))[idOf(3)]).toBe(1);
    // Not its turn, not its type, not its phase: nothing is written.
    const other = { ...step, rows: [{ id: idOf(1), versions: [{ version: 1, ix: { ...stale, n2: 5 }, refs: [] }] }] };
    expect(await call(job, "write_index_rows", { ...other, holder: "another" })).toEqual({ held: false });
    expect(await call(job, "write_index_rows", { ...other, phase: "clean" })).toEqual({ held: false });
    expect(await call(job, "write_index_rows", { ...other, revision: revision + 1 })).toEqual({ moved: true });
    await cancel(job);
    expect(await call(job, "write_index_rows", other)).toEqual({ held: false });
    expect((await slots("draft_ix", "n2"))[idOf(1)]).toBe(1001);
    await forgetLeases();
    await world.settle();
    expect(await differences()).toEqual([]);
  });
});

describe("while a job indexes", () => {
  test("whoever does not make its rows is sent back, and nobody else saves the type", async () => {
    await fresh(4);
    const before = await typeOf();
    await ask(WIDE, WIDE_INDEXES);
    await expect(write(idOf(0), ["update"], before)).rejects.toThrow("knowledge-outdated");
    const { pending, ...rest } = await typeOf();
    const { rows: _, ...unaware } = pending ?? { job: "", document: before.document };
    await expect(write(idOf(0), ["update"], { ...rest, pending: unaware })).rejects.toThrow("knowledge-outdated");
    const document = asJson(documentOf(PLAIN));
    const saved: Change = {
      streams: [{ i: 0, id: "type:note", x: 1, n: 1 }],
      events: [
        {
          n: 1,
          stream: "type:note",
          version: 2,
          type: "TypeSaved",
          schema: 1,
          data: { document, shape: asJson(before.shape) },
          tags: [],
        },
      ],
      types: [{ type: "note", n: 1, revision: 2, document, shape: asJson(before.shape) }],
      moved: { schema: 1 },
      relies: [],
    };
    await expect(world.commit(space, saved)).rejects.toThrow("version-conflict");
    await world.settle();
    await expectIndexed();
  });

  test("who still makes its rows when it has ended is sent back, until it is forgotten and afterwards", async () => {
    await fresh();
    const job = await ask(WIDE, WIDE_INDEXES);
    const during = await typeOf();
    await untilWritten();
    await cancel(job);
    await forgetLeases();
    await untilWritten("cleaned");
    expect((await typeOf()).pending?.over).toBe(true);
    await expect(write(idOf(0), ["update"], during)).rejects.toThrow("knowledge-outdated");
    await write(idOf(0), ["update"]);
    expect(await differences(), "half-way").toEqual([]);
    await forgetLeases();
    await world.settle();
    expect((await typeOf()).pending).toBeUndefined();
    await expect(write(idOf(1), ["update", "publish"], during)).rejects.toThrow("knowledge-outdated");
    await write(idOf(1), ["update", "publish"]);
    expect(await differences()).toEqual([]);
  }, 30_000);
});

describe("a job that was cancelled half-way", () => {
  test("leaves nothing behind, whenever its tidying dies, and its slots can be used again", async () => {
    for (let killAt = 5; ; killAt += 6) {
      await fresh();
      const job = await ask(WIDE, WIDE_INDEXES);
      await untilWritten();
      expect(await refsOf()).toBeGreaterThan(0);
      await cancel(job);
      await forgetLeases();
      const dead = await until(killAt);
      await world.settle(30 * MINUTE);
      expect(await jobOf(job), `killed at ${killAt}`).toMatchObject({ status: "cancelled", closed: true });
      expect((await typeOf()).pending).toBeUndefined();
      expect(await differences(), `killed at ${killAt}`).toEqual([]);
      expect([await slots("draft_ix", "n2"), await slots("published_ix", "n2"), await refsOf()]).toEqual([{}, {}, 0]);
      if (!dead) break;
    }
    // `k` takes the slot that `m` was to have.
    const again = await ask({ ...PLAIN, k: { ...number, ...indexed } });
    await world.settle(30 * MINUTE);
    expect((await jobOf(again)).status).toBe("completed");
    expect(Object.values(await slots("draft_ix", "n2"))).toEqual(Array(MANY).fill(Number.POSITIVE_INFINITY));
    expect(await differences()).toEqual([]);
  }, 90_000);

  test("does not stand in the way of the next one, which ends what was left", async () => {
    await fresh();
    const first = await ask(WIDE, WIDE_INDEXES);
    await untilWritten();
    await cancel(first);
    await forgetLeases();
    await untilWritten("cleaned");
    const second = await ask({ ...PLAIN, k: { ...number, ...indexed } });
    await forgetLeases();
    // A turn of the first one that goes on all the same writes nothing.
    expect(await call(first, "claim_job", {})).toMatchObject({ status: "cancelled" });
    const rows = [{ id: idOf(109), versions: [{ version: 1, ix: { n1: 77, tokens: [] }, refs: [] }] }];
    const step = { type: "note", revision: 1, phase: "clean", rows, state: {} };
    expect(await call(first, "write_index_rows", step)).toEqual({ moved: true });
    await forgetLeases();
    await world.settle(30 * MINUTE);
    expect([(await jobOf(first)).status, (await jobOf(second)).status]).toEqual(["cancelled", "completed"]);
    expect((await typeOf()).pending).toBeUndefined();
    expect(await differences()).toEqual([]);
    expect(await refsOf()).toBe(0);
  }, 30_000);
});

test("what is not indexed any more goes from the rows when the type was saved", async () => {
  await fresh();
  const { n: _, ...rest } = WIDE;
  const job = await ask({ ...rest, n: number }, WIDE_INDEXES);
  await untilWritten();
  await forgetLeases();
  await world.settle(30 * MINUTE);
  expect(await jobOf(job)).toMatchObject({ status: "completed", closed: true });
  expect(await slots("draft_ix", "n1")).toEqual({});
  await expectIndexed();
}, 30_000);
