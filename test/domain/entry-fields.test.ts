// Every violation of a content type's schema in `fields`, each with its pointer, and nothing that a hostile value can break.
import { validate } from "@cfworker/json-schema";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schemaEngine } from "../../src/adapters/json-schema/schema-engine.ts";
import { whyNotFields } from "../../src/contexts/authoring/fields-judge.ts";
import type { Json, JsonObject } from "../../src/kernel/json.ts";

const engine = schemaEngine();
const LOCALES = ["en", "fr"];

function judge(properties: object, fields: unknown, rest: object = {}) {
  const schema = { type: "object", properties, ...rest } as unknown as JsonObject;
  return whyNotFields(engine, { type: "city", document: { name: "City", schema } }, LOCALES, fields as JsonObject);
}
const found = (...args: Parameters<typeof judge>) =>
  (judge(...args)?.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`);

describe("violations", () => {
  test("all of them at once, by pointer", () => {
    const fault = judge(
      {
        name: { type: "string", maxLength: 3, "x-localized": true },
        size: { type: "integer", minimum: 1 },
        tags: { type: "array", items: { enum: ["a", "b"] }, uniqueItems: true },
      },
      { name: { en: "Paris", fr: 7, de: "x" }, size: 0.5, tags: ["a", "c", "a"], other: 1, "a-b": 2 },
      { required: ["name", "country"], additionalProperties: false },
    );
    expect(fault).toMatchObject({ kind: "invalid", code: "schema-violation" });
    expect((fault?.errors ?? []).map(({ pointer, code }) => `${pointer} ${code}`).sort()).toEqual([
      "/fields/a-b additional-properties",
      "/fields/a-b field-name",
      "/fields/country required",
      "/fields/name/de locale-unknown",
      "/fields/name/en max-length",
      "/fields/name/fr type",
      "/fields/other additional-properties",
      "/fields/size minimum",
      "/fields/size type",
      "/fields/tags/1 enum",
      "/fields/tags/2 unique-items",
    ]);
  });

  test("sentences say what was wanted and what was found", () => {
    const detail = (schema: object, value: unknown) => judge({ f: schema }, { f: value })?.errors?.[0]?.detail;
    expect(detail({ type: "string" }, 5)).toBe("Must be string; found 5");
    expect(detail({ type: ["string", "null"] }, [])).toBe("Must be string or null; found a list");
    expect(detail({ maxLength: 2 }, "😀😀😀")).toBe("Must be at most 2 characters long; found 3");
    expect(detail({ minItems: 2 }, [1])).toBe("Must be a list of at least 2; found 1");
    expect(detail({ multipleOf: 0.1 }, 0.35)).toBe("Must be a multiple of 0.1; found 0.35");
    expect(detail({ format: "email" }, "x")).toBe('Must have the format "email"; found "x"');
    expect(detail({ enum: ["a", 1] }, "c")).toBe('Must be one of "a", "1"; found "c"');
    expect(judge({ f: { type: "string" } }, { f: 5 })?.detail).toBe(
      'The fields break the schema of "city": /fields/f must be string; found 5',
    );
  });

  test("a localized field is an object of locales, and one that is required has a value in one", () => {
    const name = { name: { type: "string", "x-localized": true } };
    expect(found(name, { name: { en: "a" } })).toEqual([]);
    expect(found(name, { name: "a" })).toEqual(["/fields/name type"]);
    expect(found(name, { name: {} })).toEqual([]);
    expect(found(name, { name: {} }, { required: ["name"] })).toEqual(["/fields/name required"]);
    expect(found(name, { name: { __proto__: null, constructor: "x" } })).toEqual([
      "/fields/name/constructor locale-unknown",
    ]);
    expect(found({ name: { "x-localized": true } }, { name: { en: null } })).toEqual([]);
    expect(found(name, { name: { en: null } })).toEqual(["/fields/name/en type"]);
  });

  test("references are ids, wherever they stand; whether they lead anywhere is asked later", () => {
    const properties = {
      one: { type: "string", "x-reference": "city" },
      many: { type: "array", items: { type: "string", "x-reference": "city" } },
    };
    expect(found(properties, { one: "paris", many: ["nowhere"] })).toEqual([]);
    expect(found(properties, { one: "not an id", many: ["ok", "", "a/b"] })).toEqual([
      "/fields/one x-reference",
      "/fields/many/1 x-reference",
      "/fields/many/2 x-reference",
    ]);
  });

  test.each<[string, readonly unknown[], readonly unknown[]]>([
    [
      "date-time",
      ["2026-01-02T03:04:05Z", "2024-02-29t23:59:59.123456+05:30"],
      [
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05",
        "2025-02-29T00:00:00Z",
        "2026-01-02\n03:04:05Z",
        "2016-12-31T23:59:60Z",
        "x",
        "",
      ],
    ],
    ["date", ["2024-02-29"], ["2025-02-29", "2024-2-9", "2024-02-29T00:00:00Z"]],
    ["uri", ["https://example.org/a?b#c", "mailto:a@b.c"], ["/relative", "a b", "http://[bad"]],
    ["email", ["a@b.co"], ["a", "a@", "@b.co", "a b@c.d"]],
    ["uuid", ["0190f6c8-1d3a-7b1e-8f0a-123456789abc"], ["0190f6c8", "g190f6c8-1d3a-7b1e-8f0a-123456789abc"]],
  ])("format %s is asserted", (format, good, bad) => {
    for (const value of good) expect(found({ f: { format } }, { f: value }), String(value)).toEqual([]);
    for (const value of bad)
      expect(found({ f: { format } }, { f: value }), String(value)).toEqual(["/fields/f format"]);
    expect(found({ f: { format } }, { f: 5 })).toEqual([]);
  });

  test("patterns search, by code point, as ECMA-262 would", () => {
    expect(found({ f: { pattern: "^.$" } }, { f: "😀" })).toEqual([]);
    expect(found({ f: { pattern: "b" } }, { f: "abc" })).toEqual([]);
    expect(found({ f: { pattern: "^[a-z]+$" } }, { f: "aB" })).toEqual(["/fields/f pattern"]);
    expect(found({ f: { pattern: "^\\p{Lu}" } }, { f: "Élan" })).toEqual([]);
  });

  test("alternatives", () => {
    const either = {
      f: {
        anyOf: [
          { type: "string", maxLength: 2 },
          { type: "object", required: ["a"] },
        ],
      },
    };
    expect(found(either, { f: "ab" })).toEqual([]);
    expect(found(either, { f: { a: 1 } })).toEqual([]);
    expect(found(either, { f: "abc" })).toEqual(["/fields/f any-of"]);
    const one = { f: { oneOf: [{ type: "number" }, { type: "integer" }] } };
    expect(found(one, { f: 0.5 })).toEqual([]);
    expect(found(one, { f: 5 })).toEqual(["/fields/f one-of"]);
    expect(found({ a: {}, b: {} }, {}, { anyOf: [{ required: ["a"] }, { required: ["b"] }] })).toEqual([
      "/fields any-of",
    ]);
  });
});

describe("hostile values", () => {
  test("what cannot be stored, in values and names at any depth", () => {
    expect(found({}, { a: "\u0000" })).toEqual(["/fields/a text-not-storable"]);
    expect(found({}, { a: [{ "\ud800": "x" }] })).toEqual(["/fields/a/0/\ud800 text-not-storable"]);
  });

  test("names of fields", () => {
    expect(found({}, JSON.parse('{"__proto__": 1, "id": 2, "constructor": 3}'))).toEqual([
      "/fields/__proto__ field-name",
      "/fields/id field-name",
    ]);
    expect(found({ constructor: { type: "string" } }, { constructor: 5 })).toEqual(["/fields/constructor type"]);
    expect(found({ constructor: { type: "string" }, toString: {} }, {}, { required: ["constructor"] })).toEqual([
      "/fields/constructor required",
    ]);
    expect(
      found(
        { deep: { type: "object", additionalProperties: false, properties: { a: {} } } },
        { deep: JSON.parse('{"__proto__": {"a": 1}}') },
      ),
    ).toEqual(["/fields/deep/__proto__ additional-properties"]);
  });

  test("512 KiB, counted in UTF-8", () => {
    const fits = { a: "é".repeat(262_000) };
    expect(judge({}, fits)).toBeUndefined();
    expect(judge({}, { a: "é".repeat(262_145) })).toMatchObject({ kind: "invalid", code: "fields-too-large" });
    expect(judge({}, { a: "😀".repeat(131_073) })).toMatchObject({ code: "fields-too-large" });
    expect(judge({}, { a: "😀".repeat(131_000) })).toBeUndefined();
  });

  test("at most a hundred violations are listed, however many there are", () => {
    const many = Array.from({ length: 250_000 }, () => 1);
    expect(judge({ a: { type: "array", items: { type: "string" } } }, { a: many })?.errors).toHaveLength(100);
    expect(
      judge(
        { a: { additionalProperties: false } },
        { a: Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [i, 1])) },
      )?.errors,
    ).toHaveLength(100);
  });

  test("indexed lists and references are bounded together", () => {
    const list = { type: "array", items: { type: "number" }, "x-indexed": true };
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    expect(
      found({ a: list, b: { ...list, "x-localized": true } }, { a: numbers(1_000), b: { en: numbers(1_000) } }),
    ).toEqual([]);
    expect(
      found(
        { a: list, b: { ...list, "x-localized": true } },
        { a: numbers(1_000), b: { en: numbers(1_000), fr: [1] } },
      ),
    ).toEqual(["/fields too-many-indexed"]);
  });

  test.each<[string, object, unknown]>([
    ["many values, all different", { uniqueItems: true }, Array.from({ length: 100_000 }, (_, i) => i)],
    ["a pattern that backtracks", { pattern: "^(a+)+$" }, `${"a".repeat(500_000)}b`],
    ["a pattern with a large program", { pattern: "[ab]*a[ab]{900}[c-e]" }, "ab".repeat(200_000)],
    [
      "many alternatives over many items",
      { items: { anyOf: Array.from({ length: 1_900 }, (_, i) => ({ const: i })) } },
      Array.from({ length: 100_000 }, () => "x"),
    ],
    ["a long address", { format: "uri" }, `http://${"a/".repeat(200_000)}`],
  ])("%s take bounded time", (_, schema, value) => {
    const start = performance.now();
    judge({ f: schema }, { f: value });
    expect(performance.now() - start).toBeLessThan(5_000);
  });
});

test("says valid exactly when @cfworker/json-schema does", () => {
  const scalar = fc.constantFrom<Json>(null, true, 0, 1, 2.5, -1, "", "a", "ab", "abc", "2026-01-01");
  const json = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      scalar,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "constructor"), tie("value"), { maxKeys: 3 }),
    ),
  })).value;
  const leaf = {
    type: fc.constantFrom("string", "number", "integer", "object", "array", "boolean", ["string", "null"]),
    enum: fc.array(json, { minLength: 1, maxLength: 3 }),
    const: json,
    minimum: fc.constantFrom(0, 1, 2),
    exclusiveMaximum: fc.constantFrom(1, 2, 3),
    multipleOf: fc.constantFrom(0.5, 1, 2),
    minLength: fc.constantFrom(0, 1, 2),
    maxLength: fc.constantFrom(1, 2),
    pattern: fc.constantFrom("^a", "b$", "^a?b?$"),
    format: fc.constantFrom("date", "uuid"),
    minItems: fc.constantFrom(0, 1, 2),
    maxItems: fc.constantFrom(1, 2),
    uniqueItems: fc.boolean(),
    required: fc.uniqueArray(fc.constantFrom("a", "b", "constructor")),
  };
  const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
  const schemaOf = (depth: number): fc.Arbitrary<JsonObject> => {
    const below = depth === 0 ? undefined : schemaOf(depth - 1);
    const nested = below && {
      properties: rarely(fc.dictionary(fc.constantFrom("a", "b", "constructor"), below, { maxKeys: 2 })),
      additionalProperties: rarely(fc.oneof(fc.boolean(), below)),
      items: rarely(below),
      anyOf: rarely(fc.array(below, { minLength: 1, maxLength: 2 })),
      oneOf: rarely(fc.array(below, { minLength: 1, maxLength: 2 })),
    };
    const sparse = Object.fromEntries(
      Object.entries(leaf).map(([name, each]) => [name, rarely(each as fc.Arbitrary<unknown>)]),
    );
    return fc.record({ ...sparse, ...nested }).map((made) => JSON.parse(JSON.stringify(made)) as JsonObject);
  };
  const schema = schemaOf(2);
  const counts = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(schema, json, (rules, value) => {
      counts[validate(value, structuredClone(rules) as never, "2020-12").valid ? "valid" : "invalid"] += 1;
      const theirs = validate(value, structuredClone(rules) as never, "2020-12").valid;
      const ours = engine.violations(rules, value, "", 100).length === 0;
      expect(ours).toBe(theirs);
    }),
    { numRuns: 3_000 },
  );
  // Both answers must have been asked for often, or this shows nothing.
  expect(Math.min(counts.valid, counts.invalid)).toBeGreaterThan(300);
});
