// Many save types and make keys at once in one space: what each relied on has not moved, so none of them is sent back.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { insistent } from "../support/insist.ts";
import { checkSpace } from "../support/ledger.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  [sql, space] = await Promise.all([openSql(), makeSpace()]);
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
});
afterAll(() => sql?.end());

const many = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));
const codes = (answers: readonly Answer[]): readonly string[] =>
  [...new Set(answers.map(({ status, body }) => (status < 300 ? String(status) : `${status} ${body?.code}`)))].sort();
const saveType = (type: string, text: string, by = space) =>
  by.ask("PUT", `types/${type}`, {
    body: {
      name: text,
      schema: { type: "object", properties: { a: { type: "string", "x-indexed": true } } },
    },
  });
const createKey = (name: string, by = space) => by.ask("POST", "keys", { body: { name, scopes: ["content:read"] } });
const createEntry = (id: string, by = space) =>
  by.ask("POST", "entries", { body: { type: "country", id, fields: { name: { en: id } }, publish: true } });

describe.each([16, 32])("%i at once", { timeout: 120_000 }, (n) => {
  test("keys are all made", async () => {
    expect(codes(await many(n, (i) => createKey(`k${n}-${i}`)))).toEqual(["201"]);
  });

  test("types are all saved, and all saved again", async () => {
    expect(codes(await many(n, (i) => saveType(`p${n}-${i}`, "first")))).toEqual(["201"]);
    expect(codes(await many(n, (i) => saveType(`p${n}-${i}`, "second")))).toEqual(["200"]);
  });

  test("and so is everything else that is written and read meanwhile", async () => {
    // More than one space may have under way is refused before it is begun, and asked again.
    const patient = insistent(space);
    const answers = await many(n, async (i) => [
      ...(await Promise.all([
        saveType(`m${n}-${i}`, "mixed", patient),
        createKey(`m${n}-${i}`, patient),
        createEntry(`m${n}-${i}`, patient),
        patient.ask("GET", "content/country"),
        patient.ask("GET", "entries?type=country"),
      ])),
    ]);
    expect(codes(answers.flat())).toEqual(["200", "201"]);
  });

  test("one type saved by all ends in its last save, or in the contract's conflict", async () => {
    const answers = await many(n, (i) => saveType(`one${n}`, `w${i}`));
    for (const answer of answers) expect(["200", "201", "409 conflict"]).toContain(codes([answer])[0]);
    const stored = await space.must("GET", `types/one${n}`);
    expect(answers.filter(({ status }) => status < 300).map(({ body }) => body.name)).toContain(stored.body.name);
  });

  test("a key that is revoked while its holder saves types saves nothing after that", async () => {
    const holder = await createKey(`doomed-${n}`);
    const doomed = await space.must("POST", "keys", { body: { name: "doomed", scopes: ["types:write"] } });
    expect(holder.status).toBe(201);
    const [revoked, ...saves] = await Promise.all([
      space.ask("DELETE", `keys/${doomed.body.id}`),
      ...Array.from({ length: n }, (_, i) =>
        space.ask("PUT", `types/d${n}-${i}`, {
          key: doomed.body.key,
          body: { name: "d", schema: { type: "object", properties: {} } },
        }),
      ),
    ]);
    expect(revoked.status).toBe(204);
    for (const save of saves) {
      // A key that fails again and again is not looked up any more.
      expect(["201", "401 credentials-invalid", "429 rate-limited"]).toContain(codes([save])[0]);
      if (save.status === 201) expect(save.position).toBeLessThan(revoked.position);
    }
  });
});

test("after all this the space equals its log", async () => {
  await checkSpace(sql, uid);
});
