// The checker of the eight invariants reports what is planted: a violation of each, in a real database, in Redis, or in what a run recorded.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisOf } from "../faults/run.ts";
import { makeSpace, makeTypes, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { type InsistentSpace, insistent } from "../support/insist.ts";
import { newCanary } from "../support/invariants/answers.ts";
import { findViolations } from "../support/invariants/invariants.ts";
import { openRecorder, type RecordedWrite, type Recorder, type Violation } from "../support/invariants/recording.ts";
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
const EVENTS = ["entry.created", "entry.published", "entry.deleted"];

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
    const { id, version } = body.data.entry;
    const message = headers["webhook-id"] ?? "";
    const { type: event, position } = body;
    const told = { space: space.id, webhook, message, event, position, version, lane: `entry:${id}`, replayed: false };
    recorder.receive(told, text);
    response.writeHead(200).end();
  });
  for (const id of ["a", "b", "c"]) {
    const name = { en: `${id} ${canary}` };
    await write("POST", "entries", { type: "country", id, fields: { name }, publish: true });
    await write("PATCH", `entries/${id}`, { fields: { region: "here" } });
    await write("POST", `entries/${id}/publish`);
  }
  await write("DELETE", "entries/c");
  const head = await headOf(sql, uid);
  await digestReaches(uid, head);
  await until("everything is told", async () => {
    const [row] = await sql(
      "select (select count(*)::int from deliveries where space = $1 and state = 'delivered') as told, (select min(position) from subscribers where space = $1) as followed",
      [uid],
    );
    return row?.["told"] === 10 && row["followed"] === head;
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
  test("a subscriber that stands still", async () => {
    const found = await broken("subscribers", "subscriber = 'webhooks'", "position = 3");
    expect(found).toEqual([saying(4, /subscriber webhooks is at 3/)]);
  });

  test("a delivery that was never made", async () => {
    const found = await broken("deliveries", `position = ${recorder.writes[2]?.acknowledged?.position}`);
    expect(found).toEqual([saying(4, /not among its deliveries/)]);
  });

  test("one that is said to be delivered and was not", async () => {
    const found = await check({ deliveries: recorder.deliveries.slice(1) });
    expect(found).toEqual([saying(4, /its receiver never got it/)]);
  });

  test("an older one after a newer one of its lane", async () => {
    const found = await check({ deliveries: recorder.deliveries.toReversed() });
    expect(found).toContainEqual(saying(4, /came after/));
  });

  test("one event that came under two ids", async () => {
    const [first] = recorder.deliveries;
    const again = { ...first, message: "msg_other" } as NonNullable<typeof first>;
    expect(await check({ deliveries: [again, ...recorder.deliveries] })).toContainEqual(saying(4, /came as msg_/));
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
