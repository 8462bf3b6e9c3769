// An import ends with every line through exactly once, whatever queues, isolates, files and other writers do: the real machinery on a database of
// its own, with the test's clock, queues and files.
import type { SQL } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { shapeOf } from "../../src/contexts/authoring/authoring.ts";
import { chunkCutter } from "../../src/contexts/transfer/cut-chunks.ts";
import { readImportErrors } from "../../src/contexts/transfer/read-errors.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Reader } from "../../src/platform/database/database.ts";
import { DatabaseError, TooLarge } from "../../src/platform/database/outage.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import { jobId } from "../../src/platform/jobs/ask-job.ts";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";
import { checkSpace } from "../support/ledger.ts";
import type { Sql } from "../support/shards.ts";

const MINUTE = 60_000;
const SCHEMA = {
  type: "object",
  required: ["n"],
  properties: { n: { type: "integer", "x-indexed": true }, next: { type: "string", "x-reference": "thing" } },
} as const;

let world: World;
let space: SpaceAddress;

beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
});
afterAll(() => world?.end());

async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.sent.length = 0;
  world.marks.clear();
  world.files.clear();
  world.state.reads = Number.POSITIVE_INFINITY;
  world.state.calls = Number.POSITIVE_INFINITY;
  world.state.fails = () => undefined;
  await addType("thing", SCHEMA);
}

async function addType(type: string, schema: JsonObject): Promise<void> {
  const document = { name: type, schema, indexes: [], requireIfMatch: false };
  const shape = shapeOf(type, document, { locales: ["en"], defaultLocale: "en" }, 1, undefined);
  if (!shape.ok) throw new Error(shape.fault.detail);
  const kept = shape.value as unknown as JsonObject;
  await world.commit(space, {
    streams: [{ i: 0, id: `type:${type}`, x: 0, n: 1 }],
    events: [
      {
        n: 1,
        stream: `type:${type}`,
        version: 1,
        type: "TypeSaved",
        schema: 1,
        data: { document, shape: kept },
        tags: [],
      },
    ],
    types: [{ type, n: 1, revision: 1, document, shape: kept }],
    moved: { schema: 1 },
  });
}

/** As the door does it, and without a message: the sweep has to find it. */
async function importFile(text: string, mode = "upsert"): Promise<string> {
  world.pass(1);
  const bytes = Buffer.from(text);
  const cutter = chunkCutter();
  cutter.add(bytes);
  const chunks = cutter.end();
  const job = jobId(world.now(), crypto.getRandomValues(new Uint8Array(6)));
  const key = `imports/${job}`;
  world.files.set(key, bytes);
  const counted = { processed: 0, created: 0, updated: 0, unchanged: 0, failed: 0, position: null };
  const payload = {
    ...{ job, kind: "import", lane: "import", actor: "key:x", at: new Date(world.now()).toISOString(), mostOfAll: 500 },
    ...{ plan: { key, mode }, shown: { mode, received: cutter.received(), ...counted }, chunks },
  };
  await world.sql("select aside_import($1, $2::jsonb)", [space.uid, JSON.stringify(payload)]);
  await world.mark(space);
  return job;
}

const thing = (n: number, next?: number, publish = true): string =>
  `${JSON.stringify({ type: "thing", id: `t${n}`, fields: { n, ...(next === undefined ? {} : { next: `t${next}` }) }, publish })}\n`;
/** Each refers to the next one, the last to the first: no chunk can be published by itself. */
const ring = (many: number): string => Array.from({ length: many }, (_, i) => thing(i, (i + 1) % many)).join("");

async function jobOf(id: string) {
  const [row] = await world.sql("select * from jobs where space = $1 and id = $2", [space.uid, id]);
  // biome-ignore lint/suspicious/noExplicitAny: a row whose members the test asserts
  return row as any;
}
async function errorsOf(id: string): Promise<{ line: number; code: string }[]> {
  const rows = await world.sql("select errors from import_chunks where space = $1 and job = $2 order by n", [
    space.uid,
    id,
  ]);
  return rows.flatMap((row) => row["errors"] as { line: number; code: string }[]);
}
/** Every event of the log is of one of these lines, once: a created and a published one for each. */
async function expectEachOnce(many: number): Promise<void> {
  const rows = await world.sql(
    "select stream, count(*)::int as n, count(*) filter (where type = 'EntryPublished')::int as published from events where space = $1 and stream like 'entry:%' group by 1",
    [space.uid],
  );
  expect(rows).toHaveLength(many);
  for (const row of rows) expect(row, String(row["stream"])).toMatchObject({ n: 2, published: 1 });
  await checkSpace(world.sql as unknown as Sql, space.uid);
}

const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

test("all drafts come first, then what refers to entries further down; the file is removed", async () => {
  await fresh();
  const job = await importFile(ring(230));
  await world.settle();
  expect(await jobOf(job)).toMatchObject({
    status: "completed",
    closed: true,
    shown: { processed: 230, created: 230, failed: 0 },
  });
  await expectEachOnce(230);
  expect(world.files.size).toBe(0);
});

test("what everything refers to already is published in the same commit as its draft", async () => {
  await fresh();
  await importFile(thing(0) + Array.from({ length: 49 }, (_, i) => thing(i + 1, i)).join(""));
  await world.settle();
  const [row] = await world.sql("select count(*)::int as n from commits where space = $1", [space.uid]);
  expect(row).toEqual({ n: 3 });
  await expectEachOnce(50);
});

describe("whatever happens, each line is through once", () => {
  test.each([11, 12, 13])(
    "every message one to five times, late, in random order, several at once (seed %i)",
    async (seed) => {
      const chance = random(seed);
      await fresh();
      const job = await importFile(ring(210));
      for (let round = 0; round < 400 && (await jobOf(job)).closed !== true; round += 1) {
        const due = world.due();
        if (due.length === 0) await world.sweep();
        const copies = due.flatMap((message) => {
          world.take(message);
          return Array.from({ length: 1 + Math.floor(chance() * 5) }, (_, i) => ({
            ...message,
            id: `${message.id}-${i}`,
          }));
        });
        for (const copy of copies.toSorted(() => chance() - 0.5)) {
          if (world.queue.length > 30) break;
          if (chance() < 0.3)
            world.queue.push({ ...copy, due: (world.now() + Math.floor(chance() * 30_000)) as never });
          else if (chance() < 0.5) await world.invoke([copy]);
          else await Promise.all([world.invoke([copy]), world.invoke([{ ...copy, id: `${copy.id}-x` }])]);
        }
        world.pass(Math.floor(chance() * 20_000));
      }
      expect(await jobOf(job)).toMatchObject({
        status: "completed",
        shown: { processed: 210, created: 210, failed: 0 },
      });
      await expectEachOnce(210);
    },
    60_000,
  );

  test("the consumer dies at every step", async () => {
    let steps = 0;
    for (let killAt = 1; ; killAt += 1) {
      await fresh();
      const job = await importFile(`${ring(3)}{"type":"thing","id":"bad","fields":{}}\n`);
      await world.sweep();
      const [message] = world.due();
      if (message === undefined) throw new Error("the sweep has not woken it");
      const life = await world.invoke([world.take(message)], { killAt, steps: 0, dead: false });
      await world.settle(30 * MINUTE);
      expect(await jobOf(job), `killed at ${killAt}`).toMatchObject({
        ...{ status: "completed", closed: true },
        shown: { processed: 4, created: 3, failed: 1 },
      });
      expect(await errorsOf(job)).toMatchObject([{ line: 4, code: "required" }]);
      await expectEachOnce(3);
      steps = life.steps;
      if (!life.dead) break;
    }
    expect(steps).toBeGreaterThan(10);
  }, 120_000);

  test("a turn that was held up until another had taken over does nothing any more", async () => {
    await fresh();
    const job = await importFile(ring(8));
    await world.sweep();
    const [message] = world.due();
    if (message === undefined) throw new Error("the sweep has not woken it");
    let goOn = (): void => undefined;
    let isHeld = false;
    world.state.afterRead = () => {
      world.state.afterRead = async () => undefined;
      isHeld = true;
      return new Promise((resolve) => {
        goOn = resolve;
      });
    };
    const late = world.invoke([world.take(message)]);
    while (!isHeld) await new Promise((resolve) => setImmediate(resolve));
    world.pass(5 * MINUTE);
    await world.settle(10 * MINUTE);
    const { status, shown } = await jobOf(job);
    expect([status, shown.processed]).toEqual(["completed", 8]);
    goOn();
    await late;
    await world.settle();
    expect((await jobOf(job)).shown).toEqual(shown);
    await expectEachOnce(8);
  });

  test("the store of files fails for a while", async () => {
    await fresh();
    world.state.reads = 0;
    const job = await importFile(ring(5));
    await world.settle(5 * MINUTE);
    expect((await jobOf(job)).status).toBe("running");
    world.state.reads = Number.POSITIVE_INFINITY;
    await world.settle(5 * MINUTE);
    expect(await jobOf(job)).toMatchObject({ status: "completed", closed: true });
    await expectEachOnce(5);
  });

  test("the primary goes away at every one of its calls, and comes back", async () => {
    for (let calls = 1; calls < 9; calls += 1) {
      await fresh();
      const job = await importFile(ring(4));
      await world.sweep();
      world.state.calls = calls;
      await world.settle(3 * MINUTE);
      world.state.calls = Number.POSITIVE_INFINITY;
      await world.mark(space);
      await world.settle(30 * MINUTE);
      expect(await jobOf(job), `away after ${calls} calls`).toMatchObject({
        ...{ status: "completed", closed: true },
        shown: { processed: 4, created: 4, failed: 0 },
      });
      await expectEachOnce(4);
    }
  }, 60_000);

  test("its file is gone: it fails, and says so", async () => {
    await fresh();
    const job = await importFile(ring(5));
    world.files.clear();
    await world.settle();
    expect(await jobOf(job)).toMatchObject({ status: "failed", error: { code: "import-file-missing" }, closed: true });
  });

  test("the space is deleted meanwhile: it fails, and nothing more is written", async () => {
    await fresh();
    const job = await importFile(ring(5));
    await world.sql("update spaces set state = 'deleted' where space = $1", [space.uid]);
    await world.settle();
    expect(await jobOf(job)).toMatchObject({ status: "failed", error: { code: "space-missing" }, closed: true });
    const [row] = await world.sql("select count(*)::int as n from entries where space = $1", [space.uid]);
    expect(row).toEqual({ n: 0 });
  });
});

describe("a commit that does not go through", () => {
  const big = (n: number): string => thing(n, undefined, true).replace('"n":', `"x":"${"x".repeat(9_000)}","n":`);
  const busy = (sqlstate: string) => new DatabaseError(sqlstate, "busy", {});
  const isStep = (call: string): boolean => call.includes("import_step");

  test.each(["line-too-much", "statement-timeout"])(
    "is made in smaller bites, and of one line it is that line's error: %s",
    async (why) => {
      await fresh();
      const error = why === "line-too-much" ? new TooLarge("call", "too large", {}) : busy("57014");
      world.state.fails = (call) => (isStep(call) && call.length > 12_000 ? error : undefined);
      const job = await importFile(Array.from({ length: 30 }, (_, i) => (i === 17 ? big(i) : thing(i))).join(""));
      await world.settle(30 * MINUTE);
      expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { processed: 30, created: 29, failed: 1 } });
      expect(await errorsOf(job)).toMatchObject([{ line: 18, code: "line-too-much" }]);
      await expectEachOnce(29);
    },
  );

  test.each(["53300", "55P03"])("because there is no room for anybody is waited for: %s", async (sqlstate) => {
    await fresh();
    world.state.fails = (call) => (isStep(call) ? busy(sqlstate) : undefined);
    const job = await importFile(ring(3));
    await world.sweep();
    await world.settle(20_000);
    expect(await jobOf(job)).toMatchObject({ status: "running" });
    // None of the turns counts against it.
    expect((await jobOf(job)).attempts).toBeLessThan(2);
    world.state.fails = () => undefined;
    await world.mark(space);
    await world.settle(30 * MINUTE);
    expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { created: 3, failed: 0 } });
  });

  test("because of what its index takes is not tried as it is", async () => {
    await fresh();
    await addType("many", {
      type: "object",
      properties: { m: { type: "array", items: { type: "string" }, "x-indexed": true } },
    });
    const terms: number[] = [];
    world.state.fails = (call) => {
      if (isStep(call)) terms.push(call.split("term-").length);
      return undefined;
    };
    const line = (n: number) => ({
      type: "many",
      id: `m${n}`,
      fields: { m: Array.from({ length: 400 }, (_, i) => `term-${n}-${i}`) },
    });
    const job = await importFile(Array.from({ length: 40 }, (_, n) => `${JSON.stringify(line(n))}\n`).join(""));
    await world.settle(30 * MINUTE);
    expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { created: 40, failed: 0 } });
    // Each stands in the event, the draft and its index.
    expect(Math.max(...terms)).toBeLessThan(3 * 12_000);
  });
});

describe("an import makes room", () => {
  const lines = (many: number): string => Array.from({ length: many }, (_, i) => thing(i)).join("");
  /** Takes so long as a commit, and writes down what is waited for after it. */
  function watch(between: () => Promise<unknown> = async () => undefined): readonly number[] {
    const waits: number[] = [];
    world.state.beforeCall = async (call) => {
      if (call.includes("import_step")) world.pass(10);
    };
    world.state.sleep = async (ms) => {
      // Between slices of lines it only gives up the thread.
      if (ms > 0) waits.push(ms);
      await new Promise((resolve) => setImmediate(resolve));
      if (ms > 0) await between();
    };
    return waits;
  }
  afterEach(() => {
    world.state.beforeCall = async () => undefined;
    world.state.sleep = () => new Promise((resolve) => setImmediate(resolve));
    world.state.isBusy = false;
  });
  /** Events of each commit that was not an editor's. */
  async function commits(): Promise<readonly number[]> {
    const rows = await world.sql(
      `select (c.position - c.first + 1)::int as n from commits c join events e on e.space = c.space and e.position = c.first
        where c.space = $1 and e.stream like 'entry:t%' order by c.first`,
      [space.uid],
    );
    return rows.map(({ n }) => n as number);
  }

  test("for nobody, while it is alone", async () => {
    await fresh();
    const waits = watch();
    await importFile(lines(200));
    await world.settle();
    expect([await commits(), waits]).toEqual([Array(4).fill(100), []]);
  });

  test("for whoever writes to its space: small commits, and five times as long between them", async () => {
    await fresh();
    let edits = 0;
    const edit = (): Promise<unknown> => {
      edits += 1;
      return world.write(space, "editor", "update");
    };
    const waits = watch(edit);
    // Somebody has written when it begins with a chunk, and is seen when the chunk is looked at.
    world.state.afterRead = async () => void (await edit());
    await importFile(lines(400));
    await world.settle();
    world.state.afterRead = async () => undefined;
    expect(await commits()).toEqual([100, 100, 100, ...Array(50).fill(10)]);
    expect(waits).toEqual(Array(51).fill(50));
    expect(edits).toBe(4 + 51);
  });

  test("for whoever asks anything of its isolate, behind each commit", async () => {
    await fresh();
    world.state.isBusy = true;
    const waits = watch();
    await importFile(lines(200));
    await world.settle();
    expect(waits).toEqual(Array(4).fill(100));
  });

  test("with the thread, within a commit's lines", async () => {
    await fresh();
    let rests = 0;
    world.state.sleep = async (ms) => {
      if (ms === 0) rests += 1;
      await new Promise((resolve) => setImmediate(resolve));
    };
    const large = (n: number): string => thing(n).replace('"n":', `"x":"${"x".repeat(9_000)}","n":`);
    await importFile(Array.from({ length: 20 }, (_, n) => large(n)).join(""));
    await world.settle();
    // Each is looked at in two goes of sixteen kibibytes at most.
    expect(rests).toBeGreaterThan(15);
  });
});

test("a line with odd characters fails alone", async () => {
  await fresh();
  const odd = [
    { "a\u0000b": 1 },
    { fields: { "a\u0000b": 1 } },
    { slug: "a\u0000b" },
    { [`${"x".repeat(76)}\u{1f600}${"x".repeat(9)}`]: 1 },
  ];
  const job = await importFile(
    odd.map((more, n) => `${JSON.stringify({ type: "thing", id: `odd${n}`, fields: { n }, ...more })}\n`).join("") +
      thing(0),
  );
  await world.settle();
  expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { created: 1, failed: 4 } });
  expect((await errorsOf(job)).map(({ line }) => line)).toEqual([1, 2, 3, 4]);
});

test("two imports of the same entries run one after the other: the later one wins, whole", async () => {
  await fresh();
  const file = (add: number): string =>
    Array.from(
      { length: 120 },
      (_, i) => `${JSON.stringify({ type: "thing", id: `t${i}`, fields: { n: i + add }, publish: true })}\n`,
    ).join("");
  const [first, second] = [await importFile(file(0)), await importFile(file(1_000))];
  await world.sweep();
  for (let round = 0; round < 50; round += 1) {
    const due = world.due();
    for (const message of due) world.take(message);
    await Promise.all(
      due.flatMap((message) => [world.invoke([message]), world.invoke([{ ...message, id: `${message.id}x` }])]),
    );
    world.pass(1_000);
  }
  await world.settle();
  expect(await jobOf(first)).toMatchObject({ status: "completed", shown: { created: 120, failed: 0 } });
  expect(await jobOf(second)).toMatchObject({ status: "completed", shown: { updated: 120, failed: 0 } });
  const rows = await world.sql("select bool_and((fields->>'n')::int >= 1000) as late from published where space = $1", [
    space.uid,
  ]);
  expect(rows).toEqual([{ late: true }]);
  await checkSpace(world.sql as unknown as Sql, space.uid);
});

test("errors are read in pages that an answer can carry, however much they say", async () => {
  await fresh();
  const job = await importFile(thing(0).repeat(1_200));
  await world.sql(
    `update import_chunks c set errors = (select jsonb_agg(jsonb_build_object('line', c.n * 100 + l, 'pointer', '', 'code', 'c', 'detail', repeat('ü', 4000)))
       from generate_series(1, 100) l) where c.space = $1 and c.job = $2`,
    [space.uid, job],
  );
  const reader = {
    async read(statements: readonly SQL[]) {
      const asked = statements.map((statement) => renderSql(statement));
      return {
        ok: true,
        value: { rows: await Promise.all(asked.map(({ text, params }) => world.sql(text, [...params]))) },
      };
    },
  } as unknown as Reader;
  const errors = await readImportErrors({ space, data: { reader } } as never, job, reader);
  if (!errors.ok) throw new Error(errors.fault.detail);
  const lines: number[] = [];
  for await (const part of errors.value.parts) {
    if (!part.ok) throw new Error(part.fault.detail);
    expect(Buffer.byteLength(part.value)).toBeLessThan(3_000_000);
    for (const line of part.value.trimEnd().split("\n")) lines.push(JSON.parse(line).line);
  }
  expect(lines).toEqual(Array.from({ length: 1_200 }, (_, n) => n + 1));
});

test("an entry that comes twice in one file ends as its last line says", async () => {
  await fresh();
  const twice = (n: number) =>
    `${JSON.stringify({ type: "thing", id: "t0", fields: { n, next: "t9" }, publish: true })}\n`;
  const job = await importFile(twice(1) + twice(2) + thing(9));
  await world.settle();
  expect(await jobOf(job)).toMatchObject({ shown: { created: 2, updated: 1, failed: 0 } });
  const [row] = await world.sql("select fields->>'n' as n, status from entries where space = $1 and id = 't0'", [
    space.uid,
  ]);
  expect(row).toEqual({ n: "2", status: "published" });
});

test("a slug that one line gives up is free for a later one", async () => {
  await fresh();
  const line = (id: string, slug: string | null) =>
    `${JSON.stringify({ type: "thing", id, slug, fields: { n: 1 } })}\n`;
  await importFile(line("a", "one") + line("b", "two"));
  await world.settle();
  const job = await importFile(line("a", "three") + line("c", "one") + line("d", "two") + line("b", null));
  await world.settle();
  expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { updated: 2, created: 1, failed: 1 } });
  expect(await errorsOf(job)).toMatchObject([{ line: 3, code: "slug-taken" }]);
});

test("a draft that somebody changes between the passes is not published by the import", async () => {
  await fresh();
  const job = await importFile(thing(0, 150) + Array.from({ length: 150 }, (_, i) => thing(i + 1)).join(""));
  // The file cannot be read any more after the first chunk, which ends the turn.
  world.state.reads = 1;
  await world.settle(2 * MINUTE);
  const [first] = await world.sql("select done from import_chunks where space = $1 and job = $2 and n = 0", [
    space.uid,
    job,
  ]);
  expect([first?.["done"], (await jobOf(job)).status]).toEqual([100, "running"]);
  await world.commit(space, {
    streams: [{ i: 0, id: "entry:t0", x: 1, n: 1 }],
    events: [
      {
        n: 1,
        stream: "entry:t0",
        version: 2,
        type: "EntryUpdated",
        schema: 1,
        data: { slug: null, fields: { n: 7 }, version: 2 },
        tags: [],
      },
    ],
    entries: [
      {
        id: "t0",
        type: "thing",
        change: "changed",
        n: 1,
        actor: "key:y",
        status: "draft",
        version: 2,
        publishedVersion: null,
        revision: 2,
        draft: { n: 1, slug: null, fields: { n: 7 }, ix: { n1: 7, tokens: [] }, refs: [] },
      },
    ],
  });
  world.state.reads = Number.POSITIVE_INFINITY;
  await world.settle(30 * MINUTE);
  expect(await jobOf(job)).toMatchObject({ status: "completed", shown: { created: 150, failed: 1 } });
  expect(await errorsOf(job)).toMatchObject([{ line: 1, code: "entry-changed" }]);
  const [row] = await world.sql("select status from entries where space = $1 and id = 't0'", [space.uid]);
  expect(row).toEqual({ status: "draft" });
});

test("webhooks are told once that it is completed, with its numbers, whatever dies", async () => {
  await fresh();
  const url = await world.hook(space, "told", { events: ["import.completed"] });
  const job = await importFile(ring(3));
  for (const killAt of [9, 15, 19, 23, 27]) {
    world.pass(2 * MINUTE);
    await world.sweep();
    for (const message of world.due()) await world.invoke([world.take(message)], { killAt, steps: 0, dead: false });
  }
  await world.settle(30 * MINUTE);
  const told = world.sent.filter((one) => one.url === url);
  if (told.length === 0)
    console.log(
      await jobOf(job),
      await world.sql("select * from deliveries where space = $1", [space.uid]),
      world.lines.slice(-10),
    );
  expect(new Set(told.map(({ id }) => id)).size).toBe(1);
  expect(told[0]?.body).toMatchObject({
    type: "import.completed",
    data: { import: { id: job, created: 3, failed: 0 } },
  });
});
