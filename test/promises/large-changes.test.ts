// What one commit may carry is bounded by what it writes, not only by how many: a change that is too much is refused, whole, or done by a job in
// several, and never breaks off.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, until } from "../support/client.ts";
import { type InsistentSpace, insistent } from "../support/insist.ts";
import { all } from "../support/lanes.ts";
import { checkSpace } from "../support/ledger.ts";
import { openSql, printOf, type Sql, uidOf } from "../support/shards.ts";

let sql: Sql;
let space: InsistentSpace;
let uid: number;

const string = { type: "string" } as const;
const links = { type: "array", items: { ...string, "x-reference": "target" } } as const;

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace({ locales: ["en", "fr", "de", "es", "it", "pt"] }));
  uid = await uidOf(sql, space.id);
});
afterAll(() => sql?.end());

const save = (type: string, properties: object, query = ""): Promise<Answer> =>
  space.once("PUT", `types/${type}${query}`, { body: { name: "T", schema: { type: "object", properties } } });
const create = (type: string, id: string, fields: object): Promise<Answer> =>
  space.once("POST", "entries", { body: { type, id, fields } });
const numbered = (prefix: string, n: number): readonly string[] => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

async function unchanged(work: () => Promise<void>): Promise<void> {
  const before = await printOf(sql, uid);
  await work();
  expect(await printOf(sql, uid)).toBe(before);
}

async function byJob(type: string, properties: object): Promise<void> {
  const asked = await save(type, properties);
  expect(asked.status, asked.text).toBe(202);
  const path = `types/${type}/checks/${asked.body.id}`;
  await until("the job has ended and tidied up", async () => {
    const [row] = await sql("select closed from jobs where space = $1 and id = $2", [uid, asked.body.id]);
    return row?.["closed"] === true;
  });
  expect((await space.must("GET", path)).body.status).toBe("completed");
}

describe("a schema change that moves slots of what is more than one commit can write", { timeout: 120_000 }, () => {
  test("because of many references is done step by step", async () => {
    await save("target", {});
    await save("rich", { links, title: string });
    const targets = numbered("t", 200);
    await all(numbered("r", 110), (id) => create("rich", id, { links: targets, title: id }));
    await byJob("rich", { links, title: { ...string, "x-indexed": true } });
    expect((await space.must("GET", "entries?type=rich&filter[title]=r7")).body.data.length).toBe(1);
  });

  test("because of long indexed texts is done step by step", async () => {
    await save("wordy", { text: { ...string, "x-indexed": true }, title: string });
    const text = '"\\'.repeat(10_000);
    await all(numbered("w", 60), (id) => create("wordy", id, { text, title: id }));
    await byJob("wordy", { text: { ...string, "x-indexed": true }, title: { ...string, "x-indexed": true } });
    expect((await space.must("GET", "entries?type=wordy&filter[title]=w7")).body.data.length).toBe(1);
  });
});

test("an entry whose index rows are more than one call carries is refused, and says why", async () => {
  await save("indexed", { text: { ...string, "x-localized": true, "x-indexed": true } });
  await unchanged(async () => {
    const refused = await create("indexed", "i1", { text: { en: '"'.repeat(250_000) } });
    expect([refused.status, refused.body.code]).toEqual([422, "write-too-large"]);
  });
  expect((await create("indexed", "i2", { text: { en: '"'.repeat(50_000) } })).status).toBe(201);
});

test("after all this the space equals its log", async () => {
  await checkSpace(sql, uid);
});
