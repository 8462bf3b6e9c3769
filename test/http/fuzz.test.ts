// Whatever is sent, generated and seeded: an answer of the contract, never a 5xx, and nothing written that was not acknowledged.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { wire } from "../support/wire.ts";
import { askChecked, check, headOf, witnessed } from "../support/witness.ts";

/** MERIDIAN_FUZZ=20 looks twenty times as long, elsewhere. */
const TIMES = Number(process.env.MERIDIAN_FUZZ ?? 1);
const SEED = 20_260_101 * TIMES;
const bounded = (numRuns: number) => ({ seed: SEED, numRuns: numRuns * TIMES, endOnFailure: true });

let space: Space;
let start: number;
/** Positions that acknowledged writes took. */
const taken = new Set<number>();

const names = [
  "type",
  "id",
  "slug",
  "fields",
  "publish",
  "name",
  "schema",
  "indexes",
  "scopes",
  "expiresAt",
  "overlapSeconds",
  "en",
  "fr",
  "country",
  "population",
  "tags",
  "note",
  "__proto__",
  "constructor",
  "toString",
  "",
  "a/b",
  "a~b",
  "$ref",
  "properties",
  "x-indexed",
  "x-reference",
];
const strings = [
  "",
  "city",
  "country",
  "paris",
  "en",
  "object",
  "string",
  "array",
  "content:read",
  "2999-01-01T00:00:00Z",
  "\u0000",
  "\ud800",
  "\udc00\ud800",
  "😀",
  "\uffff",
  "'",
  "\\",
  "%00",
  "../..",
  "x".repeat(300),
  "null",
  "__proto__",
  "NaN",
  "-0",
  "(a+)+$",
];
const numbers = [
  "0",
  "-0",
  "1",
  "-1",
  "1.5",
  "1e308",
  "1e400",
  "-1e400",
  "5e-324",
  "1e-400",
  "9007199254740991",
  "9007199254740993",
  "123456789012345680000",
  "01",
  ".5",
  "+1",
  "1e",
  "0x1",
];
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...strings) },
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)), maxLength: 8 }),
);
/** Names of JSON texts, lone surrogates escaped as JSON.stringify does. */
const member = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, text).map((name) => JSON.stringify(name));
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom("null", "true", "false"),
    fc.constantFrom(...numbers),
    text.map((each) => JSON.stringify(each)),
    fc.array(tie("json"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    // Members may come twice.
    fc
      .array(fc.tuple(member, tie("json")), { maxLength: 5 })
      .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`),
  ),
}));
/** A body that would do, with some of its members replaced by anything. */
const spoiled = (good: Readonly<Record<string, unknown>>) =>
  fc
    .tuple(
      ...Object.entries(good).map(([name, value]) =>
        fc
          .oneof({ weight: 4, arbitrary: fc.constant(JSON.stringify(value)) }, json)
          .map((each) => `${JSON.stringify(name)}:${each}`),
      ),
      fc.option(fc.tuple(member, json), { freq: 8 }),
    )
    .map((parts) => {
      const members = parts.flatMap((part) => (part === null ? [] : Array.isArray(part) ? [part.join(":")] : [part]));
      return `{${members.join(",")}}`;
    });

const operations: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  [
    "POST",
    "entries",
    { type: "city", slug: "fuzz", fields: { name: { en: "Fuzz" }, country: "fr", tags: ["a"] }, publish: false },
  ],
  ["PUT", "entries/fuzzed", { type: "city", slug: null, fields: { name: { en: "Fuzz" }, population: 1 } }],
  ["PATCH", "entries/fuzzed", { slug: "patched", fields: { name: { en: "Fuzz" }, note: "x" } }],
  [
    "PUT",
    "types/fuzzed",
    {
      name: "Fuzzed",
      schema: { type: "object", properties: { a: { type: "string" } } },
      indexes: [],
      requireIfMatch: false,
    },
  ],
  ["POST", "keys", { name: "Fuzz", scopes: ["content:read"], expiresAt: null }],
];

async function taking(answer: Promise<Answer>): Promise<Answer> {
  const { status, position, ...rest } = await answer;
  if (status < 300) taken.add(position);
  return { status, position, ...rest };
}

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: true }));
  await makeTypes(space);
  await space.must("PUT", "types/fuzzed", { body: { name: "F", schema: { type: "object", properties: {} } } });
  await space.must("PUT", "entries/fuzzed", { body: { type: "city", fields: { name: { en: "F" } } } });
  await space.must("POST", "entries", {
    body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
  });
  await space.must("POST", "entries", {
    body: {
      type: "city",
      id: "paris",
      slug: "ville",
      fields: { name: { en: "Paris" }, population: 1, country: "fr", tags: ["a"] },
      publish: true,
    },
  });
  start = await headOf(space);
});

describe("bodies", () => {
  test.each(operations)("%s %s", async (method, path, good) => {
    await fc.assert(
      fc.asyncProperty(fc.array(spoiled(good), { minLength: 6, maxLength: 6 }), async (bodies) => {
        await all(bodies, async (raw) => {
          const answer = await taking(space.ask(method, path, { raw }));
          expect(answer.status, raw).toBeLessThan(500);
        });
      }),
      bounded(6),
    );
  });

  test("fields: what is taken comes back as it was sent", async () => {
    await space
      .must("PUT", "types/any", { body: { name: "Any", schema: { type: "object", properties: { any: {} } } } })
      .then(({ position }) => taken.add(position));
    await fc.assert(
      fc.asyncProperty(fc.array(json, { minLength: 6, maxLength: 6 }), async (values) => {
        await all(values, async (value) => {
          const made = await taking(space.ask("POST", "entries", { raw: `{"type":"any","fields":{"any":${value}}}` }));
          expect([201, 400, 422], value).toContain(made.status);
          if (made.status !== 201) return;
          const sent = JSON.parse(value.replaceAll(/(?<=[[,:]|^)-0(?=[\],}]|$)/g, "0"));
          expect(made.body.fields.any).toEqual(sent);
          expect((await space.must("GET", `entries/${made.body.id}`)).body.fields.any).toEqual(sent);
        });
      }),
      bounded(6),
    );
  });

  test("bytes that are no JSON", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 6, maxLength: 6 }), async (bodies) => {
        await all(bodies, async (raw) =>
          expect([400, 422], Buffer.from(raw).toString("hex")).toContain(
            (await taking(space.ask("POST", "entries", { raw }))).status,
          ),
        );
      }),
      bounded(3),
    );
  });
});

describe("addresses", () => {
  const parameters = [
    "limit",
    "cursor",
    "sort",
    "fields",
    "include",
    "locale",
    "perspective",
    "type",
    "filter[name]",
    "filter[population][gt]",
    "filter[country.region]",
    "filter[or][0][name]",
    "filter[id][in]",
    "filter[tags][contains]",
    "filter[createdAt][lt]",
    "filter[slug][startsWith]",
    "filter[__proto__]",
    "filter[constructor][eq]",
    "filter[a][b][c]",
    "filter[]",
    "filter",
    "at",
    "release",
    "__proto__",
  ];
  const values = [
    "",
    "1",
    "-1",
    "0",
    "1001",
    "name",
    "-name,population",
    "country",
    "country.borders",
    "fr",
    "*",
    "draft",
    "city",
    "a,b",
    "a\\,b",
    "\\",
    "1e999",
    "%",
    "😀",
    "\u0000",
    "true",
    "2026-01-01T00:00:00Z",
    "null",
    "[]",
    "'",
    "x".repeat(2_000),
  ];
  const query = fc
    .array(
      fc.tuple(
        fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...parameters) }, text),
        fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...values) }, text),
      ),
      { maxLength: 4 },
    )
    .map((pairs) =>
      pairs
        .map(
          ([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
        )
        .join("&"),
    );

  test.each(["content/city", "content/city/paris", "entries", "keys", "types", "types/city", "entries/paris"])(
    "%s with any query",
    async (path) => {
      await fc.assert(
        fc.asyncProperty(fc.array(query, { minLength: 6, maxLength: 6 }), async (queries) => {
          await all(queries, async (each) => {
            const answer = await space.ask("GET", `${path}?${path === "entries" ? "type=city&" : ""}${each}`);
            expect([200, 400, 403, 404], each).toContain(answer.status);
          });
        }),
        bounded(5),
      );
    },
  );

  const segment = fc.oneof(
    fc.constantFrom(
      "v1",
      "spaces",
      "entries",
      "content",
      "types",
      "keys",
      "city",
      "paris",
      "publish",
      "rotate",
      "..",
      ".",
      "",
      "*",
      ":space",
      "%2F",
      "%00",
      "%",
      "%ED%A0%80",
      "%2e%2e",
      "constructor",
      "__proto__",
      "problems",
      "health",
      "openapi.json",
      "docs",
      "assets",
    ),
    fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.:;@!$&'()*+,=~%"), maxLength: 12 }),
  );

  test("any path, with any method", async () => {
    const method = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
    const path = fc.array(segment, { maxLength: 7 }).map((parts) => `/${parts.join("/")}`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(method, path, fc.boolean()), { minLength: 8, maxLength: 8 }),
        async (asked) => {
          await all(asked, async ([how, where, inside]) => {
            const full = inside ? `/v1/spaces/${space.id}${where}` : where;
            const answer = await wire(how, full, {
              headers: { authorization: "Bearer nobody", "content-length": "0" },
            });
            expect(answer.status, `${how} ${full}`).toBeLessThan(500);
            if (answer.headers.has("request-id"))
              check(
                answer,
                how,
                full.split("/").some((part) => /^\.\.?$|^(\.|%2e){1,2}$/i.test(part)) ? "/elsewhere" : full,
              );
          });
        },
      ),
      bounded(7),
    );
  });
});

describe("headers", () => {
  const header = fc.constantFrom(
    "if-match",
    "if-none-match",
    "idempotency-key",
    "meridian-at-least",
    "prefer",
    "accept",
    "content-type",
    "traceparent",
    "authorization",
    "origin",
    "range",
    "if-modified-since",
    "accept-encoding",
    "x-forwarded-for",
    "content-encoding",
  );
  const value = fc.oneof(
    fc.constantFrom(
      "*",
      '"1.1"',
      'W/"1.1"',
      '"',
      ",",
      ";",
      "0",
      "-1",
      "1e9",
      "application/json",
      "text/*",
      "count=exact",
      "Bearer x",
      "gzip",
      "bytes=0-1",
      '"a", "b"',
    ),
    fc
      .string({
        unit: fc
          .integer({ min: 0x20, max: 0xff })
          .filter((unit) => unit !== 0x7f)
          .map((unit) => String.fromCharCode(unit)),
        maxLength: 30,
      })
      .map((each) => each.trim()),
  );

  test("any of them, on reads and on a write that changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(header, value, { maxKeys: 3 }), { minLength: 6, maxLength: 6 }),
        async (sets) => {
          await all(sets, async (headers) => {
            for (const path of ["content/city", "entries/paris"]) {
              const read = await space.ask("GET", path, { headers });
              expect(read.status === 503 ? read.body.code : "", JSON.stringify(headers)).toMatch(
                /^(position-not-reached)?$/,
              );
            }
            const write = await taking(
              space.ask("PATCH", "entries/fr", {
                body: {},
                headers: { ...headers, "content-type": headers["content-type"] ?? "application/merge-patch+json" },
              }),
            );
            expect(write.status === 503 ? write.body.code : "", JSON.stringify(headers)).toMatch(
              /^(position-not-reached)?$/,
            );
          });
        },
      ),
      bounded(5),
    );
  });
});

afterAll(async () => {
  // Creations that publish take two positions and tell the second.
  const head = await headOf(space);
  const untold = Array.from({ length: head - start }, (_, i) => start + 1 + i).filter(
    (position) => !taken.has(position),
  );
  for (const position of untold)
    expect(taken, `position ${position} was taken by a write that was not acknowledged`).toContain(position + 1);
  expect((await askChecked("GET", `/v1/spaces/${space.id}/content/city/paris`)).body.fields.name).toBe("Paris");
});
