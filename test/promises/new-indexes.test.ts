// A type with many entries is given new indexes while editors write: in the end lists by them are what a walk over all entries finds.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findDifferences } from "../../local/rebuild/rebuild-space.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { makeSpace, type Space, until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { all } from "../support/lanes.ts";
import { checkSpace } from "../support/ledger.ts";
import { openSql, printOf, type Sql, uidOf } from "../support/shards.ts";

const MANY = 1_500;
let sql: Sql;
let space: Space;
let uid: number;

const string = { type: "string" } as const;
const integer = { type: "integer" } as const;
const indexed = { "x-indexed": true } as const;
const PLAIN = { name: string, size: integer, kind: string, next: string, tags: { type: "array", items: string } };

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace({ locales: ["en"], defaultLocale: "en" }));
  uid = await uidOf(sql, space.id);
  await save(PLAIN, 201);
  const file = Array.from(
    { length: MANY },
    (_, i) => `${JSON.stringify({ type: "many", id: idOf(i), fields: fieldsOf(i), publish: i % 3 !== 0 })}\n`,
  );
  const started = await space.must("POST", "imports", {
    raw: file.join(""),
    headers: { "content-type": "application/x-ndjson" },
  });
  expect(await ended(`imports/${started.body.id}`)).toMatchObject({ status: "completed", created: MANY });
});
afterAll(async () => {
  await checkSpace(sql, uid);
  await sql?.end();
});

const idOf = (i: number) => `m${String(i).padStart(4, "0")}`;
const fieldsOf = (i: number): JsonObject => ({
  ...{ name: `name ${(i * 7919) % MANY}`, kind: `k${i % 5}`, next: idOf((i + 1) % MANY), tags: [`t${i % 11}`] },
  ...(i % 13 === 0 ? {} : { size: (i * 31) % 997 }),
});

async function save(properties: object, status: number, indexes: readonly (readonly string[])[] = [], query = "") {
  const body = { name: "Many", schema: { type: "object", properties }, indexes };
  let answer = await space.ask("PUT", `types/many${query}`, { body });
  // A check that was cancelled is obeyed until it has heard of that.
  await until("no other check is under way", async () => {
    if (answer.body?.code !== "schema-check-running") return true;
    answer = await space.ask("PUT", `types/many${query}`, { body });
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
const tidied = (job: string) =>
  until("the job has tidied up", async () => {
    const [row] = await sql("select closed from jobs where space = $1 and id = $2", [uid, job]);
    return row?.["closed"] === true;
  });

interface Found {
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: fields as the test made them
  readonly fields: any;
}
/** Every page of it. */
async function list(path: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (let next: string | null = path; next !== null; ) {
    const { body } = await space.must("GET", next);
    found.push(...body.data);
    next = body.page.next === null ? null : `${path}&cursor=${encodeURIComponent(body.page.next)}`;
  }
  return found;
}
const ids = (found: readonly Found[]) => found.map(({ id }) => id);

/** Lists of drafts and of what is published, against what all of them hold. */
async function expectLists(): Promise<void> {
  for (const base of ["entries?type=many&", "content/many?"]) {
    const everything = await list(`${base}sort=id&limit=1000`);
    const size = ({ fields }: Found): number => fields.size ?? Number.POSITIVE_INFINITY;
    const sorted = everything.toSorted((one, other) => size(one) - size(other) || (one.id < other.id ? -1 : 1));
    expect(ids(await list(`${base}sort=size&limit=1000`)), `${base} by size`).toEqual(ids(sorted));
    const asked = (holds: (fields: Found["fields"]) => boolean) =>
      ids(everything.filter(({ fields }) => holds(fields)));
    const filters: Readonly<Record<string, (fields: Found["fields"]) => boolean>> = {
      "filter[size][gte]=900": ({ size: has }) => has >= 900,
      "filter[kind]=k2": ({ kind }) => kind === "k2",
      "filter[next]=m0008": ({ next }) => next === "m0008",
      "filter[tags][contains]=t4": ({ tags }) => tags?.includes("t4"),
    };
    for (const [filter, holds] of Object.entries(filters)) {
      const found = await list(`${base}${filter}&sort=id&limit=1000`);
      expect(ids(found), `${base}${filter}`).toEqual(asked(holds));
      expect(found.length, `${base}${filter}`).toBeGreaterThan(0);
    }
    const byKind = await list(`${base}filter[kind]=k3&sort=-size&limit=1000`);
    expect(new Set(ids(byKind)), `${base} of a kind, by size`).toEqual(new Set(asked(({ kind }) => kind === "k3")));
  }
}
const differences = () => findDifferences(stackHere().postgres["us-primary"] as string, uid);

const WIDE = {
  ...{ name: string, size: { ...integer, ...indexed, minimum: 0 }, kind: { ...string, ...indexed } },
  ...{ next: { ...string, "x-reference": "many" }, tags: { ...PLAIN.tags, ...indexed } },
};

describe("new indexes of a type with more than a thousand entries", () => {
  test("are written by a job while editors write and publish, and then the type is saved", async () => {
    const other = insistent(await makeSpace({ locales: ["en"], defaultLocale: "en" }));
    const otherUid = await uidOf(sql, other.id);
    await other.must("PUT", "types/many", { body: { name: "Many", schema: { type: "object", properties: PLAIN } } });
    await other.must("POST", "entries", { body: { type: "many", id: idOf(1), fields: fieldsOf(1), publish: true } });
    const untouched = await printOf(sql, otherUid);

    const asked = await save(WIDE, 202, [["kind", "-size"]]);
    const path = `types/many/checks/${asked.body.id}`;
    await all(["a", "b", "c"], async (lane) => {
      for (let i = lane.charCodeAt(0) - 97; i < 36; i += 3) {
        const id = idOf((i * 37) % MANY);
        const fields = { ...fieldsOf(i), size: i, kind: `k${(i + 2) % 5}`, next: idOf(8) };
        await space.must("PUT", `entries/${id}`, { body: { type: "many", fields } });
        if (i % 2 === 0) await space.must("POST", `entries/${id}/publish`);
        if (i % 7 === 0) await space.must("POST", `entries/${id}/archive`);
        if (i % 5 === 0) {
          await space.must("POST", "entries", { body: { type: "many", id: `${lane}${i}`, fields, publish: true } });
          const gone = idOf((i * 37 + 1) % MANY);
          if (gone !== idOf(8)) await space.must("DELETE", `entries/${gone}?force=true`);
        }
      }
    });
    const job = await ended(path);
    expect(job).toMatchObject({ status: "completed" });
    expect(job.checked).toBeGreaterThan(1_000);
    const { indexing } = (await space.must("GET", "types/many")).body;
    expect(indexing.map(({ field }: { readonly field: string }) => field)).toEqual(["kind", "next", "size", "tags"]);
    await expectLists();
    expect(await differences()).toEqual([]);
    expect(await printOf(sql, otherUid)).toBe(untouched);
  });

  test("take slots that a cancelled job has written, and others are left out meanwhile", async () => {
    const { size: _, ...rest } = WIDE;
    // Whether it is cancelled in time or not, nothing is left of it.
    const cancelled = await save({ ...rest, size: integer, name: { ...string, ...indexed } }, 202);
    await space.must("POST", `types/many/checks/${cancelled.body.id}/cancel`);
    const next = await save({ ...WIDE, note: { ...string, ...indexed } }, 202);
    expect(await ended(`types/many/checks/${next.body.id}`)).toMatchObject({ status: "completed" });
    await tidied(cancelled.body.id);
    await tidied(next.body.id);
    expect(await differences()).toEqual([]);
  });

  test("are those of what is imported meanwhile, new and again", async () => {
    const linesOf = (prefix: string, from: number) =>
      Array.from({ length: 300 }, (_, i) => {
        const n = from + i;
        // Some of these were archived or deleted above.
        const isNew = i % 3 === 0 || n % 37 < 2;
        const fields = { ...fieldsOf(n), name: `${prefix} ${i}`, size: n, next: idOf(8) };
        return `${JSON.stringify({ type: "many", id: isNew ? `${prefix}${i}` : idOf(n), fields, publish: i % 4 !== 0 })}\n`;
      }).join("");
    const bring = async (lines: string): Promise<string> =>
      (await space.must("POST", "imports", { raw: lines, headers: { "content-type": "application/x-ndjson" } })).body
        .id;
    const begun = await bring(linesOf("before", 100));
    const asked = await save({ ...WIDE, note: { ...string, ...indexed }, name: { ...string, ...indexed } }, 202);
    const imports = [begun, await bring(linesOf("during", 500)), await bring(linesOf("beside", 900))];
    for (const id of imports)
      expect(await ended(`imports/${id}`)).toMatchObject({ status: "completed", processed: 300, failed: 0 });
    expect(await ended(`types/many/checks/${asked.body.id}`)).toMatchObject({ status: "completed" });
    for (const prefix of ["before", "during", "beside"]) {
      const found = await list(`entries?type=many&filter[name][gte]=${prefix}&filter[name][lt]=${prefix}~&sort=name`);
      expect(found.length, prefix).toBe(300);
    }
    await expectLists();
    expect(await differences()).toEqual([]);
  });

  test("that would make an index something else are refused, with a way to do it", async () => {
    const refused = await save({ ...WIDE, size: { ...string, ...indexed } }, 409, [], "?validate=lenient");
    expect(refused.body.code).toBe("schema-check-too-large");
    expect(refused.body.detail).toContain('field "size" is indexed as something else');
  });
});
