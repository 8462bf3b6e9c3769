// Every operation, every member, with values that nobody should send: the contract's error, nothing written, never a 5xx.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { schemaEngine } from "../../src/adapters/json-schema/schema-engine.ts";
import { checkSchema } from "../../src/contexts/authoring/domain/dialect.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Answer, Json } from "../support/client.ts";
import { makeSpace, rootKey, type Space } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { wire } from "../support/wire.ts";
import { askChecked, check, expectRefusal, headOf, type Place, witnessed } from "../support/witness.ts";

let space: Space;
let keyId: string;

const text = { type: "string" } as const;
const FIELDS = {
  text: { ...text, maxLength: 10, minLength: 1, "x-indexed": true },
  words: { ...text, "x-localized": true, maxLength: 10 },
  count: { type: "integer", minimum: 0, maximum: 100, "x-indexed": true },
  ratio: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
  step: { type: "number", multipleOf: 0.01 },
  flag: { type: "boolean", "x-indexed": true },
  when: { ...text, format: "date-time", "x-indexed": true },
  day: { ...text, format: "date" },
  link: { ...text, format: "uri" },
  mail: { ...text, format: "email" },
  uid: { ...text, format: "uuid" },
  tags: { type: "array", items: text, minItems: 1, maxItems: 3, uniqueItems: true, "x-indexed": true },
  pick: { enum: ["a", 1, null, { __proto__: null, x: 1 }] },
  one: { const: { a: [1] } },
  ref: { ...text, "x-reference": "all" },
  refs: { type: "array", items: { ...text, "x-reference": "all" } },
  any: {},
  obj: { type: "object", properties: { a: text }, required: ["a"], additionalProperties: false },
  either: { anyOf: [{ type: "string" }, { type: "integer" }] },
  exactly: { oneOf: [{ minimum: 5 }, { maximum: 10 }] },
  runaway: { ...text, pattern: "^(a+)+$" },
  constructor: text,
  toString: { ...text, "x-indexed": true },
};

const draft = (fields: unknown, more: object = {}): unknown => ({ type: "all", fields, ...more });
const create = (fields: unknown, more?: object): Promise<Answer> =>
  space.ask("POST", "entries", { body: draft(fields, more) });
/** `fields` as text: JSON that JSON.stringify would not write. */
const createRaw = (fields: string): Promise<Answer> =>
  space.ask("POST", "entries", { raw: `{"type":"all","fields":${fields}}` });

/** Runs what must write nothing. */
async function untouched(work: () => Promise<unknown>): Promise<void> {
  const before = await headOf(space);
  await work();
  expect(await headOf(space)).toBe(before);
}

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: false }));
  await space.must("PUT", "types/all", {
    body: { name: "All", schema: { type: "object", additionalProperties: false, properties: FIELDS } },
  });
  await space.must("PUT", "types/free", {
    body: { name: "Free", schema: { type: "object", properties: { any: {} } } },
  });
  await space.must("PUT", "entries/there", { body: draft({ text: "there" }) });
  keyId = (await space.must("POST", "keys", { body: { name: "sample", scopes: ["content:read"] } })).body.id;
});

describe("members of bodies", () => {
  interface Bodied {
    readonly method: string;
    readonly path: () => string;
    readonly key?: () => string;
    readonly good: Readonly<Record<string, Json>>;
    readonly required: readonly string[];
    /** Members that may be null. */
    readonly nullable?: readonly string[];
    /** Right type, wrong value. */
    readonly bad: Readonly<Record<string, readonly Json[]>>;
    /** 400 instead of 422: a value of an array or object has the wrong type. */
    readonly inside?: readonly (readonly [string, Json, string])[];
  }
  const long = (n: number) => "x".repeat(n);
  const astral = (n: number) => "😀".repeat(n);
  const slugs = ["", "a/b", "a?b", "a#b", "a\u0001", "a\u007f", "a\u0085", "a\nb", "\t", long(201), astral(201)];
  const ids = ["", "-a", ".a", "_a", ":a", "a b", "a/b", "é", "a\n", long(65), "__proto__", "a%41", "😀"];
  const types = ["", "A", "1a", "a b", "a.b", long(65), "__proto__", "é"];
  const locales = ["", "EN", "e", "en_GB", "en-", long(36), `en-${long(9)}`, "*", "__proto__"];
  const settings = {
    name: ["", long(201)],
    locales: [
      [],
      ["en", "en"],
      ...locales.map((each) => ["en", each]),
      Array.from({ length: 21 }, (_, i) => `e${String.fromCharCode(97 + i)}`),
    ],
    defaultLocale: [...locales, "de"],
    plan: ["", "gold", "Free", "constructor"],
    clientMaxAge: [-1, 1.5, 1e9, 2 ** 53],
    limits: [
      { read: { quota: 0, window: 60 } },
      { read: { quota: 1.5, window: 60 } },
      { read: { quota: 1, window: 0 } },
      { write: { quota: 1e300, window: 60 } },
    ],
  };
  const operations: Readonly<Record<string, Bodied>> = {
    createEntry: {
      method: "POST",
      path: () => `/v1/spaces/${space.id}/entries`,
      good: { type: "all", id: "new", slug: "new", fields: {}, publish: false },
      required: ["type", "fields"],
      nullable: ["slug"],
      bad: { type: types, id: ids, slug: slugs },
    },
    replaceEntry: {
      method: "PUT",
      path: () => `/v1/spaces/${space.id}/entries/new`,
      good: { type: "all", slug: "new", fields: {} },
      required: ["type", "fields"],
      nullable: ["slug"],
      bad: { type: types, slug: slugs },
    },
    patchEntry: {
      method: "PATCH",
      path: () => `/v1/spaces/${space.id}/entries/there`,
      good: { slug: "new", fields: {} },
      required: [],
      nullable: ["slug"],
      bad: { slug: slugs },
    },
    saveType: {
      method: "PUT",
      path: () => `/v1/spaces/${space.id}/types/new`,
      good: { name: "New", schema: { type: "object", properties: {} }, indexes: [], requireIfMatch: false },
      required: ["name", "schema"],
      bad: { name: ["", long(201)] },
      inside: [
        ["indexes", ["a"], "/indexes/0"],
        ["indexes", [[1]], "/indexes/0/0"],
        ["indexes", [null], "/indexes/0"],
        ["indexes", [{}], "/indexes/0"],
      ],
    },
    createKey: {
      method: "POST",
      path: () => `/v1/spaces/${space.id}/keys`,
      good: { name: "new", scopes: ["content:read"], expiresAt: "2999-01-01T00:00:00Z" },
      required: ["name", "scopes"],
      nullable: ["expiresAt"],
      bad: {
        name: ["", long(201), astral(201)],
        scopes: [
          [],
          ["content:admin"],
          ["*"],
          ["constructor"],
          ["content:read", ""],
          Array.from({ length: 11 }, () => "content:read"),
        ],
        expiresAt: [
          "",
          "tomorrow",
          "2999-13-01T00:00:00Z",
          "2999-02-30T00:00:00Z",
          "2999-01-01",
          "2999-01-01T00:00:00",
          "1999-01-01T00:00:00Z",
          "+292278994-01-01T00:00:00Z",
          "9999-12-31T23:59:60Z",
        ],
      },
      inside: [
        ["scopes", [1], "/scopes/0"],
        ["scopes", [null], "/scopes/0"],
        ["scopes", [["content:read"]], "/scopes/0"],
      ],
    },
    rotateKey: {
      method: "POST",
      path: () => `/v1/spaces/${space.id}/keys/${keyId}/rotate`,
      good: { overlapSeconds: 0 },
      required: ["overlapSeconds"],
      bad: { overlapSeconds: [-1, 604_801, 1e300] },
    },
    createSpace: {
      method: "POST",
      path: () => "/v1/spaces",
      key: rootKey,
      good: {
        id: "new",
        name: "New",
        residency: "us",
        locales: ["en"],
        defaultLocale: "en",
        publicRead: true,
        plan: "free",
        limits: {},
        clientMaxAge: 1,
        edgeOutsideResidency: false,
      },
      required: ["id", "name", "residency", "locales", "defaultLocale", "publicRead", "plan"],
      bad: {
        ...settings,
        id: ["", "x", "A1", "1a", "a_b", "a.b", "é1", long(40), "__proto__"],
        residency: ["", "mars", "US", "constructor", long(64)],
      },
      inside: [
        ["locales", [1], "/locales/0"],
        ["limits", { read: 1 }, "/limits/read"],
        ["limits", { read: null }, "/limits/read"],
        ["limits", { read: { quota: "1", window: 60 } }, "/limits/read/quota"],
      ],
    },
    changeSpace: {
      method: "PATCH",
      path: () => `/v1/spaces/${space.id}`,
      key: rootKey,
      good: {
        name: "New",
        locales: ["en", "fr"],
        defaultLocale: "en",
        publicRead: false,
        plan: "scale",
        limits: {},
        clientMaxAge: 1,
        edgeOutsideResidency: false,
      },
      required: [],
      nullable: ["limits", "clientMaxAge", "edgeOutsideResidency"],
      bad: settings,
      inside: [["limits", { read: { quota: "1", window: 60 } }, "/limits/read/quota"]],
    },
  };
  const asked = ({ method, path, key }: Bodied, body: unknown): Promise<Answer> => {
    const media =
      method === "PATCH" && path().includes("/entries/") ? "application/merge-patch+json" : "application/json";
    return askChecked(method, path(), { key: key?.() ?? space.key, body, headers: { "content-type": media } });
  };
  const kindOf = (value: Json): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);
  const samples: readonly Json[] = [null, 1, "text", true, [], {}];

  test.each(Object.entries(operations))("%s: of the wrong type", async (_, operation) => {
    await untouched(async () => {
      for (const [name, good] of Object.entries(operation.good)) {
        const wrong = samples.filter(
          (sample) => kindOf(sample) !== kindOf(good) && !(sample === null && operation.nullable?.includes(name)),
        );
        await all(wrong, async (value) =>
          expectRefusal(await asked(operation, { ...operation.good, [name]: value }), 400, "invalid-member", {
            pointer: `/${name}`,
            code: "invalid-member",
          }),
        );
      }
      await all(operation.inside ?? [], async ([name, value, pointer]) =>
        expectRefusal(await asked(operation, { ...operation.good, [name]: value }), 400, "invalid-member", { pointer }),
      );
    });
  });

  test.each(Object.entries(operations))("%s: missing", async (_, operation) => {
    await untouched(() =>
      all(operation.required, async (name) => {
        const { [name]: _missing, ...rest } = operation.good;
        expectRefusal(await asked(operation, rest), 400, "missing-member", {
          pointer: `/${name}`,
          code: "missing-member",
        });
      }),
    );
  });

  test.each(Object.entries(operations))("%s: of a value that it cannot have", async (_, operation) => {
    await untouched(async () => {
      for (const [name, values] of Object.entries(operation.bad)) {
        await all(values, async (value) => {
          const answer = await asked(operation, { ...operation.good, [name]: value });
          const found = `${name} = ${JSON.stringify(value).slice(0, 60)}: ${answer.status} ${answer.text.slice(0, 300)}`;
          // A fraction where a whole number belongs is of another type.
          expect([400, 422], found).toContain(answer.status);
          expect(answer.body.code, found).toBe(answer.status === 422 ? "invalid-value" : "invalid-member");
          expect(answer.body.errors[0].pointer, found).toMatch(new RegExp(`^/(${name}|defaultLocale)`));
          if (typeof value !== "number" && name !== "limits") expect(answer.status, found).toBe(422);
        });
      }
    });
  });

  test.each(Object.entries(operations))("%s: text that cannot be stored", async (_, operation) => {
    await untouched(async () => {
      const good = JSON.stringify(operation.good);
      const hostile = ["\\u0000", "\\ud800", "\\udc00", "\\udc00\\ud800", "a\\ud83d", "\\ud83dx\\ude00"];
      const names = Object.entries(operation.good).filter(([, value]) => typeof value === "string");
      await all(names, async ([name, value]) =>
        all(hostile, async (bad) => {
          const raw = good.replace(`"${name}":${JSON.stringify(value)}`, `"${name}":"${bad}"`);
          const { method, path, key } = operation;
          const media =
            method === "PATCH" && path().includes("/entries/") ? "application/merge-patch+json" : "application/json";
          const answer = await askChecked(method, path(), {
            key: key?.() ?? space.key,
            raw,
            headers: { "content-type": media },
          });
          expect([422, "/".concat(name)], `${raw} ${answer.text}`).toEqual([
            answer.status,
            answer.body.errors?.[0]?.pointer,
          ]);
          expect(["text-not-storable", "invalid-value"]).toContain(answer.body.code);
        }),
      );
    });
  });

  test("very many of them are answered quickly, and the answer is small", async () => {
    const many = (piece: string, n: number) => Array.from({ length: n }, () => piece).join(",");
    const huge = [
      `{"name":"a","scopes":[${many("1", 500_000)}]}`,
      `{"name":"a","scopes":[${many('"content:read"', 60_000)}]}`,
      `{"name":"a","scopes":["content:read"],${Array.from({ length: 80_000 }, (_, i) => `"a${i}":1`).join(",")}}`,
      `{"name":"${"\\u0000".repeat(170_000)}","scopes":["content:read"]}`,
    ];
    await untouched(async () => {
      for (const raw of huge) {
        const answer = await space.ask("POST", "keys", { raw });
        expect([400, 422]).toContain(answer.status);
        expect(answer.text.length).toBeLessThan(64_000);
      }
    });
  });
});

describe("fields", () => {
  const violations: readonly (readonly [string, Json, string])[] = [
    ["text", 1, "/fields/text"],
    ["text", null, "/fields/text"],
    ["text", "", "/fields/text"],
    ["text", "12345678901", "/fields/text"],
    ["text", "😀".repeat(11), "/fields/text"],
    ["text", { en: "x" }, "/fields/text"],
    ["words", "x", "/fields/words"],
    ["words", { en: 1 }, "/fields/words/en"],
    ["words", { en: null }, "/fields/words/en"],
    ["words", { en: "12345678901" }, "/fields/words/en"],
    ["words", { de: "x" }, "/fields/words/de"],
    ["words", { EN: "x" }, "/fields/words/EN"],
    ["words", { "": "x" }, "/fields/words/"],
    ["words", { "en/fr~": "x" }, "/fields/words/en~1fr~0"],
    ["words", { constructor: "x" }, "/fields/words/constructor"],
    ["words", [], "/fields/words"],
    ["count", 1.5, "/fields/count"],
    ["count", -1, "/fields/count"],
    ["count", 101, "/fields/count"],
    ["count", "1", "/fields/count"],
    ["count", true, "/fields/count"],
    ["ratio", 0, "/fields/ratio"],
    ["ratio", 1, "/fields/ratio"],
    ["step", 0.005, "/fields/step"],
    ["flag", 0, "/fields/flag"],
    ["flag", "true", "/fields/flag"],
    ["when", "2026-01-01", "/fields/when"],
    ["when", "2026-01-01 00:00:00Z", "/fields/when"],
    ["when", "2026-02-30T00:00:00Z", "/fields/when"],
    ["when", "2026-01-01T25:00:00Z", "/fields/when"],
    ["when", "2026-01-01T00:00:60Z", "/fields/when"],
    ["when", "", "/fields/when"],
    ["day", "2026-02-30", "/fields/day"],
    ["day", "26-1-1", "/fields/day"],
    ["link", "not a uri", "/fields/link"],
    ["link", "//example.org", "/fields/link"],
    ["mail", "@", "/fields/mail"],
    ["mail", "a@b@c", "/fields/mail"],
    ["uid", "x", "/fields/uid"],
    ["tags", [], "/fields/tags"],
    ["tags", ["a", "a"], "/fields/tags/1"],
    ["tags", ["a", "b", "c", "d"], "/fields/tags"],
    ["tags", ["a", 1], "/fields/tags/1"],
    ["tags", "a", "/fields/tags"],
    ["tags", { 0: "a" }, "/fields/tags"],
    ["pick", "b", "/fields/pick"],
    ["pick", "1", "/fields/pick"],
    ["pick", {}, "/fields/pick"],
    ["pick", { x: 1, y: 1 }, "/fields/pick"],
    ["one", { a: [1, 1] }, "/fields/one"],
    ["one", { a: ["1"] }, "/fields/one"],
    ["ref", 1, "/fields/ref"],
    ["ref", "", "/fields/ref"],
    ["ref", "a b", "/fields/ref"],
    ["ref", "__proto__", "/fields/ref"],
    ["ref", "x".repeat(65), "/fields/ref"],
    ["ref", ["a"], "/fields/ref"],
    ["ref", { id: "a" }, "/fields/ref"],
    ["refs", "a", "/fields/refs"],
    ["refs", ["a", "b c"], "/fields/refs/1"],
    ["refs", [["a"]], "/fields/refs/0"],
    ["obj", {}, "/fields/obj/a"],
    ["obj", { a: "x", b: 1 }, "/fields/obj/b"],
    ["obj", { a: "x", constructor: 1 }, "/fields/obj/constructor"],
    ["either", null, "/fields/either"],
    ["exactly", 7, "/fields/exactly"],
    ["runaway", "b", "/fields/runaway"],
    ["constructor", 1, "/fields/constructor"],
    ["toString", null, "/fields/toString"],
    ["unknown", 1, "/fields/unknown"],
    ["valueOf", 1, "/fields/valueOf"],
    ["hasOwnProperty", "x", "/fields/hasOwnProperty"],
    ["a b", 1, "/fields/a b"],
    ["", 1, "/fields/"],
    ["a/b", 1, "/fields/a~1b"],
    ["x".repeat(65), 1, `/fields/${"x".repeat(65)}`],
    ["id", "x", "/fields/id"],
    ["position", 1, "/fields/position"],
  ];

  const some = (from: number) => violations.filter((_, i) => i % 3 === from);

  test("POST: what breaks the schema", async () => {
    await untouched(() =>
      all(violations, async ([name, value, pointer]) =>
        expectRefusal(await create({ [name]: value }), 422, "schema-violation", { pointer }),
      ),
    );
  });

  test.each(["new", "there"])("PUT %s: what breaks the schema", async (id) => {
    await untouched(() =>
      all(some(id === "new" ? 0 : 1), async ([name, value, pointer]) =>
        expectRefusal(
          await space.ask("PUT", `entries/${id}`, { body: draft({ [name]: value }) }),
          422,
          "schema-violation",
          { pointer },
        ),
      ),
    );
  });

  test("PATCH: what breaks the schema, except that null removes", async () => {
    await untouched(() =>
      all(
        [...some(1), ...some(2)].filter(([, value]) => !JSON.stringify(value).includes("null")),
        async ([name, value, pointer]) =>
          expectRefusal(
            await space.ask("PATCH", "entries/there", { body: { fields: { [name]: value } } }),
            422,
            "schema-violation",
            { pointer },
          ),
      ),
    );
  });

  test("every place is named, one error each, in one answer", async () => {
    const answer = await create({ text: 1, words: { de: "x", en: 1 }, count: -1, tags: ["a", "a"], unknown: true });
    expectRefusal(answer, 422, "schema-violation");
    const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
    expect([...new Set(pointers)]).toEqual([
      "/fields/count",
      "/fields/tags/1",
      "/fields/text",
      "/fields/unknown",
      "/fields/words/de",
      "/fields/words/en",
    ]);
  });

  test("names that JavaScript knows are names like any other", async () => {
    const raw =
      '{"any":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":"x","hasOwnProperty":null,"__defineGetter__":[]},"constructor":"c","toString":"t"}';
    const made = await createRaw(raw);
    expect(made.status, made.text).toBe(201);
    const read = await space.must("GET", `entries/${made.body.id}`);
    for (const { body } of [made, read]) {
      expect(Object.keys(body.fields.any).sort()).toEqual([
        "__defineGetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "toString",
      ]);
      expect(Object.getOwnPropertyDescriptor(body.fields.any, "__proto__")?.value).toEqual({ polluted: true });
    }
    const patched = await space.ask("PATCH", `entries/${made.body.id}`, {
      raw: '{"fields":{"any":{"__proto__":{"more":1},"toString":null}}}',
    });
    expect(Object.getOwnPropertyDescriptor(patched.body.fields.any, "__proto__")?.value).toEqual({
      polluted: true,
      more: 1,
    });
    expect(Object.keys(patched.body.fields.any)).not.toContain("toString");
    await untouched(async () => {
      expectRefusal(await createRaw('{"__proto__":{"text":"x"}}'), 422, "schema-violation", {
        pointer: "/fields/__proto__",
      });
      expectRefusal(await createRaw('{"words":{"__proto__":"x"}}'), 422, "schema-violation", {
        pointer: "/fields/words/__proto__",
      });
      expectRefusal(await createRaw('{"obj":{"a":"x","__proto__":{}}}'), 422, "schema-violation", {
        pointer: "/fields/obj/__proto__",
      });
      expectRefusal(await createRaw('{"pick":{"__proto__":{"x":1}}}'), 422, "schema-violation", {
        pointer: "/fields/pick",
      });
    });
    expect((await space.must("GET", "entries/there")).body.fields).toEqual({ text: "there" });
  });

  test("text that cannot be stored, anywhere", async () => {
    const bad = ["\\u0000", "\\ud800", "\\udfff", "x\\ud83d\\ud83d"];
    const places: readonly (readonly [(text: string) => string, (name: string) => string])[] = [
      [(each) => `{"text":"${each}"}`, () => "/fields/text"],
      [(each) => `{"any":"${each}"}`, () => "/fields/any"],
      [(each) => `{"any":[[{"a":"${each}"}]]}`, () => "/fields/any/0/0/a"],
      [(each) => `{"any":{"${each}":1}}`, (name) => `/fields/any/${name}`],
      [(each) => `{"${each}":1}`, (name) => `/fields/${name}`],
      [(each) => `{"words":{"${each}":"x"}}`, (name) => `/fields/words/${name}`],
      [(each) => `{"ref":"${each}"}`, () => "/fields/ref"],
      [(each) => `{"tags":["${each}"]}`, () => "/fields/tags/0"],
    ];
    await untouched(() =>
      all(places, async ([fields]) =>
        all(bad, async (each) => {
          expectRefusal(await createRaw(fields(each)), 422, "text-not-storable");
          expectRefusal(
            await space.ask("PATCH", "entries/there", { raw: `{"fields":${fields(each)}}` }),
            422,
            "text-not-storable",
          );
        }),
      ),
    );
    const named = await createRaw('{"any":[1,{"b":"\\ud800"}]}');
    expectRefusal(named, 422, "text-not-storable", { pointer: "/fields/any/1/b" });
  });

  test("text is stored as it is sent", async () => {
    const texts = [
      " blank ",
      "\u00e9",
      "e\u0301",
      "\u0001\u001f\u007f",
      "\u2028\u2029",
      "\ufeff",
      "\ufffd\uffff\ufdd0",
      "😀\u{10ffff}",
      "\u202edlrow",
      "\r\n",
      "'; drop table entries; --",
      "\\u0000",
      '$1 $x {{y}} %s @at "@position"',
      "</script>",
    ];
    const made = await create({ any: texts });
    expect(made.body.fields.any).toEqual(texts);
    expect((await space.must("GET", `entries/${made.body.id}`)).body.fields.any).toEqual(texts);
  });

  test("what stands for times and positions inside cannot be sent from outside", async () => {
    const { body } = await create({ any: "x" });
    const marks = [body.createdAt, String(body.version), "@at", "@position", "\u0001at\u0001", "{{at}}", "$at"];
    const made = await create({ any: marks });
    expect(made.body.fields.any).toEqual(marks);
  });

  test("numbers at the edges come back as they were sent", async () => {
    const numbers = [
      0,
      1e21,
      1e-7,
      0.1,
      0.30000000000000004,
      1.7976931348623157e308,
      -1.7976931348623157e308,
      5e-324,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      2 ** 53,
      123456789012345680000,
      1e300,
    ];
    const made = await create({ any: numbers });
    expect(made.status, made.text).toBe(201);
    expect(made.body.fields.any).toEqual(numbers);
    expect((await space.must("GET", `entries/${made.body.id}`)).body.fields.any).toEqual(numbers);
    const small = await createRaw('{"any":[-0,1e-400,-1e-400,1E+2,10e-1]}');
    expect(JSON.stringify(small.body.fields.any)).toBe("[0,0,0,100,1]");
  });

  test("-0 is 0: saying it again changes nothing", async () => {
    const first = await space.ask("PUT", "entries/zero", { raw: '{"type":"all","fields":{"count":-0,"any":[-0]}}' });
    const again = await space.ask("PUT", "entries/zero", { raw: '{"type":"all","fields":{"count":0,"any":[0.0]}}' });
    expect([first.status, again.status, again.position]).toEqual([201, 200, first.position]);
  });

  test.each(["1e400", "-1e400", "9007199254740993", "-9007199254740993", `1${"0".repeat(309)}`])(
    "%s is refused",
    async (number) => {
      await untouched(async () => {
        expectRefusal(await createRaw(`{"any":${number}}`), 400, "malformed-json");
        expectRefusal(await createRaw(`{"count":${number}}`), 400, "malformed-json");
      });
    },
  );

  test("what is accepted can be read again, however its numbers are written out", async () => {
    const many = (number: string, n: number) => `{"any":[${Array.from({ length: n }, () => number).join(",")}]}`;
    for (const fields of [many("5e-324", 60_000), many("1e308", 80_000)]) {
      const made = await createRaw(fields);
      if (made.status === 422) continue;
      expect(made.status, made.text.slice(0, 300)).toBe(201);
      expect((await space.ask("GET", `entries/${made.body.id}`)).status).toBe(200);
      await space.must("DELETE", `entries/${made.body.id}`);
    }
  });

  test("512 KiB of fields, and one byte more", async () => {
    const limit = 512 * 1024;
    const fits = `{"any":"${"x".repeat(limit - 10)}"}`;
    expect(Buffer.byteLength(fits)).toBe(limit);
    const made = await createRaw(fits);
    expect(made.status).toBe(201);
    await untouched(async () => {
      expectRefusal(await createRaw(`{"any":"${"x".repeat(limit - 9)}"}`), 422, "fields-too-large", {
        pointer: "/fields",
      });
      expectRefusal(await createRaw(`{"any":"${"é".repeat(limit / 2)}"}`), 422, "fields-too-large");
      // Each part is small; together they are not.
      expectRefusal(
        await space.ask("PATCH", `entries/${made.body.id}`, { body: { fields: { text: "more" } } }),
        422,
        "fields-too-large",
      );
    });
    await space.must("DELETE", `entries/${made.body.id}`);
  });

  test("32 deep is not too deep", async () => {
    const nested = (levels: number) => `{"any":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    const made = await createRaw(nested(30));
    expect(made.status, made.text).toBe(201);
    expect((await space.must("GET", `entries/${made.body.id}`)).text).toContain("[".repeat(30));
    expectRefusal(await createRaw(nested(31)), 400, "malformed-json");
  });

  test("an unknown type, and types that JavaScript would find", async () => {
    await untouched(() =>
      all(["nowhere", "constructor", "prototype", "tostring"], async (type) => {
        expectRefusal(await space.ask("POST", "entries", { body: { type, fields: {} } }), 422, "type-unknown", {
          pointer: "/type",
        });
        expectRefusal(await space.ask("PUT", "entries/new", { body: { type, fields: {} } }), 422, "type-unknown", {
          pointer: "/type",
        });
        expect((await space.ask("GET", `types/${type}`)).status).toBe(404);
      }),
    );
  });

  test("references to nothing: a draft may have them, a publication not", async () => {
    const made = await create({ ref: "nobody", refs: ["there", "gone"] }, { id: "pointing" });
    expect(made.status).toBe(201);
    await untouched(async () => {
      const refused = await space.ask("POST", "entries/pointing/publish");
      expectRefusal(refused, 422, "reference-missing", { pointer: "/fields/ref", code: "reference-missing" });
      expectRefusal(refused, 422, "reference-missing", { pointer: "/fields/refs/1" });
      expect(refused.body.errors).toHaveLength(2);
      expectRefusal(await create({ ref: "nobody" }, { publish: true }), 422, "reference-missing", {
        pointer: "/fields/ref",
      });
    });
    await space.must("PUT", "entries/other", { body: { type: "free", fields: {} } });
    await space.must("PATCH", "entries/pointing", { body: { fields: { ref: "other", refs: null } } });
    // There, but of another type.
    expectRefusal(await space.ask("POST", "entries/pointing/publish"), 422, "reference-missing", {
      pointer: "/fields/ref",
    });
    await space.must("PATCH", "entries/pointing", { body: { fields: { ref: "pointing" } } });
    expect((await space.must("POST", "entries/pointing/publish")).body.status).toBe("published");
  });
});

describe("names and slugs", () => {
  test("slugs of every kind that is allowed", async () => {
    const slugs = [
      "😀".repeat(200),
      "\u{10ffff}".repeat(200),
      "%41",
      "..",
      ".",
      " ",
      "a b",
      "ü",
      "e\u0301",
      "__proto__",
      "null",
      "-",
      "\u202e",
      "a\\b",
      '"',
      "'",
      "a&b=c",
      "+",
      "@at",
      "\ufeff",
      "\u2028",
    ];
    await all(slugs, async (slug) => {
      const made = await create({}, { slug });
      expect([slug, made.status], made.text).toEqual([slug, 201]);
      expect(made.body.slug).toBe(slug);
    });
    await untouched(() => all(slugs, async (slug) => expectRefusal(await create({}, { slug }), 409, "slug-taken")));
  });

  test("ids of every kind that is allowed", async () => {
    await all(["constructor", "toString", "0", "x".repeat(64), "A.b_c:d-e", "NULL", "a..b"], async (id) => {
      const made = await create({}, { id });
      expect([id, made.status], made.text).toEqual([id, 201]);
      expect(made.headers.get("location")).toBe(`/v1/spaces/${space.id}/entries/${id}`);
      expect((await space.must("GET", `entries/${encodeURIComponent(id)}`)).body.id).toBe(id);
    });
  });

  test("addresses with anything in place of an id", async () => {
    const hostile = [
      "%00",
      "%2F",
      "a%2Fb",
      "%ED%A0%80",
      "%FF",
      "%",
      "%zz",
      "%u0041",
      "..%2f..%2fspaces",
      "__proto__",
      "a%0Ab",
      "%F0%9F%98%80",
      "x".repeat(65),
      "x".repeat(8_000),
      "a;b",
      "a%3Fb",
      "*",
      "'--",
      "$%7Bx%7D",
    ];
    await untouched(async () => {
      for (const base of ["entries", "types", "keys"]) {
        await all(hostile, async (each) => {
          const path = `/v1/spaces/${space.id}/${base}/${each}`;
          for (const method of base === "entries" ? ["GET", "PATCH", "DELETE"] : ["GET", "DELETE"]) {
            const patch =
              method === "PATCH" ? { headers: { "content-type": "application/merge-patch+json" }, chunks: ["{}"] } : {};
            const answer = await wire(method, path, {
              ...patch,
              headers: { ...patch.headers, authorization: `Bearer ${space.key}` },
            });
            check(answer, method, path);
            expect(base === "keys" && method === "GET" ? [404, 405] : [404], path.slice(0, 100)).toContain(
              answer.status,
            );
          }
        });
      }
    });
  });

  test("an id may be written with percent signs, and means the same", async () => {
    const answer = await wire("GET", `/v1/spaces/${space.id}/entries/%74here`, {
      headers: { authorization: `Bearer ${space.key}` },
    });
    expect([answer.status, answer.body.id]).toEqual([200, "there"]);
    const twice = await wire("GET", `/v1/spaces/${space.id}/entries/%2574here`, {
      headers: { authorization: `Bearer ${space.key}` },
    });
    expect(twice.status).toBe(404);
  });
});

describe("schemas", () => {
  const save = (properties: unknown, more: object = {}): Promise<Answer> =>
    space.ask("PUT", "types/new", { body: { name: "New", schema: { type: "object", properties, ...more } } });
  const refused = async (answer: Promise<Answer>, place?: Place): Promise<void> =>
    expectRefusal(await answer, 422, "schema-unsupported", place);

  test("keywords that are not supported are named, wherever they stand", async () => {
    const keywords: Readonly<Record<string, Json>> = {
      $ref: "#/x",
      $defs: {},
      $id: "x",
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $anchor: "a",
      $dynamicRef: "#a",
      $comment: "x",
      $vocabulary: {},
      allOf: [{}],
      not: {},
      if: {},
      else: {},
      contains: {},
      minContains: 1,
      maxContains: 1,
      prefixItems: [{}],
      additionalItems: false,
      patternProperties: {},
      propertyNames: {},
      dependentSchemas: {},
      dependentRequired: {},
      dependencies: {},
      unevaluatedProperties: false,
      unevaluatedItems: false,
      minProperties: 1,
      maxProperties: 1,
      examples: [],
      readOnly: true,
      writeOnly: true,
      deprecated: true,
      contentEncoding: "base64",
      contentMediaType: "text/html",
      contentSchema: {},
      nullable: true,
      "x-unknown": true,
      id: "x",
      definitions: {},
      constructor: {},
      toString: 1,
      Type: "string",
    };
    await untouched(async () => {
      await all([...Object.entries(keywords), ["then", {}] as const], async ([name, value]) => {
        const odd = { [name]: value };
        const inside = { type: "array", items: { anyOf: [{}, { properties: { b: odd } }] } };
        const answer = await save({ a: odd, c: inside }, odd);
        for (const at of ["", "/properties/a", "/properties/c/items/anyOf/1/properties/b"])
          expectRefusal(answer, 422, "schema-unsupported", {
            pointer: `/schema${at}/${name}`,
            code: "keyword-unsupported",
          });
      });
      const raw = '{"name":"New","schema":{"type":"object","properties":{"a":{"__proto__":{"type":"string"}}}}}';
      await refused(space.ask("PUT", "types/new", { raw }), { pointer: "/schema/properties/a/__proto__" });
    });
  });

  test("keywords with values that they cannot have", async () => {
    const wrong: readonly (readonly [string, readonly Json[]])[] = [
      ["type", ["text", "String", "", null, 1, [], ["string", "string"], [1], {}, "constructor"]],
      ["required", ["a", [1], ["a", "a"], {}, null]],
      ["enum", [[], "a", {}, null]],
      ["minimum", ["1", null, {}]],
      ["multipleOf", [0, -1, "1"]],
      ["minLength", [-1, 1.5, "1", null, 1e300]],
      ["maxItems", [-1, "x"]],
      ["uniqueItems", ["true", 1, null]],
      ["pattern", [1, null, {}]],
      ["format", ["ipv4", "regex", "", null, 1, "constructor", "Date"]],
      ["title", [1, null]],
      ["properties", [[], null, "x", { a: true }, { a: null }, { a: [] }]],
      ["additionalProperties", [null, 1, "x", []]],
      ["items", [true, false, null, [], "x"]],
      ["anyOf", [[], {}, null, [1], [true]]],
      ["oneOf", [[], "x"]],
      ["x-localized", ["true", 1, null]],
      ["x-indexed", [1, "yes"]],
      ["x-searchable", [{}, null]],
      ["x-reference", [true, "", "A", "a b", "__proto__", ["a"], null]],
    ];
    await untouched(() =>
      all(wrong, async ([name, values]) =>
        all(values, async (value) =>
          refused(save({ a: { type: "string", ...(name === "items" ? { type: "array" } : {}), [name]: value } })),
        ),
      ),
    );
  });

  test("x- keywords where they do not belong", async () => {
    await untouched(async () => {
      await refused(save({ a: { "x-indexed": true } }), { pointer: "/schema/properties/a/x-indexed" });
      await refused(save({ a: { type: "object", "x-indexed": true } }));
      await refused(save({ a: { type: ["string", "number"], "x-indexed": true } }));
      await refused(save({ a: { type: "number", "x-searchable": true } }));
      await refused(save({ a: { type: "number", "x-reference": "all" } }));
      await refused(save({ a: { type: "string", "x-reference": "all", "x-localized": true } }));
      await refused(save({ a: { type: "array", "x-reference": "all" } }));
      await refused(save({ a: { type: "object", properties: { b: { type: "string", "x-indexed": true } } } }), {
        pointer: "/schema/properties/a/properties/b/x-indexed",
      });
      await refused(save({ a: { anyOf: [{ type: "string", "x-localized": true }] } }));
      await refused(save({}, { "x-localized": true }), { pointer: "/schema/x-localized" });
    });
  });

  test("names that fields cannot have", async () => {
    const reserved = [
      "id",
      "type",
      "slug",
      "locale",
      "status",
      "createdAt",
      "updatedAt",
      "publishedAt",
      "version",
      "position",
      "fields",
      "included",
      "or",
      "and",
      "not",
    ];
    const names = [...reserved, "", "1a", "_a", "a-b", "a.b", "a b", "é", "a/b", "$a", "@a", "x".repeat(65), "a\n"];
    await untouched(async () => {
      await all(names, async (name) =>
        refused(save({ [name]: { type: "string" } }), {
          pointer: `/schema/properties/${name.replaceAll("/", "~1")}`,
          code: "field-name",
        }),
      );
      await refused(
        space.ask("PUT", "types/new", {
          raw: '{"name":"New","schema":{"type":"object","properties":{"__proto__":{"type":"string"}}}}',
        }),
        { pointer: "/schema/properties/__proto__" },
      );
      await refused(save({}, { required: ["__proto__"] }));
      await refused(save({}, { required: ["id"] }));
      await refused(space.ask("PUT", "types/new", { body: { name: "New", schema: {} } }));
      await refused(
        space.ask("PUT", "types/new", { body: { name: "New", schema: { type: "string", properties: {} } } }),
      );
    });
    for (const name of ["a", "A", "x".repeat(64), "constructor", "toString", "valueOf", "hasOwnProperty", "a1_B"])
      expect((await save({ [name]: { type: "string", "x-indexed": true } })).status, name).toBeLessThan(300);
  });

  test("text that cannot be stored, in a schema", async () => {
    const schemas = [
      '{"a":{"title":"\\u0000"}}',
      '{"a":{"enum":["\\ud800"]}}',
      '{"a":{"const":{"\\u0000":1}}}',
      '{"a":{"default":["\\udc00"]}}',
      '{"a\\u0000":{}}',
      '{"\\ud800":{}}',
      '{"a":{"pattern":"\\u0000"}}',
    ];
    await untouched(() =>
      all(schemas, async (properties) =>
        expectRefusal(
          await space.ask("PUT", "types/new", {
            raw: `{"name":"New","schema":{"type":"object","properties":${properties}}}`,
          }),
          422,
          "text-not-storable",
        ),
      ),
    );
  });

  test("patterns that cannot be run in linear time, or at all", async () => {
    const patterns = [
      "(a)\\1",
      "(?=a)",
      "(?!a)",
      "(?<=a)b",
      "(?<!a)b",
      "(?<n>a)\\k<n>",
      "(",
      "[",
      "a{2,1}",
      "*",
      "a**",
      "\\",
      "(?",
      "[b-a]",
      "\\p{Nothing}",
      "(a{1000}){1000}",
      "((a{100}){100}){100}",
      "a{1,99999}",
      "a".repeat(1_001),
      "(?i)a(?-i)",
      "\\u{110000}",
    ];
    await untouched(() =>
      all(patterns, async (pattern) =>
        refused(save({ a: { type: "string", pattern } }), { pointer: "/schema/properties/a/pattern" }),
      ),
    );
  });

  test("patterns that would run away elsewhere", async () => {
    const patterns = ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$", "(.*a){20}"];
    await space.must("PUT", "types/runaway", {
      body: {
        name: "R",
        schema: {
          type: "object",
          properties: Object.fromEntries(patterns.map((pattern, i) => [`p${i}`, { type: "string", pattern }])),
        },
      },
    });
    const started = performance.now();
    const long = `${"a".repeat(50_000)}!`;
    for (const [i] of patterns.entries()) {
      const answer = await space.ask("POST", "entries", { body: { type: "runaway", fields: { [`p${i}`]: long } } });
      expect([201, 422], answer.text.slice(0, 200)).toContain(answer.status);
    }
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("indexes of fields that are none", async () => {
    const indexed = (indexes: Json) =>
      space.ask("PUT", "types/new", {
        body: {
          name: "New",
          schema: {
            type: "object",
            properties: {
              a: { type: "string", "x-indexed": true },
              b: { type: "number", "x-indexed": true },
              plain: text,
              tags: { type: "array", items: text, "x-indexed": true },
            },
          },
          indexes,
        },
      });
    await untouched(() =>
      all<Json>(
        [
          [[]],
          [["a"], ["a"], ["b"], ["-a"], ["-b"]],
          [["unknown"]],
          [["plain"]],
          [["tags"]],
          [["a", "a"]],
          [["a", "-a"]],
          [["--a"]],
          [["+a"]],
          [[""]],
          [["__proto__"]],
          [["constructor"]],
          [["a", "b", "a", "b", "a"]],
          [["a"], ["a"]],
          [["id"]],
          [["a "]],
        ],
        async (indexes) => refused(indexed(indexes)),
      ),
    );
  });

  test("slots: eight for numbers and sixteen for text, one a locale", async () => {
    const fields = (n: number, field: object) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, { ...field, "x-indexed": true }]));
    await untouched(async () => {
      await refused(save(fields(9, { type: "number" })), { pointer: "/schema/properties/f8" });
      await refused(save(fields(9, { type: "boolean" })));
      await refused(save(fields(9, { ...text, format: "date-time" })));
      await refused(save(fields(17, text)), { pointer: "/schema/properties/f16" });
      await refused(save(fields(9, { ...text, "x-localized": true })), { pointer: "/schema/properties/f8" });
      await refused(save(fields(5, { type: "number", "x-localized": true })));
      await refused(
        save(Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`r${i}`, { ...text, "x-reference": "all" }]))),
      );
    });
    const made = await space.ask("PUT", "types/slots", {
      body: {
        name: "S",
        schema: {
          type: "object",
          properties: {
            ...fields(8, { type: "number" }),
            ...Object.fromEntries(
              Array.from({ length: 8 }, (_, i) => [`t${i}`, { ...text, "x-localized": true, "x-indexed": true }]),
            ),
          },
        },
      },
    });
    expect(made.status, made.text).toBe(201);
  });

  test("too much schema", async () => {
    const many = (n: number, schema: object) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, schema]));
    await untouched(async () => {
      await refused(save(many(251, {})));
      await refused(save({ a: { anyOf: Array.from({ length: 2_001 }, () => ({})) } }));
      await refused(save({ a: { enum: Array.from({ length: 1_001 }, (_, i) => i) } }));
      await refused(save({ a: { description: "x".repeat(128 * 1024) } }));
    });
  });
});

describe("what an index cannot hold as it is", () => {
  test("four thousand random characters in every slot, and in a composite of four", async () => {
    const names = ["a", "b", "c", "d"];
    await space.must("PUT", "types/wide", {
      body: {
        name: "W",
        schema: {
          type: "object",
          properties: {
            ...Object.fromEntries(names.map((name) => [name, { ...text, "x-indexed": true }])),
            w: { ...text, "x-localized": true, "x-indexed": true },
            list: { type: "array", items: text, "x-indexed": true },
          },
        },
        indexes: [names, ["-a", "-b", "-c", "-d"], ["w", "-a"]],
      },
    });
    let seed = 20_260_101;
    const next = (n: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % n;
    };
    const random = (n: number, from: number, count: number) =>
      Array.from({ length: n }, () => String.fromCodePoint(from + next(count))).join("");
    for (const [from, count] of [
      [0x10000, 0xf0000],
      [0x4e00, 0x5000],
      [0x21, 0x5e],
      [1, 0x1f],
    ] as const) {
      const long = () => random(4_000, from, count);
      const fields = {
        a: long(),
        b: long(),
        c: long(),
        d: long(),
        w: { en: long(), fr: long() },
        list: [long(), long()],
      };
      const made = await space.ask("POST", "entries", { body: { type: "wide", fields, publish: true } });
      expect(made.status, made.text.slice(0, 300)).toBe(201);
      expect((await space.must("GET", `entries/${made.body.id}`)).body.fields).toEqual(fields);
      expect(
        (await space.must("PATCH", `entries/${made.body.id}`, { body: { fields: { a: long() } } })).body.status,
      ).toBe("changed");
      await space.must("DELETE", `entries/${made.body.id}`);
    }
  });

  test("more indexed values than an entry may have", async () => {
    await space.must("PUT", "types/listed", {
      body: {
        name: "L",
        schema: {
          type: "object",
          properties: {
            refs: { type: "array", items: { ...text, "x-reference": "all" } },
            tags: { type: "array", items: { type: "number" }, "x-indexed": true },
          },
        },
      },
    });
    const list = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));
    await untouched(async () => {
      expectRefusal(
        await space.ask("POST", "entries", { body: { type: "listed", fields: { tags: list(2_001, (i) => i) } } }),
        422,
        "schema-violation",
        { pointer: "/fields" },
      );
      expectRefusal(
        await space.ask("POST", "entries", { body: { type: "listed", fields: { refs: list(2_001, (i) => `r${i}`) } } }),
        422,
        "schema-violation",
        { pointer: "/fields" },
      );
      // Each missing target is told, up to a bound.
      const refused = await space.ask("POST", "entries", {
        body: { type: "listed", fields: { refs: list(2_000, (i) => `r${i}`) }, publish: true },
      });
      expectRefusal(refused, 422, "reference-missing", { pointer: "/fields/refs/0" });
      expect(refused.text.length).toBeLessThan(512_000);
    });
    expect(
      (
        await space.ask("POST", "entries", {
          body: { type: "listed", fields: { tags: list(2_000, (i) => i) }, publish: true },
        })
      ).status,
    ).toBe(201);
  });
});

describe("values that take long to judge", () => {
  const many = (n: number, of: (i: number) => string): string =>
    `[${Array.from({ length: n }, (_, i) => of(i)).join(",")}]`;
  const twice = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);
  const cases: readonly (readonly [string, JsonObject, string])[] = [
    ["different numbers", { type: "array", uniqueItems: true }, many(70_000, String)],
    ["equal lists", { type: "array", uniqueItems: true }, many(60_000, () => "[[[]]]")],
    ["different objects", { type: "array", uniqueItems: true }, many(15_000, (i) => `{"a":{"b":${i}}}`)],
    [
      "objects against a thousand objects",
      { type: "array", items: { enum: [...Array.from({ length: 999 }, (_, a) => ({ a })), {}] } },
      many(150_000, () => "{}"),
    ],
    [
      "alternatives in alternatives",
      { type: "array", items: { anyOf: twice(40, { oneOf: twice(40, { minimum: 5 }) }) } },
      many(100_000, () => "1"),
    ],
    [
      "a thousand patterns",
      { anyOf: twice(1_000, { type: "string", pattern: "(.*a){20}$" }) },
      `"${"b".repeat(100_000)}"`,
    ],
    ["long patterns", { anyOf: twice(1_900, { pattern: ".{0,1000}$" }) }, `"${"x".repeat(100_000)}"`],
    [
      "addresses",
      { anyOf: [{ format: "uri" }, { format: "email" }, { format: "date-time" }] },
      `"http://${"a.%41:@".repeat(60_000)}"`,
    ],
  ];
  test.each(cases)(
    "%s: accepted, or refused with its reason, and never the end of the isolate",
    async (name, schema, values) => {
      const engine = schemaEngine();
      const whole: JsonObject = { type: "object", properties: { any: schema } };
      const refused = checkSchema(whole, engine.measurePattern).length > 0;
      const type = name.replaceAll(" ", "-");
      const saved = await space.ask("PUT", `types/${type}`, { body: { name, schema: whole } });
      expect(saved.status, saved.text.slice(0, 300)).toBe(refused ? 422 : 201);
      const answer = await space.ask("POST", "entries", { raw: `{"type":"${type}","fields":{"any":${values}}}` });
      expect([201, 422], answer.text.slice(0, 300)).toContain(answer.status);
    },
  );
});

describe("requests that are odd on the wire", () => {
  const authorization = () => ({ authorization: `Bearer ${space.key}` });

  test("a body on GET and HEAD is not looked at", async () => {
    for (const method of ["GET", "HEAD"]) {
      for (const body of ["{", '{"type":"all"}', "x".repeat(100_000)]) {
        const answer = await wire(method, `/v1/spaces/${space.id}/entries/there`, {
          headers: { ...authorization(), "content-type": "application/json", "content-length": String(body.length) },
          chunks: [body],
        });
        expect([method, answer.status]).toEqual([method, 200]);
      }
    }
  });

  test("large headers", async () => {
    const big: Readonly<Record<string, string>> = {
      "if-none-match": Array.from({ length: 600 }, (_, i) => `"${i}"`).join(", "),
      prefer: "a=b, ".repeat(1_500),
      accept: "text/html, ".repeat(600),
      "x-anything": "y".repeat(8_000),
      traceparent: "0".repeat(8_000),
      cookie: "a=b; ".repeat(1_000),
    };
    for (const [name, value] of Object.entries(big)) {
      const answer = await space.ask("GET", "entries/there", { headers: { [name]: value } });
      expect([name, answer.status]).toEqual([name, 200]);
    }
    expectRefusal(
      await space.ask("PUT", "entries/there", {
        body: draft({ text: "there" }),
        headers: { "idempotency-key": "k".repeat(8_000) },
      }),
      400,
      "idempotency-key-invalid",
    );
    expectRefusal(
      await space.ask("GET", "types", { headers: { authorization: `Bearer ${"m".repeat(8_000)}` } }),
      401,
      "credentials-invalid",
    );
  });

  test("long and many parameters", async () => {
    for (const query of [
      `cursor=${"x".repeat(8_000)}`,
      Array.from({ length: 500 }, (_, i) => `a${i}=1`).join("&"),
      "limit=1&limit=2",
      "limit=",
      "limit=0",
      "limit=1001",
      "limit=1e2",
      "limit=-1",
      "limit=%00",
      "cursor=%00",
      "cursor=%ED%A0%80",
      "cursor=",
      "&",
      "=",
      "=1",
      "a",
      "%00=1",
      "limit=1&cursor=a.b",
      "limit=٣",
    ]) {
      const answer = await space.ask("GET", `keys?${query}`);
      expect(query === "&" ? [200] : [400], `${query.slice(0, 60)} ${answer.text.slice(0, 200)}`).toContain(
        answer.status,
      );
      const spaces = await askChecked("GET", `/v1/spaces?${query}`, { key: rootKey() });
      expect(query === "&" ? [200] : [400], `${query.slice(0, 60)} ${spaces.text.slice(0, 200)}`).toContain(
        spaces.status,
      );
    }
  });

  test("preferences that cannot be understood are ignored", async () => {
    for (const prefer of [
      "",
      ";",
      "count=",
      'a="',
      "respond-async; wait=10",
      "return=minimal",
      "\u00e9",
      "handling=strict, tx=rollback",
    ])
      expect((await space.ask("GET", "entries/there", { headers: { prefer } })).status, prefer).toBe(200);
  });
});

describe("afterwards", () => {
  afterAll(async () => {
    expect((await askChecked("GET", `/v1/spaces/${space.id}`, { key: rootKey() })).status).toBe(200);
  });

  test("nothing was changed behind anybody's back", async () => {
    const there = await space.must("GET", "entries/there");
    expect(there.body).toMatchObject({ version: 1, status: "draft", slug: null, fields: { text: "there" } });
    expect((await space.ask("GET", "entries/new")).status).toBe(404);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const settings = await askChecked("GET", `/v1/spaces/${space.id}`, { key: rootKey() });
    expect(settings.body).toMatchObject({
      name: space.id,
      publicRead: false,
      plan: "scale",
      limits: {},
      clientMaxAge: null,
      edgeOutsideResidency: true,
    });
  });
});
