// The key of a kept answer: one question, one key; another question, tenant or right, another key.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { questionOf } from "../../src/http/edge/question.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { keyOf, spreadOf } from "../../src/platform/edge-cache/key.ts";
import { contentRoutes } from "../support/content-routes.ts";

const parts = fc.record({
  space: fc.record({ uid: fc.integer({ min: 1, max: 30 }).map(spaceUid), epoch: fc.integer({ min: 1, max: 30 }) }),
  audience: fc.constantFrom("public" as const, "read" as const),
  operation: fc.constantFrom("getContent", "listContent"),
  names: fc.array(fc.string({ unit: fc.constantFrom("1", ":", "a", ".", "/", "é"), maxLength: 4 }), { maxLength: 3 }),
  query: fc.string({ unit: fc.constantFrom("1", ":", "a", "=", "&"), maxLength: 6 }),
  count: fc.constantFrom("", "exact", "estimated"),
});

describe("keyOf", () => {
  test("is injective: equal keys mean equal tenant, rights and question", () => {
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(keyOf(one) === keyOf(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 20_000 },
    );
  });

  test("does not run names into each other, or into the query", () => {
    const base = { space: { uid: spaceUid(1), epoch: 1 }, audience: "public" as const, operation: "x", count: "" };
    const keys = [
      keyOf({ ...base, names: ["ab", "c"], query: "" }),
      keyOf({ ...base, names: ["a", "bc"], query: "" }),
      keyOf({ ...base, names: ["abc"], query: "" }),
      keyOf({ ...base, names: [], query: "abc" }),
      keyOf({ ...base, names: ["ab"], query: "c" }),
      keyOf({ ...base, space: { uid: spaceUid(11), epoch: 1 }, names: ["ab", "c"], query: "" }),
      keyOf({ ...base, space: { uid: spaceUid(1), epoch: 11 }, names: ["ab", "c"], query: "" }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("spreads keys over [0, 1)", () => {
    const spread = Array.from({ length: 1_000 }, (_, at) => spreadOf(`key ${at}`));
    expect(Math.min(...spread)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...spread)).toBeLessThan(1);
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const within = spread.filter((each) => Math.floor(each * 4) === quarter).length;
      expect(within).toBeGreaterThan(150);
    }
  });
});

describe("a question", () => {
  const { list, one } = contentRoutes;
  const space = { id: "s", uid: spaceUid(1), epoch: 1, residency: "us" };
  const keyed = (query: string, over: object = {}) =>
    questionOf({
      route: list,
      space,
      publicRead: true,
      defaultLocale: "en",
      params: { space: "s", type: "city" },
      query: new URLSearchParams(query),
      prefer: {},
      ...over,
    });

  test.each([
    ["sort=name&limit=5", "limit=5&sort=name"],
    ["limit=20&locale=en&perspective=published", ""],
    ["fields=b,a,b", "fields=a,b"],
    ["include=country,mayor", "include=mayor,country"],
    ["filter[a]=1&filter[b]=2", "filter[b]=2&filter[a]=1"],
    ["filter%5Ba%5D=1", "filter[a]=1"],
  ])("%s is the same as %s", (left, right) => {
    expect(keyed(left)?.key).toBe(keyed(right)?.key);
  });

  test.each([
    ["limit=5", "limit=50"],
    ["locale=fr", "locale=en"],
    ["sort=a,b", "sort=b,a"],
    ["filter[a]=1,2", "filter[a]=2,1"],
    ["filter[a]=1", "filter[a]=1&filter[a]=1"],
    // The second is refused: leaving the default out would hide that it is there twice.
    ["locale=en", "locale=en&locale=en"],
    ["filter[a]=x%26b%3D1", "filter[a]=x&b=1"],
  ])("%s is another than %s", (left, right) => {
    expect(keyed(left)?.key).not.toBe(keyed(right)?.key);
  });

  test("of another audience, type, operation, count or life of the space is another", () => {
    const keys = [
      keyed(""),
      keyed("", { publicRead: false }),
      keyed("", { params: { space: "s", type: "town" } }),
      keyed("", { route: one, params: { space: "s", type: "city", name: "x" } }),
      keyed("", { prefer: { count: "exact" } }),
      keyed("", { prefer: { count: "estimated" } }),
      keyed("", { space: { ...space, epoch: 2 } }),
      keyed("", { space: { ...space, uid: spaceUid(2) } }),
    ].map((each) => each?.key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("about drafts, or a page after the first, is not kept", () => {
    expect(keyed("perspective=draft")).toBeUndefined();
    expect(keyed("cursor=abc")).toBeUndefined();
  });

  test("reads back as what was asked", () => {
    const query = "filter[name][startsWith]=A%26B&sort=-population&locale=fr&include=b,a";
    const back = new URLSearchParams(keyed(query)?.question.query);
    expect(Object.fromEntries(back)).toEqual({
      "filter[name][startsWith]": "A&B",
      sort: "-population",
      locale: "fr",
      include: "a,b",
    });
  });
});
