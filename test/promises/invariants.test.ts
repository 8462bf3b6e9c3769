// The checker of the eight invariants reports what is planted: a violation of each, in a real database, in Redis, or in what a run recorded.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisOf } from "../faults/run.ts";
import { makeSpace, makeTypes, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { type InsistentSpace, insistent } from "../support/insist.ts";
import { newCanary } from "../support/invariants/answers.ts";
import { findViolations } from "../support/invariants/invariants.ts";
import {
  type ImportView,
  openRecorder,
  type RecordedDelivery,
  type RecordedImport,
  type RecordedLine,
  type RecordedWrite,
  type Recorder,
  type Violation,
} from "../support/invariants/recording.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { digestIsThere, digestReaches } from "../support/redis.ts";
import { headOf, openSql, type Sql, uidOf } from "../support/shards.ts";

const { postgres, secret, redis: redisAddress } = stackHere();
const redis = redisOf(redisAddress as never);
const deployment = {
  primaries: { us: postgres["us-primary"] as string, eu: postgres["eu-primary"] as string },
  redis,
  secret,
};
const EVENTS = ["entry.created", "entry.published", "entry.deleted", "import.completed"];

let sql: Sql;
let space: InsistentSpace;
let receiver: Receiver;
let recorder: Recorder;
let uid: number;
let webhook: string;

/** A write that is recorded as a run records it. */
async function write(method: string, path: string, body?: unknown): Promise<RecordedWrite> {
  const trace = crypto.randomUUID().replaceAll("-", "");
  const headers = { traceparent: `00-${trace}-${trace.slice(0, 16)}-01` };
  const answer = await space.once(method, path, { headers, ...(body === undefined ? {} : { body }) });
  expect(answer.status, answer.text).toBeLessThan(300);
  const { id, status, version, publishedVersion } = answer.body ?? {};
  const one: RecordedWrite = {
    space: space.id,
    what: `${method} ${path}`,
    trace,
    changes: true,
    attempts: [{ status: answer.status }],
    acknowledged: {
      status: answer.status,
      position: answer.position,
      ...(id === undefined ? {} : { entry: { id, status, version, publishedVersion: publishedVersion ?? null } }),
    },
  };
  recorder.writes.push(one);
  return one;
}

/** Two lines that are well, and one that is not. */
async function importFile(canary: string): Promise<void> {
  const of = { publish: true, isOwn: true };
  const lines = ["e", "f", "g"].map((id, at) => ({ ...of, number: at + 1, id, token: `token of ${id}` }));
  const recorded: readonly RecordedLine[] = lines.map((line) =>
    line.id === "g" ? { ...line, wrong: "type-unknown" } : line,
  );
  const texts = recorded.map(({ id, token, publish, wrong }) =>
    JSON.stringify({
      ...{ type: wrong === undefined ? "country" : "nothing", id, publish },
      fields: { name: { en: canary }, token, region: "there" },
    }),
  );
  const headers = { "content-type": "application/x-ndjson" };
  const begun = await space.must("POST", "imports", { raw: texts.join("\n"), headers });
  let view = begun.body;
  await until("it is imported", async () => {
    view = (await space.must("GET", `imports/${begun.body.id}`)).body;
    return view.status === "completed";
  });
  recorder.imports.push({
    ...{ space: space.id, key: "k", lines: recorded, isCancelled: false },
    ...{ jobs: new Set([begun.body.id]), views: [begun.body, view] },
  });
}

beforeAll(async () => {
  [sql, receiver] = [await openSql(), await openReceiver()];
  recorder = openRecorder();
  space = insistent(await makeSpace());
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
  await digestIsThere(uid);
  const canary = newCanary();
  recorder.spaces.push({ id: space.id, uid, epoch: 1, residency: "us", canary });
  recorder.spaces.push({ id: "other", uid: 2 ** 30, epoch: 1, residency: "eu", canary: newCanary() });
  const made = await space.must("POST", "webhooks", { body: { url: receiver.url("/all"), events: EVENTS } });
  webhook = made.body.id;
  recorder.webhooks.push({ space: space.id, id: webhook, events: EVENTS, since: made.position, isFaithful: true });
  receiver.behave("/all", (_, response, { headers, body, text }) => {
    const { entry, import: counts } = body.data;
    const message = headers["webhook-id"] ?? "";
    const { type: event, position } = body;
    const told = { space: space.id, webhook, message, event, position, replayed: false };
    if (entry === undefined)
      recorder.receive({ ...told, version: undefined, lane: `import:${counts.id}`, counts }, text);
    else recorder.receive({ ...told, version: entry.version, lane: `entry:${entry.id}` }, text);
    response.writeHead(200).end();
  });
  for (const id of ["a", "b", "c"]) {
    const name = { en: `${id} ${canary}` };
    await write("POST", "entries", { type: "country", id, fields: { name }, publish: true });
    await write("PATCH", `entries/${id}`, { fields: { region: "here" } });
    await write("POST", `entries/${id}/publish`);
  }
  await write("DELETE", "entries/c");
  await importFile(canary);
  const head = await headOf(sql, uid);
  await digestReaches(uid, head);
  await until("everything is told", async () => {
    const [row] = await sql(
      "select (select count(*)::int from deliveries where space = $1 and state = 'delivered') as told, (select min(position) from subscribers where space = $1) as followed",
      [uid],
    );
    return row?.["told"] === 15 && row["followed"] === head;
  });
}, 120_000);
afterAll(async () => {
  await receiver?.close();
  await sql?.end();
});

/** Violations of the real space; the other one has no log, and is there for its canary. */
async function check(of: Partial<Recorder> = {}): Promise<readonly Violation[]> {
  const found = await findViolations(
    { ...recorder, spaces: recorder.spaces.filter(({ id }) => id === space.id), ...of },
    deployment,
  );
  return found;
}
const saying = (invariant: Violation["invariant"], what: RegExp) =>
  expect.objectContaining({ invariant, what: expect.stringMatching(what) });

const KEYS: Readonly<Record<string, string>> = {
  events: "position",
  published: "id",
  subscribers: "subscriber",
  deliveries: "id",
  jobs: "id",
  import_chunks: "n",
  entries: "id",
};

/** Breaks rows of the space in Postgres, looks, and puts them back as they were. `set` absent: they are gone. */
async function broken(table: string, where: string, set?: string): Promise<readonly Violation[]> {
  const key = KEYS[table];
  const rows = await sql(
    `select to_jsonb(t) as row, ${key}::text as key from ${table} t where space = ${uid} and ${where}`,
  );
  expect(rows.length, "there is something to break").toBeGreaterThan(0);
  const quietly = async (...texts: readonly (readonly [string, readonly unknown[]])[]): Promise<void> => {
    await sql("begin");
    await sql("set local session_replication_role = replica");
    for (const [text, params] of texts) await sql(text, params);
    await sql("commit");
  };
  const these = `space = ${uid} and ${key}::text = any ($1)`;
  const keys = rows.map((row) => row["key"]);
  await quietly([
    set === undefined ? `delete from ${table} where ${these}` : `update ${table} set ${set} where ${these}`,
    [keys],
  ]);
  const found = await check();
  await quietly(
    [`delete from ${table} where ${these}`, [keys]],
    ...rows.map(
      ({ row }) => [`insert into ${table} select (jsonb_populate_record(null::${table}, $1)).*`, [row]] as const,
    ),
  );
  return found;
}

test("a space in which all is well has none", async () => {
  expect(await check()).toEqual([]);
});

describe("1: every acknowledged write is in the log exactly once", () => {
  test("one that is not there", async () => {
    const [first] = recorder.writes as [RecordedWrite];
    const lost = { ...first, trace: `${"0".repeat(31)}1` };
    expect(await check({ writes: [...recorder.writes, lost] })).toEqual([saying(1, /is not in the log/)]);
  });

  test("one that is there twice", async () => {
    const [first] = recorder.writes as [RecordedWrite];
    const found = await broken(
      "events",
      `position = (select max(position) from events where space = ${uid})`,
      `meta = meta || '{"traceparent":"00-${first.trace}-0000000000000001-01"}'`,
    );
    expect(found).toContainEqual(saying(1, /in the log 2 times/));
  });

  test("one that was refused and is there", async () => {
    const [{ acknowledged: _, ...first }] = recorder.writes as [RecordedWrite];
    const refused = { ...first, attempts: [{ status: 503, code: "database-unavailable" }] };
    expect(await check({ writes: [refused, ...recorder.writes.slice(1)] })).toEqual([saying(1, /it was refused/)]);
  });

  test("one whose answer was of another state", async () => {
    const [first, ...others] = recorder.writes as [RecordedWrite, ...RecordedWrite[]];
    const told = first.acknowledged as NonNullable<RecordedWrite["acknowledged"]>;
    const entry = { ...(told.entry as NonNullable<typeof told.entry>), version: 7 };
    const found = await check({ writes: [{ ...first, acknowledged: { ...told, entry } }, ...others] });
    expect(found).toEqual([saying(1, /it was told/)]);
  });
});

describe("2: positions and versions are gapless", () => {
  test("a position that is gone", async () => {
    expect(await broken("events", "position = 4")).toContainEqual(saying(2, /position 5 follows 3/));
  });

  test("a version that was left out", async () => {
    const found = await broken("events", "stream = 'entry:a' and version = 4", "version = 5");
    expect(found).toContainEqual(saying(2, /version 5 of entry:a/));
  });
});

test("3: read models equal the fold over the events", async () => {
  const found = await broken("published", "id = 'a'", `slug = 'forged'`);
  expect(found).toEqual([saying(3, /published \["a"\] is different: slug/)]);
});

describe("4: every event reached every subscriber, effects once", () => {
  const first = () => recorder.deliveries.find(({ event }) => event === "entry.created");

  test("a subscriber that stands still", async () => {
    const found = await broken("subscribers", "subscriber = 'webhooks'", "position = 3");
    expect(found).toEqual([saying(4, /subscriber webhooks is at 3/)]);
  });

  test("a delivery that was never made", async () => {
    const found = await broken("deliveries", `position = ${recorder.writes[2]?.acknowledged?.position}`);
    expect(found).toEqual([saying(4, /not among its deliveries/)]);
  });

  test("one that is said to be delivered and was not", async () => {
    const found = await check({ deliveries: recorder.deliveries.filter((one) => one !== first()) });
    expect(found).toEqual([saying(4, /its receiver never got it/)]);
  });

  test("an older one after a newer one of its lane", async () => {
    const found = await check({ deliveries: recorder.deliveries.toReversed() });
    expect(found).toContainEqual(saying(4, /came after/));
  });

  test("one event that came under two ids", async () => {
    const again = { ...first(), message: "msg_other" } as RecordedDelivery;
    expect(await check({ deliveries: [again, ...recorder.deliveries] })).toContainEqual(saying(4, /came as msg_/));
  });
});

describe("imports: each has ended, and what it says is so", () => {
  const importOf = (more: Partial<RecordedImport>): { readonly imports: RecordedImport[] } => ({
    imports: [{ ...(recorder.imports[0] as RecordedImport), ...more }],
  });
  const lineOf = (number: number, more: Partial<RecordedLine>): readonly RecordedLine[] =>
    (recorder.imports[0]?.lines ?? []).map((line) => (line.number === number ? { ...line, ...more } : line));
  const job = (): string => [...(recorder.imports[0]?.jobs ?? [])][0] as string;

  test.each([
    ["one that goes on", "jobs", "kind = 'import'", "status = 'running', closed = false", /is still running/],
    ["one that failed", "jobs", "kind = 'import'", "status = 'failed'", /it failed/],
    ["one that nobody tidied up after", "jobs", "kind = 'import'", "closed = false", /tidied up/],
    ["one that is gone", "jobs", "kind = 'import'", undefined, /was accepted and is not there/],
    [
      "counts that do not add up",
      "jobs",
      "kind = 'import'",
      `shown = shown || '{"processed": 4}'`,
      /it counts 4 processed/,
    ],
    [
      "counts that are not the log's",
      "jobs",
      "kind = 'import'",
      `shown = shown || '{"created": 1, "updated": 1}'`,
      /by the log 2 were created/,
    ],
    ["an error that is lost", "import_chunks", "errors <> '[]'", "errors = '[]'", /1 lines failed, and 0 have errors/],
    ["an entry that is not there", "entries", "id = 'e'", undefined, /e was imported and is not there/],
    ["an entry of another import", "entries", "id = 'e'", "fields = '{}'", /the last import of it wrote token of e/],
    [
      "a message that was never made",
      "deliveries",
      "event = 'import.completed'",
      undefined,
      /is completed and has 0 deliveries/,
    ],
    [
      "a message that was given up",
      "deliveries",
      "event = 'import.completed'",
      "state = 'failed'",
      /import.completed of .*: it is failed/,
    ],
    [
      "a line that was never published",
      "events",
      "stream = 'entry:e' and type = 'EntryPublished'",
      undefined,
      /line 1 was to be published/,
    ],
    [
      "an entry that was written twice",
      "events",
      "stream = 'entry:e' and type = 'EntryPublished'",
      "type = 'EntryCreated'",
      /it wrote e more than once/,
    ],
  ] as const)("%s", async (_, table, where, set, what) => {
    expect(await broken(table, where, set)).toContainEqual(saying("imports", what));
  });

  test("two of one key", async () => {
    expect(await check(importOf({ jobs: new Set([job(), "other"]) }))).toEqual([saying("imports", /one key made/)]);
  });

  test("one that nobody asked for", async () => {
    expect(await check({ imports: [] })).toEqual([saying("imports", /1 imports are of 0 files/)]);
    expect(await check(importOf({ jobs: new Set(), views: [] }))).toEqual([]);
  });

  test("one that was told to be other than it is", async () => {
    const [one] = recorder.imports as [RecordedImport];
    const [begun, ended] = one.views as [ImportView, ImportView];
    expect(await check(importOf({ views: [ended, begun] }))).toContainEqual(saying("imports", /went back to 0/));
    const other = { ...ended, created: 1, updated: 1 };
    expect(await check(importOf({ views: [begun, other] }))).toEqual([saying("imports", /was told to be .* and is/)]);
  });

  test("a line that is well and was not to be, one that was, and one that nobody sent", async () => {
    expect(await check(importOf({ lines: lineOf(1, { wrong: "required" }) }))).toContainEqual(
      saying("imports", /line 1 is wrong by required, and is said to be well/),
    );
    const { wrong: _, ...well } = lineOf(3, {})[2] as RecordedLine;
    expect(await check(importOf({ lines: [...lineOf(3, {}).slice(0, 2), well] }))).toContainEqual(
      saying("imports", /line 3, with which nothing was wrong, failed with type-unknown/),
    );
    expect(await check(importOf({ lines: lineOf(1, { id: "z" }) }))).toContainEqual(
      saying("imports", /it wrote e, of which its file says nothing/),
    );
  });

  test("a message that tells other numbers, or was said to be delivered", async () => {
    const [told] = recorder.deliveries.filter(({ event }) => event === "import.completed");
    const others = recorder.deliveries.filter((one) => one !== told);
    expect(await check({ deliveries: others })).toEqual([saying("imports", /never got it/)]);
    const wrong = { ...told, counts: { ...told?.counts, created: 7 } } as RecordedDelivery;
    expect(await check({ deliveries: [...others, wrong] })).toEqual([saying("imports", /it told .*7 created/)]);
  });
});

describe("5 and 6: what an answer is by itself", () => {
  const headers = new Headers({ "request-id": crypto.randomUUID() });
  const answer = { method: "GET", path: "/v1", from: 0, to: 0 };
  const heard = (status: number, text: string, more: Headers = headers, of = space.id): readonly Violation[] => {
    const own = openRecorder();
    own.spaces.push(...recorder.spaces);
    own.hear({ ...answer, space: of, status, headers: more, text });
    return own.seen;
  };

  test("5: another tenant's content", () => {
    const [mine, other] = recorder.spaces;
    expect(heard(200, `"${mine?.canary}"`)).toEqual([]);
    expect(heard(200, `"${other?.canary}"`)).toEqual([saying(5, /holds content of other/)]);
  });

  test("6: an error that is no problem, or of nobody's request", () => {
    const requestId = headers.get("request-id");
    const problem = new Headers({ ...Object.fromEntries(headers), "content-type": "application/problem+json" });
    const body = { type: "/problems/x", title: "X", status: 404, detail: "It is not there", code: "x", requestId };
    expect(heard(404, JSON.stringify(body), problem)).toEqual([]);
    expect(heard(404, "Not found")).toEqual([saying(6, /an error of null/)]);
    expect(heard(404, JSON.stringify({ ...body, requestId: "other" }), problem)).toEqual([
      saying(6, /another request id/),
    ]);
    expect(heard(200, "", new Headers())).toEqual([saying(6, /no Request-Id/)]);
  });
});

describe("7: no 5xx without an injected fault", () => {
  const trouble = { space: undefined, what: "GET /", requestId: "r", from: 100_000, to: 100_100 };
  const fault = { what: "redis is down", from: 90_000, to: 99_000 };

  test("a 503 with its reason, and one without", async () => {
    expect(await check({ troubles: [{ ...trouble, status: 503 }], faults: [fault] })).toEqual([]);
    expect(await check({ troubles: [{ ...trouble, status: 503 }] })).toEqual([saying(7, /before any fault/)]);
    const late = { ...trouble, status: 503, from: 200_000, to: 200_100 };
    expect(await check({ troubles: [late], faults: [fault] })).toEqual([saying(7, /after "redis is down" was lifted/)]);
  });

  test("what was answered, and after how long", () => {
    const own = openRecorder();
    const text = JSON.stringify({ errors: [{ code: "of-a-member" }], code: "overloaded" });
    const answer = { space: undefined, method: "POST", path: "/", headers: new Headers(), text, from: 5, to: 12 };
    own.hear({ ...answer, status: 503 });
    own.hear({ ...answer, status: 0, text: "" });
    expect(own.troubles.map(({ what }) => what)).toEqual([
      "POST / → 503 overloaded after 7 ms",
      "POST / → no answer after 7 ms",
    ]);
  });

  test("a file that was one too many, while there were as many as are taken in at once, and while there were not", async () => {
    const own = openRecorder();
    const asked = { method: "POST", path: `/v1/spaces/${space.id}/imports?mode=upsert`, headers: new Headers() };
    const crowdedOut = JSON.stringify({ code: "overloaded" });
    const send = (of: string, status: number, from: number, to: number, text = ""): void =>
      own.hear({ ...asked, space: of, status, text, from, to });
    const sevens = async () => (await check({ ...own, faults: [] })).filter(({ invariant }) => invariant === 7);
    send(space.id, 202, 1_000, 2_000);
    send("other", 202, 1_000, 2_000);
    // Refused itself, it kept nobody out.
    send(space.id, 503, 1_500, 1_600, crowdedOut);
    send(space.id, 503, 1_500, 1_600, crowdedOut);
    expect((await sevens()).length).toBe(2);
    // What another Worker took in kept nobody out here.
    own.hear({ ...asked, space: space.id, worker: "another", status: 202, text: "", from: 1_600, to: 1_700 });
    expect((await sevens()).length).toBe(2);
    send(space.id, 202, 1_600, 1_700);
    expect(await sevens()).toEqual([]);
    send(space.id, 503, 2_100, 2_200, crowdedOut);
    expect((await sevens()).length).toBe(1);
    for (const of of ["b", "c"]) send(of, 202, 2_150, 3_000);
    send("d", 202, 2_150, 3_000);
    expect((await sevens()).length).toBe(1);
    send("e", 202, 2_200, 3_000);
    expect(await sevens()).toEqual([]);
    // Nobody knows whether these are still being sent.
    for (let n = 0; n < 2; n += 1) send(space.id, 0, 10_000, 10_100);
    send(space.id, 503, 30_000, 30_100, crowdedOut);
    send(space.id, 503, 34_000, 34_100, crowdedOut);
    const found = (await sevens()).filter(({ what }) => what.includes("503"));
    expect(found.length).toBe(1);
    // Another 503 has no such excuse.
    for (let n = 0; n < 4; n += 1) send(space.id, 202, 50_000, 50_100);
    send(space.id, 503, 50_000, 50_100, JSON.stringify({ code: "database-unavailable" }));
    expect((await sevens()).filter(({ what }) => what.includes("database")).length).toBe(1);
  });

  test("a 500 has no excuse", async () => {
    expect(await check({ troubles: [{ ...trouble, status: 500 }], faults: [fault] })).toEqual([saying(7, /GET/)]);
  });
});

describe("8: the digest and the log", () => {
  const key = (): string => `digest:${uid}.1`;
  const names = async (): Promise<string[]> =>
    ((await redis("ZRANGE", key(), "0", "-1")) as string[]).filter((name) => /^[\w-]{16}$/.test(name));

  async function forged(score: string, member: string): Promise<readonly Violation[]> {
    const before = (await redis("ZSCORE", key(), member)) as string | null;
    if (score === "") await redis("ZREM", key(), member);
    else await redis("ZADD", key(), score, member);
    try {
      return await check();
    } finally {
      if (before === null) await redis("ZREM", key(), member);
      else await redis("ZADD", key(), before, member);
    }
  }

  test("a head above the log's", async () => {
    expect(await forged("99", "!head")).toEqual([saying(8, /the digest's head is 99/)]);
  });

  test("a change that it does not know", async () => {
    const [name] = await names();
    expect(await forged("", name as string)).toEqual([saying(8, /the digest does not know it/)]);
  });

  test("a change that it knows as older than it is", async () => {
    const [name] = await names();
    expect(await forged("1", name as string)).toEqual([saying(8, /the digest says 1/)]);
  });
});
