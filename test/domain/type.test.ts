// Content types: what may happen, what a save writes, and what it asks of the entries that are there.
import { describe, expect, test } from "vitest";
import { schemaEngine } from "../../src/adapters/json-schema/schema-engine.ts";
import type { TypeData } from "../../src/contexts/authoring/ask-schema-check.ts";
import type { TypeDocument } from "../../src/contexts/authoring/content-type.ts";
import { evolveType, NO_TYPE, replayType, type TypeEvent } from "../../src/contexts/authoring/domain/type.ts";
import { decideType, type TypeCommand } from "../../src/contexts/authoring/domain/type-decisions.ts";
import { deleteType, saveType } from "../../src/contexts/authoring/save-type.ts";
import { shapeOf } from "../../src/contexts/authoring/shape-of.ts";
import { MAX_SURVEYED, MAX_SURVEYED_BYTES } from "../../src/contexts/authoring/type-survey.ts";
import { instant } from "../../src/kernel/clock.ts";
import { type KeyId, spaceUid } from "../../src/kernel/id.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";
import { ok, type Result } from "../../src/kernel/result.ts";
import type { Scope } from "../../src/kernel/scope.ts";
import type { Row } from "../../src/platform/database/database.ts";
import type { Change, Outcome } from "../../src/platform/event-log/commit.ts";
import type { Writer, Written } from "../../src/platform/event-log/writer.ts";

const saved = (document: JsonObject, revision = 1): TypeEvent => ({
  type: "TypeSaved",
  data: { document, shape: { revision, fields: [] } },
});
const gone: TypeEvent = { type: "TypeDeleted", data: {} };
const save = (document: JsonObject, revision = 1): TypeCommand => ({
  do: "SaveType",
  name: "city",
  document,
  shape: { revision, fields: [] },
});

describe("given / when / then", () => {
  const given =
    (...events: TypeEvent[]) =>
    (command: TypeCommand) =>
      decideType(command, replayType(events));
  test("saving", () => {
    expect(given()(save({ name: "City" }))).toEqual({ ok: true, value: [saved({ name: "City" })] });
    expect(given(saved({ name: "City" }))(save({ name: "Town" }, 2))).toMatchObject({
      ok: true,
      value: [{ type: "TypeSaved" }],
    });
  });
  test("saving what is there already is nothing, whatever revision its shape was made for", () => {
    expect(given(saved({ name: "City", n: 1 }))(save({ n: 1, name: "City" }, 2))).toEqual({ ok: true, value: [] });
  });
  test("deleting", () => {
    const remove = (entries: number): TypeCommand => ({ do: "DeleteType", name: "city", entries });
    expect(given(saved({}))(remove(0))).toEqual({ ok: true, value: [gone] });
    expect(given(saved({}))(remove(1))).toMatchObject({
      fault: { kind: "conflict", code: "type-in-use", detail: 'Cannot delete content type "city": it has 1 entry' },
    });
    expect(given()(remove(0))).toMatchObject({ fault: { kind: "missing", code: "type-missing" } });
    expect(given(saved({}), gone)(remove(0))).toMatchObject({ fault: { code: "type-missing" } });
  });
  test("the revision counts on over deletion", () => {
    expect([saved({}), gone, saved({})].reduce(evolveType, NO_TYPE)).toMatchObject({ is: "present", revision: 3 });
  });
});

const settings = { locales: ["en"], defaultLocale: "en" };
const text = { type: "string" };
const document = (properties: object, rest: Partial<TypeDocument> = {}): TypeDocument => ({
  name: "City",
  schema: { type: "object", properties } as unknown as JsonObject,
  ...rest,
});

/** `entries`: id → fields of the draft, and of the published version where it differs. */
function scopeOf(
  current: TypeDocument | undefined,
  entries: Readonly<Record<string, readonly [JsonObject, JsonObject?]>> = {},
  count = Object.keys(entries).length,
  size = 100,
) {
  const commits: { change: Change; outcome: Outcome }[] = [];
  const shape = current && shapeOf("city", current, settings, 4, undefined);
  const kept =
    current === undefined
      ? { type: null }
      : {
          type: "city",
          revision: 4,
          position: 2,
          document: { indexes: [], requireIfMatch: false, ...current },
          shape: shape?.ok ? shape.value : undefined,
          created_at: "c",
          updated_at: "u",
        };
  const rows = Object.entries(entries).map(
    ([id, [fields, published]]): Row => ({ id, fields, is_published: true, published_fields: published ?? null, size }),
  );
  const answers: (readonly Row[])[] = [[{ stream_version: 4, entries: count, last: 77, ...kept }], rows, []];
  const space = { id: "atlas", uid: spaceUid(7), epoch: 1, residency: "us" };
  let loads = 0;
  const asides: { does: string; effect: unknown }[] = [];
  const writer: Writer = {
    space,
    marks: { at: "@at", position: "@position", secret: "@secret" },
    load: async () => ok({ rows: [answers[Math.min(loads++, 2)] ?? []], position: position(9), source: "us-primary" }),
    commit: async (change, outcome): Promise<Result<Written>> => {
      commits.push({ change, outcome });
      return ok({
        rendered: { status: 200, headers: {}, body: "" },
        position: position(10),
        replayed: false,
        unchanged: false,
      });
    },
    aside: async (does, effect, outcome) => {
      asides.push({ does, effect });
      return ok({
        rendered: { status: outcome.accepted ? 202 : 200, headers: {}, body: "" },
        position: position(9),
        replayed: false,
        unchanged: false,
      });
    },
    unchanged: (_, at) => ({
      rendered: { status: 200, headers: {}, body: "" },
      position: at,
      replayed: false,
      unchanged: true,
    }),
  };
  const scope: Scope<TypeData> = {
    space,
    actor: { type: "key", id: "k" as KeyId, scopes: new Set() },
    requestId: "r",
    clock: { now: () => instant(0) },
    data: {
      writer,
      settings,
      types: new Map(),
      schemas: schemaEngine(),
      secrets: { random: (n) => new Uint8Array(n) },
      jobs: { waker: { jobs: async () => undefined } },
    },
  };
  const ask = (next: TypeDocument, lenient = false, conditions = {}) =>
    saveType(scope, { type: "city", document: next, lenient, conditions });
  return { scope, commits, asides, ask, loads: () => loads };
}
const code = (result: Result<unknown>) => (result.ok ? "ok" : result.fault.code);

describe("saving a type", () => {
  test("that is new: 201, guarded against entries that come in between", async () => {
    const { ask, commits } = scopeOf(undefined);
    expect(code(await ask(document({ a: { ...text, "x-indexed": true } })))).toBe("ok");
    const [{ change, outcome } = { change: undefined, outcome: undefined }] = commits;
    expect(change).toMatchObject({
      streams: [{ i: 0, id: "type:city", x: 4, n: 1 }],
      events: [{ n: 1, stream: "type:city", version: 5, type: "TypeSaved", schema: 1, tags: ["schema:city"] }],
      types: [{ type: "city", n: 1, revision: 5 }],
      moved: { schema: 1 },
      typeEntries: [{ type: "city", position: 77, entries: 0 }],
    });
    expect(change?.reindex).toBeUndefined();
    expect(outcome).toMatchObject({
      created: true,
      etag: '"1.5"',
      location: "types/city",
      view: {
        type: "city",
        name: "City",
        indexes: [],
        requireIfMatch: false,
        createdAt: "@at",
        updatedAt: "@at",
        indexing: [{ field: "a", state: "ready" }],
      },
    });
  });

  test("that is there already, with its defaults said or not, changes nothing", async () => {
    const { ask, commits } = scopeOf(document({ a: text }));
    expect(await ask(document({ a: text }, { requireIfMatch: false, indexes: [] }))).toMatchObject({
      ok: true,
      value: { unchanged: true, position: 9 },
    });
    expect(commits).toEqual([]);
  });

  test("whose name alone changes looks at no entry", async () => {
    const { ask, commits, loads } = scopeOf(document({ a: text }), { one: [{ a: 5 }] });
    expect(code(await ask({ ...document({ a: text }), name: "Town" }))).toBe("ok");
    expect(loads()).toBe(1);
    expect(commits[0]?.change.typeEntries).toBeUndefined();
    expect(commits[0]?.outcome.created).toBeUndefined();
  });

  test("that existing entries break, drafts or published versions: 409 naming up to 20", async () => {
    const entries = { one: [{ a: "x" }], two: [{ a: 5 }, { a: "x" }], three: [{ a: 5 }] } as const;
    const refused = await scopeOf(document({ a: {} }), entries).ask(document({ a: { type: "number" } }));
    expect(refused).toMatchObject({
      ok: false,
      fault: {
        kind: "conflict",
        code: "schema-conflict",
        errors: [
          { pointer: "/schema", code: "schema-conflict", detail: 'Entry "one": /fields/a Must be number; found "x"' },
          {
            pointer: "/schema",
            code: "schema-conflict",
            detail: 'Entry "two" (published version): /fields/a Must be number; found "x"',
          },
        ],
      },
    });
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`e${i}`, [{ a: "x" }] as const]));
    const result = await scopeOf(document({ a: {} }), many).ask(document({ a: { type: "number" } }));
    expect(!result.ok && result.fault.errors).toHaveLength(20);
    const lenient = scopeOf(document({ a: {} }), entries);
    expect(code(await lenient.ask(document({ a: { type: "number" } }), true))).toBe("ok");
    expect(lenient.loads()).toBe(1);
  });

  test("that moves slots writes the sort rows of drafts and published versions again", async () => {
    const { ask, commits } = scopeOf(document({ a: text, r: text }), {
      one: [
        { a: "new", r: "x" },
        { a: "old", r: "y" },
      ],
    });
    expect(
      code(await ask(document({ a: { ...text, "x-indexed": true }, r: { ...text, "x-reference": "city" } }))),
    ).toBe("ok");
    expect(commits[0]?.change.reindex).toMatchObject([
      {
        id: "one",
        type: "city",
        draft: { t1: "new", t2: "x" },
        published: { t1: "old", t2: "y" },
        refs: [
          { side: "d", path: "/r", target: "x", type: "city" },
          { side: "p", path: "/r", target: "y", type: "city" },
        ],
      },
    ]);
    expect(commits[0]?.change.typeEntries).toEqual([{ type: "city", position: 77, entries: 1 }]);
  });

  test("leniently still writes them", async () => {
    const { ask, commits } = scopeOf(document({ a: text }), { one: [{ a: 5 }] });
    expect(code(await ask(document({ a: { ...text, "x-indexed": true } }), true))).toBe("ok");
    expect(commits[0]?.change.reindex).toHaveLength(1);
    expect(commits[0]?.change.reindex?.[0]?.refs).toBeUndefined();
  });

  test("of more entries than one request can look at is saved by a job", async () => {
    const many = scopeOf(document({ a: {} }), {}, MAX_SURVEYED + 1);
    const asked = await many.ask(document({ a: text }));
    expect(asked.ok && asked.value.rendered.status).toBe(202);
    expect(many.asides).toMatchObject([
      {
        does: "schema_check",
        effect: { kind: "schema-check", of: "city", type: "city", revision: 4, plan: { judges: true } },
      },
    ]);
    expect(many.asides[0]?.effect).not.toHaveProperty("rows");
    expect(many.commits).toEqual([]);
    const lenient = scopeOf(document({ a: {} }), {}, MAX_SURVEYED + 1);
    expect(code(await lenient.ask(document({ a: text }), true))).toBe("ok");
    expect(lenient.asides).toEqual([]);
  });

  test("with other indexes than so many entries have is a job that writes their rows, unless an index becomes another one", async () => {
    const indexed = (schema: object) => document({ a: { ...schema, "x-indexed": true } });
    const many = scopeOf(document({ a: text }), {}, MAX_SURVEYED + 1);
    expect(code(await many.ask(indexed(text), true))).toBe("ok");
    expect(many.asides).toMatchObject([
      {
        does: "schema_check",
        effect: { plan: { judges: false }, rows: { fields: [{ name: "a", slots: { "": "t1" } }] } },
      },
    ]);
    const other = scopeOf(indexed(text), {}, MAX_SURVEYED + 1);
    const refused = await other.ask(indexed({ type: "number" }), true);
    expect(code(refused)).toBe("schema-check-too-large");
    expect(!refused.ok && refused.fault.detail).toContain('field "a" is indexed as something else');
    expect([...other.asides, ...other.commits]).toEqual([]);
  });

  test("of more content than one request can look at is a job too, unless it was found to break the schema already", async () => {
    const half = MAX_SURVEYED_BYTES / 2 + 1;
    const two = { one: [{ a: "x" }], two: [{ a: "y" }] } as const;
    const asked = await scopeOf(document({ a: {} }), two, 2, half).ask(document({ a: text }));
    expect(asked.ok && asked.value.rendered.status).toBe(202);
    expect(code(await scopeOf(document({ a: {} }), two, 2, half).ask(document({ a: { type: "number" } })))).toBe(
      "schema-conflict",
    );
    expect(code(await scopeOf(document({ a: {} }), two, 2, half - 1).ask(document({ a: text })))).toBe("ok");
  });

  test("is judged in order: preconditions, then the document", async () => {
    const bad = document({ id: {} });
    const wide = document({ a: { enum: Array.from({ length: 900 }, (_, i) => `${i}`.padStart(200, "x")) } });
    const ask = async (next: TypeDocument, conditions: object, current = [document({ a: text })]) =>
      code(await scopeOf(current[0]).ask(next, false, conditions));
    expect(await ask(bad, { ifMatch: ['"1.3"'] })).toBe("precondition-failed");
    expect(await ask(bad, { ifNoneMatch: "*" })).toBe("precondition-failed");
    expect(await ask(bad, { ifMatch: ['"1.4"'] })).toBe("schema-unsupported");
    expect(await ask(wide, {})).toBe("schema-unsupported");
    expect(await ask(document({ a: text }), { ifMatch: "*" }, [])).toBe("precondition-failed");
  });
});

describe("deleting a type", () => {
  test("commits only while it has no entries", async () => {
    const { scope, commits } = scopeOf(document({ a: text }));
    expect(code(await deleteType(scope, { type: "city", conditions: { ifMatch: ['"1.4"'] } }))).toBe("ok");
    expect(commits[0]?.change).toEqual({
      streams: [{ i: 0, id: "type:city", x: 4, n: 1 }],
      events: [
        { n: 1, stream: "type:city", version: 5, type: "TypeDeleted", schema: 1, data: {}, tags: ["schema:city"] },
      ],
      types: [{ type: "city", n: 1, revision: 5, gone: true }],
      moved: { schema: 1 },
      relies: [],
      typeEntries: [{ type: "city", position: 0, entries: 0 }],
    });
    expect(commits[0]?.outcome).toEqual({});
  });
  test("with entries, or of what is not there, is refused", async () => {
    expect(code(await deleteType(scopeOf(document({}), { one: [{}] }).scope, { type: "city", conditions: {} }))).toBe(
      "type-in-use",
    );
    expect(code(await deleteType(scopeOf(undefined).scope, { type: "city", conditions: { ifMatch: "*" } }))).toBe(
      "type-missing",
    );
  });
});
