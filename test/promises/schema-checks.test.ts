// A type with many entries is saved by a job when none of them breaks its next schema; nothing that breaks it is written meanwhile, and whatever
// dies or comes twice, it is saved once or not at all.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDifferences } from "../../local/rebuild/rebuild-space.ts";
import { makeSpace, type Space, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { checkSpace } from "../support/ledger.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

const MANY = 1_050;
let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace({ locales: ["en"], defaultLocale: "en" }));
  uid = await uidOf(sql, space.id);
  await save({ n: { type: "number" } }, 201);
  const file = Array.from(
    { length: MANY },
    (_, i) => `${JSON.stringify({ type: "many", id: `m${i}`, fields: { n: i } })}\n`,
  );
  const started = await space.must("POST", "imports", {
    raw: file.join(""),
    headers: { "content-type": "application/x-ndjson" },
  });
  expect(await ended(`imports/${started.body.id}`)).toMatchObject({ status: "completed", created: MANY });
});
afterAll(async () => {
  await checkSpace(sql, uid);
  expect(await findDifferences(stackHere().postgres["us-primary"] as string, uid)).toEqual([]);
  await sql?.end();
});

async function save(properties: object, status: number, query = "") {
  const saving = () =>
    space.ask("PUT", `types/many${query}`, { body: { name: "Many", schema: { type: "object", properties } } });
  let answer = await saving();
  // A check that has ended is forgotten a moment later.
  await until("no other check is under way", async () => {
    if (status === 409 || answer.body?.code !== "schema-check-running") return true;
    answer = await saving();
    return false;
  });
  expect(answer.status, answer.text).toBe(status);
  return answer;
}
async function ended(path: string) {
  let job = (await space.must("GET", path)).body;
  await until(`${path} has ended`, async () => {
    job = (await space.must("GET", path)).body;
    return !["queued", "running"].includes(job.status);
  });
  return job;
}
const write = (id: string, n: unknown) => space.ask("PUT", `entries/${id}`, { body: { type: "many", fields: { n } } });

describe("a changed schema of a type with more than a thousand entries", () => {
  test("is saved when they all satisfy it, at a position of its own", async () => {
    const answer = await save({ n: { type: "number", minimum: 0 } }, 202);
    expect(answer.body).toMatchObject({ kind: "schema-check", type: "many", status: "queued", checked: 0 });
    const path = `types/many/checks/${answer.body.id}`;
    expect(answer.headers.get("location")).toBe(`/v1/spaces/${space.id}/${path}`);
    const job = await ended(path);
    expect(job).toMatchObject({ status: "completed", checked: MANY });
    expect(job.position).toBe(answer.position + 1);
    const type = (await space.must("GET", "types/many")).body;
    expect(type.schema.properties.n).toEqual({ type: "number", minimum: 0 });
    expect((await write("m1", -1)).body.code).toBe("schema-violation");
    expect((await space.must("GET", "types/many/checks")).body.data).toMatchObject([{ id: answer.body.id }]);
  });

  test("is not saved when some break it, and they are named", async () => {
    const answer = await save({ n: { type: "number", minimum: 10 } }, 202);
    const job = await ended(`types/many/checks/${answer.body.id}`);
    expect(job).toMatchObject({ status: "failed", error: { code: "schema-conflict" }, position: null });
    expect(job.error.errors).toHaveLength(10);
    expect(job.error.errors[0].detail).toContain('"m0"');
    expect((await space.must("GET", "types/many")).body.schema.properties.n.minimum).toBe(0);
    // What was asked for is forgotten, and does not keep anybody from writing.
    await until("it is tidied up after", async () => (await write("m1", 1)).status === 200);
    await save({ n: { type: "number", minimum: 10 } }, 200, "?validate=lenient");
    await save({ n: { type: "number", minimum: 0 } }, 200, "?validate=lenient");
  });
});

describe("while it is checked", () => {
  const pending = (job: string, minimum: number) =>
    sql("update types set pending = $2::jsonb where space = $1 and type = 'many'", [
      uid,
      JSON.stringify({
        job,
        document: {
          name: "Many",
          schema: { type: "object", properties: { n: { type: "number", minimum } } },
          indexes: [],
          requireIfMatch: false,
        },
      }),
    ]);

  test("what is written satisfies both schemas, also by whoever does not know of it", async () => {
    await pending("a", 5);
    // Some isolate knows the type from before: the commit sends it back.
    const refused = await write("m7", 3);
    expect([refused.status, refused.body.code]).toEqual([422, "schema-violation"]);
    expect(refused.body.detail).toContain("check of the next schema");
    expect((await write("m7", 70)).status).toBe(200);
    const started = await space.must("POST", "imports", {
      raw: `${JSON.stringify({ type: "many", id: "m8", fields: { n: 4 } })}\n${JSON.stringify({ type: "many", id: "m9", fields: { n: 90 } })}`,
      headers: { "content-type": "application/x-ndjson" },
    });
    expect(await ended(`imports/${started.body.id}`)).toMatchObject({ failed: 1, updated: 1 });
  });

  test("the type is not saved again, nor checked twice", async () => {
    await pending("b", 5);
    const again = await save({ n: { type: "number", minimum: 1 } }, 409);
    expect(again.body.code).toBe("schema-check-running");
    await save({ n: { type: "number", minimum: 0 } }, 200);
  });

  test("a check that was dropped is not obeyed any more, though its space did not move", async () => {
    await pending("c", 5);
    expect((await write("m7", 3)).status).toBe(422);
    await sql("update types set pending = null where space = $1", [uid]);
    expect((await write("m7", 3)).status).toBe(200);
  });
});

test("a check that is cancelled leaves the type as it is", async () => {
  const answer = await save({ n: { type: "number", minimum: -5 } }, 202);
  const path = `types/many/checks/${answer.body.id}`;
  const cancelled = (await space.must("POST", `${path}/cancel`)).body.status;
  const job = await ended(path);
  expect(job.status).toBe(cancelled);
  const minimum = (await space.must("GET", "types/many")).body.schema.properties.n.minimum;
  expect(minimum).toBe(cancelled === "cancelled" ? 0 : -5);
});
