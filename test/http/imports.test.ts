// Imports over HTTP: a file goes in, entries come out; what was wrong is told line by line; and a file that is not one is nobody's 500.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDifferences } from "../../local/rebuild/rebuild-space.ts";
import { type Answer, ask, makeSpace, makeTypes, type Space, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { checkSpace } from "../support/ledger.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";
import { wire } from "../support/wire.ts";

const NDJSON = { "content-type": "application/x-ndjson" };
let sql: Sql;
let space: Space;
let uid: number;
/** Asked first and awaited last: it takes the time that a slow client is given. */
let slow: ReturnType<typeof wire>;

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace());
  uid = await uidOf(sql, space.id);
  await makeTypes(space);
  slow = wire("POST", `/v1/spaces/${space.id}/imports`, {
    headers: { authorization: `Bearer ${space.key}`, ...NDJSON, "content-length": "100" },
    chunks: ['{"type":"city",'],
    open: true,
  });
});
afterAll(async () => {
  await checkSpace(sql, uid);
  expect(await findDifferences(stackHere().postgres["us-primary"] as string, uid)).toEqual([]);
  await sql?.end();
});

const send = (raw: string | Uint8Array, query = "", headers = {}): Promise<Answer> =>
  space.ask("POST", `imports${query}`, { raw, headers: { ...NDJSON, ...headers } });

async function ended(started: Answer): Promise<Answer["body"]> {
  expect([started.status, started.body.kind, started.body.status]).toEqual([202, "import", "queued"]);
  const path = `imports/${started.body.id}`;
  expect(started.headers.get("location")).toBe(`/v1/spaces/${space.id}/${path}`);
  let job: Answer["body"];
  await until("the import has ended", async () => {
    job = (await space.must("GET", path)).body;
    expect(job.processed).toBe(job.created + job.updated + job.unchanged + job.failed);
    return !["queued", "running"].includes(job.status);
  });
  return job;
}
const lines = (...values: readonly unknown[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const errorsOf = async (id: string): Promise<{ line: number; pointer: string; code: string; detail: string }[]> =>
  (await space.must("GET", `imports/${id}/errors`)).text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
const city = (id: string, more: object = {}) => ({ type: "city", id, fields: { name: { en: id } }, ...more });

test("a file becomes entries; lines may refer to later lines; the same file again changes nothing", async () => {
  const file = lines(
    { type: "city", id: "lyon", fields: { name: { en: "Lyon" }, country: "france" }, publish: true },
    ...Array.from({ length: 150 }, (_, i) => city(`c${i}`, { publish: i % 2 === 0 })),
    { type: "country", id: "france", slug: "fr", fields: { name: { en: "France" } }, publish: true },
  );
  const job = await ended(await send(file));
  expect(job).toMatchObject({ status: "completed", received: 152, processed: 152, created: 152, failed: 0 });
  const read = await space.must("GET", "content/city/lyon?include=country", {
    headers: { "Meridian-At-Least": String(job.position) },
  });
  expect(read.body.included.france.fields.name).toBe("France");
  expect(
    (await space.must("GET", "entries?type=city&limit=1", { headers: { Prefer: "count=exact" } })).body.page.total,
  ).toBe(151);

  const before = (await space.must("GET", "changes?after=0&limit=1")).body.page.head;
  const again = await ended(await send(file));
  expect(again).toMatchObject({
    status: "completed",
    unchanged: 152,
    created: 0,
    updated: 0,
    failed: 0,
    position: null,
  });
  expect((await space.must("GET", "changes?after=0&limit=1")).body.page.head).toBe(before);

  const changed = await ended(await send(lines({ type: "city", id: "lyon", fields: { name: { en: "Lyon!" } } })));
  expect(changed).toMatchObject({ updated: 1, failed: 0 });
  expect((await space.must("GET", "entries/lyon")).body).toMatchObject({
    status: "changed",
    fields: { name: { en: "Lyon!" } },
  });

  const created = await ended(await send(lines(city("lyon"), city("fresh")), "?mode=create"));
  expect(created).toMatchObject({ mode: "create", created: 1, failed: 1 });
  expect(await errorsOf(created.id)).toMatchObject([{ line: 1, code: "entry-exists" }]);
});

test("hostile lines are errors of theirs, in order, by physical line; the others are imported", async () => {
  const other = insistent(await makeSpace());
  await makeTypes(other);
  await other.must("POST", "entries", {
    body: { type: "country", id: "theirs", fields: { name: { en: "T" } }, publish: true },
  });
  const good = JSON.stringify(city("good"));
  const rows: readonly (readonly [text: string, code: string | undefined, pointer?: string])[] = [
    [`\ufeff${good}`, "malformed-json", ""],
    ["", undefined],
    ["{", "malformed-json", ""],
    ['{"type":"city","id":"a","id":"b","fields":{}}', "malformed-json", ""],
    [`{"type":"city","id":"deep","fields":${'{"a":'.repeat(40)}1${"}".repeat(41)}`, "malformed-json", ""],
    ["   \t", undefined],
    ["[]", "invalid-member", ""],
    ['"text"', "invalid-member", ""],
    ['{"type":"city","fields":{"name":{"en":"x"}}}', "missing-member", "/id"],
    ['{"type":"city","id":"x y","fields":{}}', "invalid-value", "/id"],
    ['{"type":"city","id":"q","fields":{},"status":"x"}', "unknown-member", "/status"],
    ['{"type":"nowhere","id":"n1","fields":{}}', "type-unknown", "/type"],
    ['{"type":"city","id":"n2","fields":{"name":{"en":5}}}', "type", "/fields/name/en"],
    ['{"type":"city","id":"n3","fields":{"name":{"en":"a\\u0000b"}}}', "text-not-storable", "/fields/name/en"],
    ['{"type":"city","id":"n4","fields":{"name":{"en":"a\\ud800b"}}}', "text-not-storable", "/fields/name/en"],
    [
      JSON.stringify(city("n5", { fields: { name: { en: "x" }, note: "n".repeat(600_000) } })),
      "fields-too-large",
      "/fields",
    ],
    [`{"type":"city","id":"n6","fields":{"note":"${"n".repeat(1_100_000)}"}}`, "line-too-long", ""],
    [
      JSON.stringify(city("n7", { fields: { name: { en: "x" }, country: "theirs" }, publish: true })),
      "reference-missing",
      "/fields/country",
    ],
    [`${JSON.stringify(city("crlf"))}\r`, undefined],
    [JSON.stringify(city("__proto__")), "invalid-value", "/id"],
    [JSON.stringify(city("s1", { slug: "one-slug" })), undefined],
    [JSON.stringify(city("s2", { slug: "one-slug" })), "slug-taken", "/slug"],
    [JSON.stringify(city("whole", { fields: { name: { en: "w" }, note: "n".repeat(500_000) } })), undefined],
    [good, undefined],
  ];
  // The last line has no end.
  const job = await ended(await send(rows.map(([text]) => text).join("\n")));
  const wrong = rows.flatMap(([, code, pointer], at) => (code === undefined ? [] : [{ line: at + 1, code, pointer }]));
  expect(await errorsOf(job.id)).toMatchObject(wrong);
  expect(job).toMatchObject({ status: "completed", received: rows.length - 2, failed: wrong.length, created: 4 });
  for (const id of ["crlf", "s1", "whole", "good"])
    expect((await space.ask("GET", `entries/${id}`)).status, id).toBe(200);
  for (const { code } of wrong)
    expect((await ask("GET", `/problems/${code}`)).status === 200 || code === "type", code).toBe(true);
  // A draft whose publication failed is there.
  expect((await space.must("GET", "entries/n7")).body.status).toBe("draft");
}, 60_000);

test("files that are not entries at all are as many errors; an empty one is an empty import", async () => {
  expect(await ended(await send(""))).toMatchObject({ status: "completed", received: 0, processed: 0, position: null });
  expect(await ended(await send("\n\r\n \n"))).toMatchObject({ received: 0, failed: 0 });
  const noise = crypto.getRandomValues(new Uint8Array(5_000));
  const job = await ended(await send(noise));
  expect(job.failed).toBe(job.received);
});

test("what is sent twice under one key is one import", async () => {
  const key = { "idempotency-key": crypto.randomUUID() };
  const file = lines(city("once"));
  const first = await send(file, "", key);
  const second = await send(file, "", key);
  expect([second.status, second.text, second.headers.get("idempotency-replayed")]).toEqual([202, first.text, "true"]);
  expect((await send(lines(city("another")), "", key)).body.code).toBe("idempotency-key-reused");
  expect((await send(file, "?mode=create", key)).body.code).toBe("idempotency-key-reused");
  await ended(first);
  const listed = (await space.must("GET", "imports?limit=1")).body;
  expect(listed.data).toMatchObject([{ id: first.body.id, status: "completed" }]);
  expect(listed.page.next).toBe(first.body.id);
  expect((await space.must("GET", `imports?after=${listed.page.next}&limit=1`)).body.data[0].id < first.body.id).toBe(
    true,
  );
});

test("a job that was cancelled stays cancelled; one that has ended stays as it is", async () => {
  const big = await send(lines(...Array.from({ length: 3_000 }, (_, i) => city(`many${i}`))));
  const cancelled = await space.must("POST", `imports/${big.body.id}/cancel`);
  expect(cancelled.body.status).toBe("cancelled");
  await until("it is tidied up after", async () => {
    const [row] = await sql("select closed, status from jobs where space = $1 and id = $2", [uid, big.body.id]);
    return row?.["closed"] === true && row["status"] === "cancelled";
  });
  const after = (await space.must("GET", `imports/${big.body.id}`)).body;
  expect(after.processed).toBeLessThan(3_000);
  const done = await ended(await send(lines(city("done"))));
  expect((await space.must("POST", `imports/${done.id}/cancel`)).body.status).toBe("completed");
  expect((await space.ask("GET", "imports/000000000000000000000000")).body.code).toBe("job-missing");
});

test("an import goes on although its key was revoked", async () => {
  const key = await space.keyWith(["transfer:write"]);
  const raw = lines(...Array.from({ length: 300 }, (_, i) => city(`kept${i}`)));
  const started = await space.ask("POST", "imports", { raw, headers: NDJSON, key });
  await space.must("DELETE", `keys/${key.split("_")[1]}`);
  expect(await ended(started)).toMatchObject({ status: "completed", created: 300 });
});

describe("what is refused", () => {
  test("files that are too large, at their length and on their way", async () => {
    const headers = { authorization: `Bearer ${space.key}`, "content-type": "application/x-ndjson" };
    const declared = await wire("POST", `/v1/spaces/${space.id}/imports`, {
      headers: { ...headers, "content-length": "95000001" },
      chunks: ["{}\n"],
    });
    expect([declared.status, declared.body.code]).toEqual([413, "body-too-large"]);
  });

  test("unknown modes, other media types, keys without the right", async () => {
    expect((await send("{}", "?mode=merge")).body.code).toBe("invalid-parameter");
    expect((await send("{}", "", { "content-type": "application/json" })).status).toBe(415);
    const key = await space.keyWith(["content:write"]);
    expect((await space.ask("POST", "imports", { raw: "{}", headers: NDJSON, key })).status).toBe(403);
  });

  test("more unfinished imports than a space may have", async () => {
    const crowd = insistent(await makeSpace());
    const crowded = await uidOf(sql, crowd.id);
    for (let i = 0; i < 10; i += 1)
      await sql(
        "insert into jobs (space, id, kind, status, actor, plan, created_at, due_at) values ($1, $2, 'import', 'queued', 'key:x', '{}', now(), 'infinity')",
        [crowded, `f${i}`.padStart(24, "0")],
      );
    const refused = await crowd.ask("POST", "imports", { raw: "", headers: NDJSON });
    expect([refused.status, refused.body.code]).toEqual([429, "jobs-too-many"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await sql("delete from jobs where space = $1", [crowded]);
  });

  test("more unfinished imports than all spaces may have", async () => {
    await sql(
      "insert into jobs (space, id, kind, status, actor, plan, created_at, due_at) select -1, lpad(i::text, 24, '0'), 'import', 'queued', 'key:x', '{}', now(), 'infinity' from generate_series(1, 500) i",
    );
    const refused = await ask("POST", `/v1/spaces/${space.id}/imports`, { raw: "", headers: NDJSON, key: space.key });
    await sql("delete from jobs where space = -1");
    expect([refused.status, refused.body.code]).toEqual([503, "overloaded"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

test("a webhook is told when an import is completed, once, at the space's head", async () => {
  const url = "http://127.0.0.1:9/nobody";
  const hook = (await space.must("POST", "webhooks", { body: { url, events: ["import.completed"] } })).body.id;
  const job = await ended(await send(lines(city("told"))));
  const { data } = (await space.must("GET", `webhooks/${hook}/deliveries`)).body;
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({ event: "import.completed" });
  expect(data[0].position).toBeGreaterThanOrEqual(job.position);
  await space.must("DELETE", `webhooks/${hook}`);
});

test("408: a file that does not come is waited for only so long, and becomes no job", async () => {
  const answer = await slow;
  expect([answer.status, answer.body.code]).toEqual([408, "request-timeout"]);
});
