// What a content type's schema may say, and how everything else is refused: by name, with a pointer.
import { describe, expect, test } from "vitest";
import { measurePattern } from "../../src/adapters/json-schema/pattern.ts";
import { checkSchema, MAX_PATTERN_STEPS, MAX_SUBSCHEMAS } from "../../src/contexts/authoring/domain/dialect.ts";
import { RESERVED_FIELDS } from "../../src/kernel/id.ts";
import type { JsonObject } from "../../src/kernel/json.ts";

const type = (properties: object, rest: object = {}): JsonObject =>
  ({ type: "object", properties, ...rest }) as JsonObject;
const field = (schema: object): JsonObject => type({ f: schema });
const check = (schema: JsonObject) => checkSchema(schema, measurePattern);
const complaints = (schema: JsonObject) => check(schema).map(({ pointer, code }) => `${pointer} ${code}`);

describe("what is supported", () => {
  test("the contract's example", () => {
    const city = type(
      {
        name: { type: "string", maxLength: 200, "x-localized": true, "x-searchable": true, "x-indexed": true },
        population: { type: "integer", minimum: 0, "x-indexed": true },
        country: { type: "string", "x-reference": "country" },
        neighbours: { type: "array", items: { type: "string", "x-reference": "city" } },
      },
      { required: ["name", "country"], additionalProperties: false },
    );
    expect(check(city)).toEqual([]);
  });

  test("every keyword that the contract names, {} as a field, nested objects and lists", () => {
    const schema = type(
      {
        anything: {},
        text: {
          type: "string",
          minLength: 1,
          maxLength: 9,
          pattern: "^[a-z]+$",
          title: "t",
          description: "d",
          default: "x",
          enum: ["a", "b"],
          const: "a",
        },
        when: { type: ["string", "null"], format: "date-time", "x-indexed": true },
        day: { type: "string", format: "date" },
        link: { type: "string", format: "uri" },
        mail: { type: "string", format: "email" },
        key: { type: "string", format: "uuid" },
        number: { type: "number", minimum: 0, maximum: 9, exclusiveMinimum: -1, exclusiveMaximum: 10, multipleOf: 0.5 },
        yes: { type: "boolean", "x-indexed": true },
        list: {
          type: "array",
          items: { type: "string" },
          minItems: 0,
          maxItems: 9,
          uniqueItems: true,
          "x-indexed": true,
        },
        kind: { enum: ["a", "b"], "x-indexed": true },
        deep: {
          type: "object",
          properties: { id: { anyOf: [{ type: "string" }, { type: "null" }] } },
          required: ["id"],
          additionalProperties: { type: "number" },
        },
        either: { oneOf: [{ type: "string" }, { type: "number" }], "x-localized": true },
        constructor: { type: "string" },
      },
      { title: "T", description: "D", anyOf: [{ required: ["text"] }, { required: ["day"] }] },
    );
    expect(check(schema)).toEqual([]);
  });
});

describe("what is not", () => {
  test.each([
    "$ref",
    "$schema",
    "$id",
    "$defs",
    "$anchor",
    "$comment",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "contains",
    "unevaluatedProperties",
    "dependentRequired",
    "minProperties",
    "maxProperties",
    "examples",
    "readOnly",
    "x-other",
    "__proto__",
    "constructor",
    "toString",
  ])("keyword %s is refused by name, on the type and on a field", (name) => {
    const schema = JSON.parse(
      `{"type": "object", "properties": {"f": {"type": "string", ${JSON.stringify(name)}: {}}}, ${JSON.stringify(name)}: {}}`,
    );
    expect(complaints(schema)).toEqual([
      `/schema/properties/f/${name} keyword-unsupported`,
      `/schema/${name} keyword-unsupported`,
    ]);
    expect(check(schema)[0]?.detail).toBe(`Keyword "${name}" is not supported`);
  });

  test("anything but an object with properties", () => {
    expect(complaints({})).toEqual(["/schema/type keyword-value", "/schema/properties keyword-value"]);
    expect(complaints({ type: "array", properties: {} })).toEqual(["/schema/type keyword-value"]);
    expect(complaints({ type: "object", properties: [] })).toEqual(["/schema/properties keyword-value"]);
    expect(complaints({ type: "object", properties: { f: true } })).toEqual(["/schema/properties/f keyword-value"]);
  });

  test.each([...RESERVED_FIELDS])("reserved field name %s", (name) => {
    expect(complaints(type({ [name]: {} }))).toEqual([`/schema/properties/${name} field-name`]);
  });

  test.each(["__proto__", "1a", "a-b", "a b", "", "é", "a".repeat(65), "a/b"])("malformed field name %j", (name) => {
    const schema = JSON.parse(`{"type": "object", "properties": {${JSON.stringify(name)}: {}}}`);
    expect(check(schema).map((item) => item.code)).toEqual(["field-name"]);
  });

  test("names of fields count inside objects as they like", () => {
    expect(check(field({ type: "object", properties: { id: {}, "a-b": {}, "": {} } }))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ["minimum", "a"],
    ["minimum", null],
    ["multipleOf", 0],
    ["multipleOf", -1],
    ["minLength", -1],
    ["maxLength", 1.5],
    ["maxItems", "3"],
    ["uniqueItems", "yes"],
    ["enum", []],
    ["enum", "a"],
    ["enum", Array.from({ length: 1_001 }, (_, i) => i)],
    ["required", "a"],
    ["required", [1]],
    ["required", ["a", "a"]],
    ["type", "text"],
    ["type", []],
    ["type", ["string", "string"]],
    ["type", 1],
    ["pattern", 1],
    ["format", "ipv4"],
    ["format", 1],
    ["title", 1],
    ["description", {}],
    ["items", true],
    ["items", [{}]],
    ["properties", []],
    ["additionalProperties", "no"],
    ["anyOf", {}],
    ["anyOf", []],
    ["oneOf", [1]],
    ["x-indexed", "yes"],
    ["x-localized", 1],
    ["x-searchable", {}],
    ["x-reference", true],
    ["x-reference", "Not A Type"],
  ])("%s: %j", (keyword, value) => {
    const items = check(field({ [keyword]: value }));
    expect(items[0]?.code).toBe("keyword-value");
    expect(items[0]?.pointer).toMatch(`/schema/properties/f/${keyword}`);
  });

  test.each<[string, object]>([
    ["on items", { type: "array", items: { type: "string", "x-indexed": true } }],
    ["inside an object", { type: "object", properties: { a: { type: "string", "x-localized": true } } }],
    ["inside an alternative", { anyOf: [{ type: "string", "x-searchable": true }] }],
    ["indexing what cannot be compared", { type: "object", "x-indexed": true }],
    ["indexing anything", { "x-indexed": true }],
    ["indexing lists of anything", { type: "array", "x-indexed": true }],
    ["indexing two kinds", { type: ["string", "number"], "x-indexed": true }],
    ["searching numbers", { type: "number", "x-searchable": true }],
    ["references that are no text", { type: "integer", "x-reference": "city" }],
    ["references of a list as a whole", { type: "array", items: { type: "string" }, "x-reference": "city" }],
    ["references inside an object", { type: "object", properties: { a: { type: "string", "x-reference": "city" } } }],
    [
      "references two lists deep",
      { type: "array", items: { type: "array", items: { type: "string", "x-reference": "city" } } },
    ],
    ["references of items without a list", { items: { type: "string", "x-reference": "city" } }],
    ["localized references", { type: "string", "x-reference": "city", "x-localized": true }],
    [
      "localized lists of references",
      { type: "array", items: { type: "string", "x-reference": "city" }, "x-localized": true },
    ],
  ])("x- keywords misplaced: %s", (_, schema) => {
    expect(check(field(schema)).map((item) => item.code)).toContain("keyword-misplaced");
  });

  test("x- keywords on the type itself", () => {
    expect(complaints(type({}, { "x-indexed": true }))).toEqual(["/schema/x-indexed keyword-misplaced"]);
  });

  test("too many schemas, too many fields", () => {
    const wide = type({ f: { anyOf: Array.from({ length: MAX_SUBSCHEMAS }, () => ({})) } });
    expect(complaints(wide)).toEqual(["/schema schema-too-large"]);
    expect(complaints(type(Object.fromEntries(Array.from({ length: 251 }, (_, i) => [`f${i}`, {}]))))).toEqual([
      "/schema/properties schema-too-large",
    ]);
  });
});

describe("patterns", () => {
  const measured: string[] = [];
  const manyOf = (n: number, pattern: string): readonly string[] => {
    const properties = Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, { type: "string", pattern }]));
    measured.length = 0;
    return checkSchema(type(properties), (source) => {
      measured.push(source);
      return measurePattern(source);
    }).map(({ code, detail }) => `${code}: ${detail}`);
  };

  test("are bounded together, not only each; what comes after is not even compiled", () => {
    const large = "[a-z]{1,600}";
    const { steps } = measurePattern(large);
    const fitting = Math.floor(MAX_PATTERN_STEPS / steps);
    expect(manyOf(fitting, large)).toEqual([]);
    expect(manyOf(200, large)).toEqual([
      `patterns-too-large: All patterns of a content type may compile to ${MAX_PATTERN_STEPS} steps together; with "${large}" they pass that`,
    ]);
    expect(measured.length).toBe(fitting + 1);
    expect(manyOf(200, "^[a-z0-9-]+$")).toEqual([]);
  });

  test("that are refused count too: finding out has cost as much", () => {
    manyOf(200, "(a|b|c|d){900}");
    expect(measured.length).toBeLessThan(10);
  });

  test.each([
    "^[a-z0-9-]+$",
    "^(a+)+$",
    "^\\p{L}{1,40}$",
    "(?<year>\\d{4})",
    "\\u00e9|\\x41",
    "^https?:\\/\\/",
    "[^\\s]+",
    "",
  ])("%s is accepted", (pattern) => {
    expect(check(field({ type: "string", pattern }))).toEqual([]);
  });

  test.each<[string, RegExp]>([
    ["(?=a)b", /look-around/],
    ["a(?!b)", /look-around/],
    ["(?<=a)b", /look-around/],
    ["(?<!a)b", /look-around/],
    ["(a)\\1", /back-references/],
    ["(?<n>a)\\k<n>", /back-references/],
    ["(", /./],
    ["a{2,1}", /./],
    ["(?i)a", /./],
    ["[[:alpha:]]", /./],
    ["((a{30}){30}){30}", /./],
    ["a".repeat(1_001), /longer/],
  ])("%s is refused", (pattern, why) => {
    const [item] = check(field({ type: "string", pattern }));
    expect(item?.code).toBe("pattern-unsafe");
    expect(item?.detail).toMatch(why);
    expect(item?.pointer).toBe("/schema/properties/f/pattern");
  });
});
