// What was sent → what an operation asks for: 400 when not understood, 422 when understood and against a rule; every place is named.
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { jsonObject, jsonValue, readBody, readParams, readQuery, unstorable } from "../../src/http/input.ts";
import type { Json } from "../../src/kernel/json.ts";

const schema = z.strictObject({
  name: z.string().min(1).max(5),
  residency: z.enum(["us", "eu"]).optional(),
  count: z.int().min(0).max(10).optional(),
  slug: z.string().max(3).nullable().optional(),
  either: z.union([z.string().max(2), z.int()]).optional(),
  list: z
    .array(z.strictObject({ "a/b~c": z.string() }))
    .max(2)
    .optional(),
  step: z.number().multipleOf(5).optional(),
  code: z
    .string()
    .regex(/^[a-z]+$/)
    .optional(),
  fields: jsonObject.optional(),
  any: jsonValue.optional(),
});
const body = (value: Json) => readBody(schema, value);
const refused = (value: Json, with_: z.ZodType = schema) => {
  const result = readBody(with_, value);
  if (result.ok) throw new Error("accepted");
  return result.fault;
};

test("what is right comes back, and JSON inside is untouched", () => {
  const fields = JSON.parse('{"__proto__":{"a":1},"constructor":2,"deep":[{"__proto__":3}]}');
  const result = body({ name: "a", fields, any: null, slug: null });
  expect(result.ok && JSON.stringify(result.value.fields)).toBe(JSON.stringify(fields));
  expect(result.ok && result.value.fields).toBe(fields);
});

describe("not understood: 400", () => {
  test.each<[string, Json, string, string, string]>([
    ["an unknown member", { name: "a", nmae: 1 }, "unknown-member", "/nmae", 'Unknown member "nmae"'],
    [
      "__proto__",
      JSON.parse('{"name":"a","__proto__":1}'),
      "unknown-member",
      "/__proto__",
      'Unknown member "__proto__"',
    ],
    [
      "constructor",
      JSON.parse('{"name":"a","constructor":1}'),
      "unknown-member",
      "/constructor",
      'Unknown member "constructor"',
    ],
    ["a missing member", {}, "missing-member", "/name", 'Member "name" is missing'],
    ["null for text", { name: null }, "invalid-member", "/name", 'Member "name" must be text; found null'],
    ["a number for text", { name: 1 }, "invalid-member", "/name", 'Member "name" must be text; found 1'],
    [
      "a fraction for an integer",
      { name: "a", count: 1.5 },
      "invalid-member",
      "/count",
      'Member "count" must be a whole number; found 1.5',
    ],
    [
      "a number for one of several texts",
      { name: "a", residency: 5 },
      "invalid-member",
      "/residency",
      'Member "residency" must be one of "us", "eu"; found 5',
    ],
    [
      "neither of two types",
      { name: "a", either: true },
      "invalid-member",
      "/either",
      'Member "either" must be text; found true',
    ],
    [
      "an array for an object",
      { name: "a", fields: [] },
      "invalid-member",
      "/fields",
      'Member "fields" must be an object; found an array',
    ],
    ["an array as the body", [1], "invalid-member", "", "The body must be an object; found an array"],
    ["null as the body", null, "invalid-member", "", "The body must be an object; found null"],
    [
      "deep inside",
      { name: "a", list: [{ "a/b~c": "x" }, { "a/b~c": 1 }] },
      "invalid-member",
      "/list/1/a~1b~0c",
      'Member "list.1.a/b~c" must be text; found 1',
    ],
    [
      "unknown deep inside",
      { name: "a", list: [{ "a/b~c": "x", "~/": 1 }] },
      "unknown-member",
      "/list/0/~0~1",
      'Unknown member "list.0.~/"',
    ],
  ])("%s", (_, value, code, pointer, detail) => {
    const fault = refused(value);
    expect(fault).toMatchObject({ kind: "malformed", code, errors: [{ pointer, code, detail }] });
  });

  test("beats rules, and every place is named", () => {
    const fault = refused({ name: "too long", x: 1, y: 2 });
    expect(fault).toMatchObject({
      kind: "malformed",
      code: "unknown-member",
      detail: 'Cannot accept the body: unknown member "x" (and 1 more)',
    });
    expect(fault.errors?.map(({ pointer }) => pointer)).toEqual(["/x", "/y"]);
  });

  test("an operation of no known kind", () => {
    const operations = z.discriminatedUnion("op", [
      z.strictObject({ op: z.literal("create"), id: z.string() }),
      z.strictObject({ op: z.enum(["publish", "delete"]), id: z.string() }),
    ]);
    expect(refused({ op: "destroy" }, operations)).toMatchObject({
      kind: "malformed",
      errors: [{ pointer: "/op", detail: 'Member "op" must be one of "create", "publish", "delete"; found "destroy"' }],
    });
    expect(refused({}, operations)).toMatchObject({
      kind: "malformed",
      code: "missing-member",
      errors: [{ pointer: "/op" }],
    });
    expect(refused({ op: "create", id: 1 }, operations)).toMatchObject({
      kind: "malformed",
      errors: [{ pointer: "/id" }],
    });
  });
});

describe("understood and against a rule: 422", () => {
  test.each<[string, Json, string, string]>([
    ["too long", { name: "abcdef" }, "/name", 'Member "name" must be of length at most 5 characters; found "abcdef"'],
    ["too short", { name: "" }, "/name", 'Member "name" must be of length at least 1 character; found ""'],
    [
      "none of the values",
      { name: "a", residency: "mars" },
      "/residency",
      'Member "residency" must be one of "us", "eu"; found "mars"',
    ],
    ["too large", { name: "a", count: 11 }, "/count", 'Member "count" must be at most 10; found 11'],
    [
      "too many",
      { name: "a", list: [1, 2, 3].map(() => ({ "a/b~c": "x" })) },
      "/list",
      'Member "list" must be of length at most 2 items; found an array',
    ],
    [
      "nullable and too long",
      { name: "a", slug: "abcd" },
      "/slug",
      'Member "slug" must be of length at most 3 characters; found "abcd"',
    ],
    [
      "of the alternative that was meant",
      { name: "a", either: "abc" },
      "/either",
      'Member "either" must be of length at most 2 characters; found "abc"',
    ],
    ["not a multiple", { name: "a", step: 7 }, "/step", 'Member "step" must be a multiple of 5; found 7'],
    [
      "not of the form",
      { name: "a", code: "A" },
      "/code",
      'Member "code" must be text that matches /^[a-z]+$/; found "A"',
    ],
  ])("%s", (_, value, pointer, detail) => {
    expect(refused(value)).toMatchObject({
      kind: "invalid",
      code: "invalid-value",
      errors: [{ pointer, code: "invalid-value", detail }],
    });
  });

  test("a hostile number of mistakes is not echoed", () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`m${i}`, 1]));
    expect(refused({ name: "a", ...many }).errors).toHaveLength(100);
  });
});

describe("query", () => {
  const query = z.strictObject({ force: z.enum(["true", "false"]).optional(), type: z.string().max(3).optional() });
  const read = (text: string) => readQuery(query, new URLSearchParams(text));
  test("comes back by name", () => {
    expect(read("type=a&force=true")).toEqual({ ok: true, value: { type: "a", force: "true" } });
    expect(read("")).toEqual({ ok: true, value: {} });
  });
  test.each([
    ["typ=a", "unknown-parameter", "typ"],
    ["__proto__=a", "unknown-parameter", "__proto__"],
    ["force=yes", "invalid-parameter", "force"],
    ["type=abcd", "invalid-parameter", "type"],
    ["type=a&type=a", "invalid-parameter", "type"],
  ])("%s is 400 and named", (text, code, parameter) => {
    expect(read(text)).toMatchObject({ ok: false, fault: { kind: "malformed", code, errors: [{ parameter, code }] } });
  });
  test("a missing one is named", () => {
    expect(readQuery(z.strictObject({ q: z.string() }), new URLSearchParams())).toMatchObject({
      ok: false,
      fault: { code: "missing-parameter", errors: [{ parameter: "q" }] },
    });
  });
});

test("path parameters that do not match lead nowhere", () => {
  const params = z.object({ id: z.string().regex(/^[a-z]+$/) });
  expect(readParams(params, { id: "a" })).toEqual({ id: "a" });
  expect(readParams(params, { id: "A" })).toBeUndefined();
});

test("text that Postgres cannot keep is found wherever it is", () => {
  expect(
    unstorable({ a: ["x", { b: "\0" }], "\ud800": 1, ok: "😀", c: "\udc00" }).map(({ pointer }) => pointer),
  ).toEqual(["/a/1/b", "/\ud800", "/c"]);
  expect(unstorable("\0").map(({ pointer }) => pointer)).toEqual([""]);
  expect(unstorable([null, true, 1, {}])).toEqual([]);
  expect(unstorable(Array.from({ length: 5_000 }, () => "\0"))).toHaveLength(100);
});
