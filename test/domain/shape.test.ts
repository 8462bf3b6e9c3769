// From a schema to slots, and how slots stay where they are.
import { describe, expect, test } from "vitest";
import { bothShapes } from "../../src/contexts/authoring/both-shapes.ts";
import { isIndexedAlike, shapeOf } from "../../src/contexts/authoring/shape-of.ts";
import type { TypeShape } from "../../src/contexts/delivery/delivery.ts";
import type { JsonObject } from "../../src/kernel/json.ts";

const space = { locales: ["en", "fr"], defaultLocale: "en" };
const text = { type: "string", "x-indexed": true };
const number = { type: "number", "x-indexed": true };
const localized = { ...text, "x-localized": true };

function shape(properties: object, before?: TypeShape, indexes: readonly (readonly string[])[] = [], locales = space) {
  const schema = { type: "object", properties } as unknown as JsonObject;
  return shapeOf("city", { name: "City", schema, indexes }, locales, (before?.revision ?? 0) + 1, before);
}
function made(...args: Parameters<typeof shape>): TypeShape {
  const result = shape(...args);
  if (!result.ok) throw new Error(JSON.stringify(result.fault));
  return result.value;
}
const slotsOf = (of: TypeShape) => Object.fromEntries(of.fields.filter((f) => f.slots).map((f) => [f.name, f.slots]));

describe("slots", () => {
  test("numbers, booleans and times are numbers; text, enums and references are text; one a locale", () => {
    const got = made({
      name: localized,
      population: { type: "integer", "x-indexed": true },
      capital: { type: "boolean", "x-indexed": true },
      founded: { type: "string", format: "date-time", "x-indexed": true },
      kind: { enum: ["a", "b"], "x-indexed": true },
      country: { type: "string", "x-reference": "country" },
      neighbours: { type: "array", items: { type: "string", "x-reference": "city" } },
      tags: { type: "array", items: { type: "string" }, "x-indexed": true },
      note: { type: "string" },
      constructor: text,
    });
    expect(slotsOf(got)).toEqual({
      name: { en: "t1", fr: "t2" },
      population: { "": "n1" },
      capital: { "": "n2" },
      founded: { "": "n3" },
      kind: { "": "t3" },
      country: { "": "t4" },
      constructor: { "": "t5" },
    });
    expect(
      got.fields.map(({ name, kind, array, indexed, reference }) => [name, kind, array, indexed, reference]),
    ).toEqual([
      ["name", "text", false, true, undefined],
      ["population", "number", false, true, undefined],
      ["capital", "boolean", false, true, undefined],
      ["founded", "time", false, true, undefined],
      ["kind", "text", false, true, undefined],
      ["country", "text", false, true, "country"],
      ["neighbours", "text", true, true, "city"],
      ["tags", "text", true, true, undefined],
      ["note", "text", false, false, undefined],
      ["constructor", "text", false, true, undefined],
    ]);
  });

  test("8 numbers and 16 texts, and no more: 422 naming the field", () => {
    const many = (count: number, schema: object) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, schema]));
    expect(shape({ ...many(8, number) }).ok).toBe(true);
    expect(shape({ ...many(16, text) }).ok).toBe(true);
    expect(shape({ ...many(8, localized) }).ok).toBe(true);
    for (const [fields, at] of [
      [many(9, number), "f8"],
      [many(17, text), "f16"],
      [many(9, localized), "f8"],
    ] as const) {
      expect(shape(fields)).toMatchObject({
        ok: false,
        fault: {
          kind: "invalid",
          code: "schema-unsupported",
          errors: [{ pointer: `/schema/properties/${at}`, code: "index-slots" }],
        },
      });
    }
    const lists = many(40, { type: "array", items: { type: "number" }, "x-indexed": true });
    expect(shape(lists).ok).toBe(true);
  });

  test("a field that stays keeps its slot, whatever comes, goes or moves before it", () => {
    const first = made({ a: text, b: localized, c: number });
    const second = made({ z: text, b: localized, c: number, d: number }, first);
    expect(slotsOf(second)).toEqual({ b: { en: "t2", fr: "t3" }, c: { "": "n1" }, d: { "": "n2" }, z: { "": "t4" } });
    const third = made({ b: localized, c: { ...text }, a: text }, second);
    expect(slotsOf(third)).toEqual({ b: { en: "t2", fr: "t3" }, c: { "": "t1" }, a: { "": "t5" } });
  });

  test("slots that were given up are used again when nothing else is left", () => {
    const full = made(Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`f${i}`, text])));
    const { f3: _, ...kept } = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`f${i}`, text]));
    expect(slotsOf(made({ ...kept, fresh: text }, full))["fresh"]).toEqual({ "": "t4" });
  });

  test("an unindexed field changes no rows; a locale, a kind, a slot, a composite does", () => {
    const before = made({ a: text, b: number });
    expect(
      isIndexedAlike(before, made({ b: number, note: { type: "string" }, a: { ...text, maxLength: 3 } }, before)),
    ).toBe(true);
    expect(isIndexedAlike(before, made({ a: text }, before))).toBe(false);
    expect(isIndexedAlike(before, made({ a: text, b: { type: "boolean", "x-indexed": true } }, before))).toBe(false);
    expect(isIndexedAlike(before, made({ a: text, b: number }, before, [["a"]]))).toBe(false);
    expect(
      isIndexedAlike(before, made({ a: text, b: number }, before, [], { locales: ["en"], defaultLocale: "en" })),
    ).toBe(false);
  });
});

describe("composites", () => {
  const fields = {
    a: text,
    b: number,
    c: { type: "array", items: { type: "string" }, "x-indexed": true },
    d: { type: "string" },
  };
  test("keep their slot too", () => {
    const first = made(fields, undefined, [["a", "-b"], ["b"]]);
    expect(first.composites).toEqual([
      { keys: ["a", "-b"], slot: "k1" },
      { keys: ["b"], slot: "k2" },
    ]);
    expect(made(fields, first, [["-a"], ["b"]]).composites).toEqual([
      { keys: ["-a"], slot: "k1" },
      { keys: ["b"], slot: "k2" },
    ]);
  });
  test.each<[string, readonly (readonly string[])[], string]>([
    ["of an unknown field", [["x"]], "/indexes/0/0"],
    ["of a list", [["a", "c"]], "/indexes/0/1"],
    ["of a field that is not indexed", [["-d"]], "/indexes/0/0"],
    ["of a field twice", [["a", "-a"]], "/indexes/0/1"],
    ["declared twice", [["a"], ["a"]], "/indexes/1"],
    ["of nothing", [[]], "/indexes/0"],
    ["of five fields", [["a", "b", "a", "b", "a"]], "/indexes/0"],
    ["five of them", [["a"], ["b"], ["-a"], ["-b"], ["a", "b"]], "/indexes"],
    ["of __proto__", [["__proto__"]], "/indexes/0/0"],
  ])("%s are refused", (_, indexes, pointer) => {
    const result = shape(fields, undefined, indexes);
    expect(result).toMatchObject({ ok: false, fault: { code: "schema-unsupported" } });
    if (!result.ok) expect(result.fault.errors?.map((item) => item.pointer)).toContain(pointer);
  });
});

describe("what both shapes ask for", () => {
  const plain = { type: "string" };
  const before = made({ name: localized, size: number, note: plain }, undefined, [["size"]]);
  const both = (properties: object, indexes: readonly (readonly string[])[] = [["size"]], locales = space) => {
    const next = made(properties, before, indexes, locales);
    const found = bothShapes(before, next);
    return found.ok ? { ...found, next } : found;
  };

  test("is what the next one asks for when that only adds", () => {
    const added = {
      name: localized,
      size: number,
      note: text,
      when: { ...number },
      at: { type: "array", items: plain },
    };
    for (const properties of [added, { ...added, at: { type: "array", items: plain, "x-indexed": true } }]) {
      const found = both(properties, [["size"], ["-size", "note"]]);
      expect(found.ok && isIndexedAlike(found.shape, found.next)).toBe(true);
    }
    const wider = both({ name: localized, size: number }, [["size"]], {
      locales: ["en", "fr", "de"],
      defaultLocale: "en",
    });
    expect(wider.ok && isIndexedAlike(wider.shape, wider.next)).toBe(true);
  });

  test("holds what goes beside what comes", () => {
    const found = both({ name: localized, size: { type: "number" }, note: text }, []);
    expect(found.ok && slotsOf(found.shape)).toEqual({
      name: { en: "t1", fr: "t2" },
      size: { "": "n1" },
      note: { "": "t3" },
    });
    expect(found.ok && found.shape.composites).toEqual([{ keys: ["size"], slot: "k1" }]);
    expect(found.ok && isIndexedAlike(found.shape, before)).toBe(false);
    const fewer = both({ name: localized, size: number }, [["size"]], { locales: ["en"], defaultLocale: "en" });
    expect(fewer.ok && fewer.shape.locales).toEqual(["en", "fr"]);
  });

  test("is nothing when one thing becomes another", () => {
    const clash = (...args: Parameters<typeof both>) => {
      const found = both(...args);
      return found.ok ? "" : found.clash;
    };
    const name = localized;
    expect(clash({ name, size: text })).toContain('field "size"');
    expect(clash({ name: text, size: number })).toContain('field "name"');
    expect(clash({ name, size: { type: "array", items: { type: "number" }, "x-indexed": true } }, [])).toContain(
      "size",
    );
    expect(clash({ name, size: number }, [["size"]], { locales: ["en", "fr"], defaultLocale: "fr" })).toContain(
      "locale",
    );
    const eight = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`f${i}`, number]));
    expect(clash({ name, ...eight }, [])).toContain('slot "n1"');
    expect(clash({ name, size: number }, [["-size"], ["name"], ["-name"], ["size", "name"]])).toContain("slot");
  });
});
