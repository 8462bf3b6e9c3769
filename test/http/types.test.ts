// Content types: saving, reading, deleting them, and what a changed schema means for entries that exist.
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, type Space } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { expectRefusal, headOf, witnessed } from "../support/witness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let space: Space;
let made = 0;
const fresh = (): string => `t${++made}`;
const text = { type: "string" } as const;
const typed = (properties: object, more: object = {}, schema: object = {}) => ({
  name: "Typed",
  schema: { type: "object", properties, ...schema },
  ...more,
});
const save = (type: string, body: object, query = "", headers: Record<string, string> = {}): Promise<Answer> =>
  space.ask("PUT", `types/${type}${query}`, { body, headers });
const create = (type: string, fields: object, more: object = {}): Promise<Answer> =>
  space.ask("POST", "entries", { body: { type, fields, ...more } });
const etagOf = (answer: Answer): string => answer.headers.get("etag") ?? "none";

async function untouched(work: () => Promise<unknown>): Promise<void> {
  const before = await headOf(space);
  await work();
  expect(await headOf(space)).toBe(before);
}

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: false }));
});

describe("PUT types/{type}", () => {
  test("creates, then replaces", async () => {
    const type = fresh();
    const before = await headOf(space);
    const body = typed(
      { a: { ...text, title: "A", description: "d", default: "x", "x-indexed": true }, b: {} },
      {},
      { title: "T", required: ["a"], additionalProperties: false },
    );
    const created = await save(type, body);
    expect([created.status, created.position, created.headers.get("location")]).toEqual([
      201,
      before + 1,
      `/v1/spaces/${space.id}/types/${type}`,
    ]);
    expect(created.headers.get("cache-control")).toBe("private, no-store");
    expect(created.body).toEqual({
      type,
      ...body,
      indexes: [],
      requireIfMatch: false,
      createdAt: expect.stringMatching(TIME),
      updatedAt: created.body.createdAt,
      indexing: [{ field: "a", state: "ready" }],
    });
    const read = await space.must("GET", `types/${type}`);
    expect([read.body, etagOf(read)]).toEqual([created.body, etagOf(created)]);
    const replaced = await save(type, { ...body, name: "Renamed" });
    expect([replaced.status, replaced.position, replaced.body.name, replaced.body.createdAt]).toEqual([
      200,
      before + 2,
      "Renamed",
      created.body.createdAt,
    ]);
    expect(replaced.headers.get("location")).toBeNull();
    expect(etagOf(replaced)).not.toBe(etagOf(created));
  });

  test("an equal type changes nothing, with defaults written out or not", async () => {
    const type = fresh();
    const first = await save(type, typed({ a: text }));
    await untouched(async () => {
      for (const body of [typed({ a: text }), typed({ a: text }, { indexes: [], requireIfMatch: false })]) {
        const again = await save(type, body);
        expect([again.status, etagOf(again), again.body.updatedAt]).toEqual([200, etagOf(first), first.body.updatedAt]);
      }
      expect((await save(type, typed({ a: text }), "?validate=strict")).status).toBe(200);
    });
  });

  test("If-Match and If-None-Match", async () => {
    const type = fresh();
    expectRefusal(await save(type, typed({}), "", { "if-match": "*" }), 412, "precondition-failed");
    const first = await save(type, typed({}), "", { "if-none-match": "*" });
    expect(first.status).toBe(201);
    await untouched(async () => {
      expectRefusal(await save(type, typed({ a: {} }), "", { "if-none-match": "*" }), 412, "precondition-failed");
      expectRefusal(await save(type, typed({ a: {} }), "", { "if-match": '"0.0"' }), 412, "precondition-failed");
      expectRefusal(
        await space.ask("DELETE", `types/${type}`, { headers: { "if-match": '"0.0"' } }),
        412,
        "precondition-failed",
      );
      // The precondition answers before the rules do.
      expectRefusal(await save(type, typed({ id: {} }), "", { "if-match": '"0.0"' }), 412, "precondition-failed");
    });
    const second = await save(type, typed({ a: {} }), "", { "if-match": etagOf(first) });
    expect(second.status).toBe(200);
    expect((await space.ask("DELETE", `types/${type}`, { headers: { "if-match": etagOf(second) } })).status).toBe(204);
  });

  test("types may refer to each other, and to types that are not there yet", async () => {
    const [one, two] = [fresh(), fresh()];
    expect((await save(one, typed({ to: { ...text, "x-reference": two } }))).status).toBe(201);
    const id = (await create(one, { to: "nothing" })).body.id;
    expectRefusal(await space.ask("POST", `entries/${id}/publish`), 422, "reference-missing", {
      pointer: "/fields/to",
    });
    expect((await save(two, typed({ back: { ...text, "x-reference": one } }))).status).toBe(201);
    await space.must("PUT", "entries/nothing", { body: { type: two, fields: { back: id } } });
    expect((await space.ask("POST", `entries/${id}/publish`)).status).toBe(200);
  });

  test("several at once, with entries beside them, are all saved", async () => {
    const type = fresh();
    await save(type, typed({}));
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? save(fresh(), typed({})) : create(type, {}))),
    );
    expect(answers.map(({ status, body }) => `${status} ${body.code ?? ""}`)).toEqual(answers.map(() => "201 "));
  });

  test("validate takes strict and lenient", async () => {
    await untouched(() =>
      all(["", "none", "LENIENT", "true"], async (validate) =>
        expectRefusal(await save(fresh(), typed({}), `?validate=${validate}`), 400, "invalid-parameter", {
          parameter: "validate",
        }),
      ),
    );
  });

  test("under an Idempotency-Key it is done once", async () => {
    const type = fresh();
    const headers = { "idempotency-key": `type-${type}` };
    const first = await save(type, typed({}), "", headers);
    await save(type, typed({ a: {} }));
    const again = await save(type, typed({}), "", headers);
    expect([
      again.status,
      again.text,
      etagOf(again),
      again.position,
      again.headers.get("idempotency-replayed"),
    ]).toEqual([201, first.text, etagOf(first), first.position, "true"]);
    expectRefusal(await save(type, typed({ b: {} }), "", headers), 422, "idempotency-key-reused");
    expectRefusal(await save(type, typed({}), "?validate=lenient", headers), 422, "idempotency-key-reused");
  });
});

describe("a schema that changes under entries", () => {
  test("is refused when drafts or published versions break it, and names them", async () => {
    const type = fresh();
    await save(type, typed({ a: {} }));
    const ids = Array.from({ length: 23 }, (_, i) => `${type}-${String(i).padStart(2, "0")}`);
    await all(ids, (id) => create(type, { a: 1 }, { id }));
    await untouched(async () => {
      const refused = await save(type, typed({ a: text }));
      expectRefusal(refused, 409, "schema-conflict");
      expect(refused.body.errors).toHaveLength(20);
      expect(refused.body.errors[0].detail).toContain(ids[0]);
    });
    // One whose draft is fine and whose published version is not.
    await all(ids.slice(1), (id) => space.must("DELETE", `entries/${id}`));
    const [last = ""] = ids;
    await space.must("POST", `entries/${last}/publish`);
    await space.must("PATCH", `entries/${last}`, { body: { fields: { a: "text" } } });
    await untouched(async () => {
      const refused = await save(type, typed({ a: text }));
      expectRefusal(refused, 409, "schema-conflict");
      expect(refused.body.errors).toHaveLength(1);
      expect(refused.body.errors[0].detail).toContain(last);
    });
    await space.must("POST", `entries/${last}/publish`);
    expect((await save(type, typed({ a: text }))).status).toBe(200);
  });

  test("archived entries count", async () => {
    const type = fresh();
    await save(type, typed({ a: {} }));
    const { id } = (await create(type, { a: 1 })).body;
    await space.must("POST", `entries/${id}/archive`);
    expectRefusal(await save(type, typed({ a: text })), 409, "schema-conflict");
  });

  test("that asks for less is taken", async () => {
    const type = fresh();
    await save(type, typed({ a: { ...text, maxLength: 5 } }, {}, { required: ["a"], additionalProperties: false }));
    await create(type, { a: "x" });
    for (const body of [
      typed({ a: text, b: {} }, {}, { required: ["a"], additionalProperties: false }),
      typed({ a: text }),
      typed({}),
    ])
      expect((await save(type, body)).status).toBe(200);
  });

  test("lenient: entries may break it until they are next changed or published", async () => {
    const type = fresh();
    await save(type, typed({ a: {}, b: {} }));
    const { id } = (await create(type, { a: 1 })).body;
    expect((await save(type, typed({ a: text, b: {} }), "?validate=lenient")).status).toBe(200);
    await untouched(async () => {
      expect((await space.must("GET", `entries/${id}`)).body.fields).toEqual({ a: 1 });
      expectRefusal(
        await space.ask("PATCH", `entries/${id}`, { body: { fields: { b: 2 } } }),
        422,
        "schema-violation",
        { pointer: "/fields/a" },
      );
      expectRefusal(await space.ask("POST", `entries/${id}/publish`), 422, "schema-violation", {
        pointer: "/fields/a",
      });
    });
    for (const action of ["archive", "unarchive"])
      expect((await space.ask("POST", `entries/${id}/${action}`)).status).toBe(200);
    expect((await space.ask("PATCH", `entries/${id}`, { body: { fields: { a: "fixed", b: 2 } } })).status).toBe(200);
    expect((await space.ask("POST", `entries/${id}/publish`)).status).toBe(200);
  });

  test("a field that is indexed afterwards finds entries that were there before", async () => {
    const type = fresh();
    await save(type, typed({ n: { type: "number" }, w: { ...text, "x-localized": true } }));
    await all([3, 1, 2], async (n) =>
      create(type, { n, w: { en: `w${n}` } }, { id: `${type}-${n}`, publish: n !== 2 }),
    );
    const query = `?type=${type}&sort=-n&filter[n][gt]=1`;
    expectRefusal(await space.ask("GET", `entries${query}`), 400, "not-indexed");
    expect(
      (
        await save(
          type,
          typed({ n: { type: "number", "x-indexed": true }, w: { ...text, "x-localized": true, "x-indexed": true } }),
        )
      ).body.indexing,
    ).toEqual([
      { field: "n", state: "ready" },
      { field: "w", state: "ready" },
    ]);
    expect((await space.must("GET", `entries${query}`)).body.data.map(({ id }: { id: string }) => id)).toEqual([
      `${type}-3`,
      `${type}-2`,
    ]);
    const published = (await space.must("GET", `content/${type}?sort=-w`)).body.data.map(
      ({ id }: { id: string }) => id,
    );
    expect(published).toEqual([`${type}-3`, `${type}-1`]);
    // And loses them when the index goes.
    expect(
      (await save(type, typed({ n: { type: "number" }, w: { ...text, "x-localized": true } }))).body.indexing,
    ).toEqual([]);
    expectRefusal(await space.ask("GET", `entries${query}`), 400, "not-indexed");
  });

  test("references are found anew when the schema makes them so", async () => {
    const type = fresh();
    await save(type, typed({ to: text }));
    await create(type, {}, { id: `${type}-target` });
    await create(type, { to: `${type}-target` }, { id: `${type}-from` });
    await save(type, typed({ to: { ...text, "x-reference": type } }));
    expectRefusal(await space.ask("DELETE", `entries/${type}-target`), 409, "entry-referenced");
    await save(type, typed({ to: text }));
    expect((await space.ask("DELETE", `entries/${type}-target`)).status).toBe(204);
  });
});

describe("GET types", () => {
  test("all, by name, as single reads show them", async () => {
    const { body, position, headers } = await space.must("GET", "types");
    const names = body.data.map(({ type }: { type: string }) => type);
    expect(names).toEqual(names.toSorted());
    expect(body.page).toEqual({ next: null, size: names.length, at: position });
    const [first] = body.data;
    expect((await space.must("GET", `types/${first.type}`)).body).toEqual(first);
    expect(headers.get("etag")).toMatch(/^W\//);
    expect((await space.ask("GET", "types", { headers: { "if-none-match": headers.get("etag") ?? "" } })).status).toBe(
      304,
    );
  });

  test("any credential of the space may read them", async () => {
    const key = await space.keyWith(["audit:read"]);
    expect((await space.ask("GET", "types", { key })).status).toBe(200);
    expect((await space.ask("GET", "types/t1", { key })).status).toBe(200);
    const read = await space.ask("GET", "types/t1", { key });
    expect((await space.ask("GET", "types/t1", { key, headers: { "if-none-match": etagOf(read) } })).status).toBe(304);
    expectRefusal(await space.ask("GET", "types/nowhere"), 404, "type-missing");
  });
});

describe("DELETE types/{type}", () => {
  test("only without entries, and its ETags never come back", async () => {
    const type = fresh();
    const first = await save(type, typed({}));
    const { id } = (await create(type, {})).body;
    await untouched(async () => expectRefusal(await space.ask("DELETE", `types/${type}`), 409, "type-in-use"));
    await space.must("POST", `entries/${id}/archive`);
    expectRefusal(await space.ask("DELETE", `types/${type}`), 409, "type-in-use");
    await space.must("DELETE", `entries/${id}`);
    const gone = await space.ask("DELETE", `types/${type}`);
    expect([gone.status, gone.text]).toEqual([204, ""]);
    for (const method of ["GET", "DELETE"])
      expectRefusal(await space.ask(method, `types/${type}`), 404, "type-missing");
    expectRefusal(await create(type, {}), 422, "type-unknown", { pointer: "/type" });
    expectRefusal(await space.ask("GET", `content/${type}`), 404, "type-missing");
    const again = await save(type, typed({}));
    expect(again.status).toBe(201);
    expect(etagOf(again)).not.toBe(etagOf(first));
    expectRefusal(await save(type, typed({ a: {} }), "", { "if-match": etagOf(first) }), 412, "precondition-failed");
  });
});

test("types that were taken leave the space readable, however their numbers are written out", async () => {
  const own = witnessed(await makeSpace({ publicRead: false }));
  await own.must("PUT", "types/good", { body: typed({}) });
  const numbers = Array.from({ length: 18_000 }, () => "5e-324").join(",");
  for (const type of ["one", "two", "three"]) {
    const raw = `{"name":"Many","schema":{"type":"object","properties":{"a":{"default":[${numbers}]}}}}`;
    expect([201, 409, 422]).toContain((await own.ask("PUT", `types/${type}`, { raw })).status);
  }
  expect((await own.ask("GET", "types")).status).toBe(200);
  expect((await own.ask("POST", "entries", { body: { type: "good", fields: {} } })).status).toBe(201);
});
