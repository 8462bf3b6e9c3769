// Every operator, sort and composite against the naive evaluation of random queries on random entries, page by page, with work
// budgets so small that every way through the statement is taken.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIST_PARAMETERS, listContent, readQueryText, type TypeShape } from "../../src/contexts/delivery/delivery.ts";
import type { WorkBudget } from "../../src/contexts/delivery/plan.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { cityComposed, country } from "../support/delivery-shapes.ts";
import { type DeliverySpace, get, openDeliverySpace, type Seed } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";
import { type Held, NaiveLists, type NaiveQuery } from "../support/naive-list.ts";

const ENTRIES = 260;
const LONG = "long ".repeat(60);
const TEXTS = [
  "",
  "a",
  "A",
  "ab",
  "b",
  "é",
  "e\u0301",
  "\uFFFD",
  "😀",
  "😀a",
  `${LONG}1`,
  `${LONG}2`,
  "\u{10FFFF}x",
  "%_\\",
  "o'neill",
  "a,b",
];
const TIMES = [
  "1999-12-31T23:59:59.999Z",
  "2000-01-01T00:00:00Z",
  "2000-01-01T01:00:00+01:00",
  "2024-02-29T12:00:00.5Z",
];
const NUMBERS = [-1.5, 0, 1, 2, 1e21, 5e-324, 1.7976931348623157e308];
const COUNTRIES = ["c0", "c1", "c2", "c3", "c4", "gone"];

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 4 });
const cityFields = fc
  .record({
    name: maybe(fc.record({ en: maybe(fc.constantFrom(...TEXTS)), fr: maybe(fc.constantFrom(...TEXTS)) })),
    population: maybe(fc.constantFrom(...NUMBERS)),
    capital: maybe(fc.boolean()),
    founded: maybe(fc.constantFrom(...TIMES)),
    country: maybe(fc.constantFrom(...COUNTRIES)),
    tags: maybe(fc.uniqueArray(fc.constantFrom("x", "y", "z", "a,b"), { maxLength: 3 })),
    neighbours: maybe(fc.uniqueArray(fc.constantFrom("n0", "n1", "n2", "none"), { maxLength: 2 })),
    code: maybe(fc.constantFrom<string | number | boolean>("1", 1, true, "true", "k")),
    scores: maybe(
      fc.record({ en: maybe(fc.uniqueArray(fc.constantFrom(1, 2, 3), { maxLength: 2 })), fr: maybe(fc.constant([3])) }),
    ),
  })
  .map((fields) => JSON.parse(JSON.stringify(fields)) as JsonObject);

const escaped = (text: string) => text.replaceAll("\\", "\\\\").replaceAll(",", "\\,");
const term = (path: string, value: fc.Arbitrary<string>, operators: readonly string[]) =>
  fc
    .constantFrom(...operators)
    .chain((operator) =>
      (operator === "exists"
        ? fc.constantFrom("true", "false")
        : operator === "in" || operator === "nin"
          ? fc.uniqueArray(value, { minLength: 1, maxLength: 3 }).map((each) => each.map(escaped).join(","))
          : value
      ).map((text) => ({ path, operator, value: text })),
    );
const SAME = ["eq", "ne", "in", "nin", "exists"];
const ORDERED = [...SAME, "gt", "gte", "lt", "lte"];
const anyTerm = fc.oneof(
  term("name", fc.constantFrom(...TEXTS), ORDERED),
  term("name", fc.constantFrom("", "a", "😀", "long ", "\uFFFD"), ["startsWith"]),
  term(
    "population",
    fc.constantFrom(...NUMBERS).map((n) => JSON.stringify(n)),
    ORDERED,
  ),
  term("capital", fc.constantFrom("true", "false"), SAME),
  term("founded", fc.constantFrom(...TIMES), ORDERED),
  term("country", fc.constantFrom(...COUNTRIES), SAME),
  term("tags", fc.constantFrom("x", "y", "z", "a,b", "q"), ["contains", "exists"]),
  term("code", fc.constantFrom("1", "true", "k"), SAME),
  term("scores", fc.constantFrom("1", "3"), ["contains", "exists"]),
  term("id", fc.constantFrom("n0", "m7", "zz"), ORDERED),
  term("slug", fc.constantFrom("s1", "s12", "s2"), ORDERED),
  term("country.region", fc.constantFrom("Europe", "Asia", `${LONG}1`), [...ORDERED, "startsWith"]),
  term("country.name", fc.constantFrom("Land", "Pays", "None"), SAME),
  term("country.borders", fc.constantFrom("c1", "c2"), ["contains", "exists"]),
  term("neighbours.population", fc.constantFrom("0", "1", "2"), ORDERED),
  term("neighbours.id", fc.constantFrom("n0", "n1"), SAME),
);
const ascending = (...names: string[]) => names.map((name) => ({ name, descending: false }));
const anySort = fc.oneof(
  fc
    .tuple(fc.constantFrom("name", "population", "capital", "founded", "country", "id", "slug"), fc.boolean())
    .map(([name, descending]) => [{ name, descending }]),
  fc.constantFrom(
    [],
    ascending("country"),
    [
      { name: "country", descending: false },
      { name: "population", descending: true },
    ],
    [
      { name: "capital", descending: true },
      { name: "name", descending: false },
    ],
    ascending("country", "capital", "founded"),
    [
      { name: "population", descending: false },
      { name: "name", descending: true },
    ],
  ),
);
const anyQuery: fc.Arbitrary<NaiveQuery> = fc
  .record({
    terms: fc.array(anyTerm, { maxLength: 3 }),
    groups: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      {
        weight: 1,
        arbitrary: fc.array(fc.array(anyTerm, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 3 }),
      },
    ),
    sort: anySort,
    locale: fc.constantFrom("en", "fr"),
    // A composite holds a localized field in the default locale only.
  })
  .map((query) =>
    query.sort.length > 1 && query.sort.some(({ name }) => name === "name") ? { ...query, locale: "en" } : query,
  );

let space: DeliverySpace;
const entries = new Map<string, Map<string, Held>>([
  ["city", new Map()],
  ["country", new Map()],
]);
const naive = new NaiveLists(
  new Map<string, TypeShape>([
    ["city", cityComposed],
    ["country", country],
  ]),
  entries,
);

beforeAll(async () => {
  space = await openDeliverySpace(stackHere(), [cityComposed, country]);
  const countries: Seed[] = COUNTRIES.slice(0, 5).map((id, at) => ({
    id,
    type: "country",
    fields: {
      name: at % 2 ? { en: "Land", fr: "Pays" } : { en: "Land" },
      ...(at === 4 ? {} : { region: at % 2 ? "Europe" : at === 2 ? `${LONG}1` : "Asia" }),
      borders: at % 2 ? ["c1", "c2"] : [],
    },
    publish: at !== 3,
  }));
  const cities: Seed[] = fc.sample(cityFields, { numRuns: ENTRIES, seed: 7 }).map((fields, at) => ({
    id: at < 3 ? `n${at}` : `m${at}`,
    type: "city",
    slug: at % 3 ? `s${at}` : null,
    fields,
    publish: at % 10 !== 9,
  }));
  for (let at = 0; at < cities.length; at += 100)
    await space.put([...(at === 0 ? countries : []), ...cities.slice(at, at + 100)]);
  for (const seed of [...countries, ...cities].filter(({ publish }) => publish))
    entries.get(seed.type)!.set(seed.id, { id: seed.id, slug: seed.slug ?? null, fields: seed.fields });
});
afterAll(() => space.close());

function paramsOf({ terms, groups, sort, locale }: NaiveQuery): [string, string][] {
  const params = new Map<string, string>([["locale", locale]]);
  for (const { path, operator, value } of terms) params.set(`filter[${path}][${operator}]`, value);
  for (const [at, group] of groups.entries()) {
    for (const { path, operator, value } of group) params.set(`filter[or][${at}][${path}][${operator}]`, value);
  }
  if (sort.length > 0)
    params.set("sort", sort.map(({ name, descending }) => (descending ? `-${name}` : name)).join(","));
  return [...params];
}

/** Every page of a walk; each has what it may have. */
async function walk(query: NaiveQuery, limit: number, budget: WorkBudget): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < 2_000; pages += 1) {
    const params = new URLSearchParams([
      ...paramsOf(query),
      ["limit", String(limit)],
      ...(cursor === null ? [] : [["cursor", cursor] as [string, string]]),
    ]);
    const { body, next } = get(
      await listContent(space.scope(["content:read"], { budget }), {
        type: "city",
        query: get(readQueryText(params, LIST_PARAMETERS)),
      }),
    );
    const page = body["page"] as { size: number; truncated?: string };
    expect(page.size === limit || next === null || page.truncated === "work").toBe(true);
    ids.push(...(body["data"] as { id: string }[]).map(({ id }) => id));
    if (next === null) return ids;
    cursor = next;
  }
  throw new Error("the walk does not end");
}

function unescaped(query: NaiveQuery): NaiveQuery {
  // The naive side splits lists at commas: inside values it is given another mark for them.
  const mend = (each: { path: string; operator: string; value: string }) =>
    each.operator === "in" || each.operator === "nin"
      ? { ...each, value: each.value.replaceAll("\\,", "\u0001").replaceAll("\\\\", "\\") }
      : each;
  return { ...query, terms: query.terms.map(mend), groups: query.groups.map((group) => group.map(mend)) };
}

async function check(query: NaiveQuery, limit: number, budget: WorkBudget): Promise<void> {
  // Two terms of one field and operator are one parameter: the later wins on both sides.
  const distinct = {
    ...query,
    terms: [...new Map(query.terms.map((each) => [`${each.path} ${each.operator}`, each])).values()],
    groups: query.groups.map((group) => [
      ...new Map(group.map((each) => [`${each.path} ${each.operator}`, each])).values(),
    ]),
  };
  const asked = unescaped(distinct);
  const all = [...entries.get("city")!.values()];
  const wanted = all.filter((held) => naive.matches("city", held, asked));
  const found = await walk(distinct, limit, budget);
  expect(found.toSorted()).toEqual(wanted.map(({ id }) => id).toSorted());
  const held = found.map((id) => entries.get("city")!.get(id)!);
  const ties = new Set<boolean>();
  held.slice(1).forEach((each, at) => {
    const order = naive.compare("city", held[at]!, each, asked);
    expect(order).toBeLessThanOrEqual(0);
    if (order === 0) ties.add(held[at]!.id < each.id);
  });
  expect(ties.size).toBeLessThan(2);
}

/** Texts that only differ behind what their slots hold. */
const ALIKE: readonly NaiveQuery[] = ["eq", "ne", "in", "nin", "gt", "lte"].flatMap((operator) =>
  [[], ["name"], ["population"], ["-name"]].map(([name]) => ({
    terms: [{ path: "name", operator, value: `${LONG}1` }],
    groups: [],
    sort: name === undefined ? [] : [{ name: name.replace("-", ""), descending: name.startsWith("-") }],
    locale: "en",
  })),
);

/** Conditions on the key that follows the fixed ones, which random queries rarely put together. */
const COMPOSED: readonly NaiveQuery[] = [true, false].flatMap((descending) =>
  [
    ...["gt", "gte", "lt", "lte", "startsWith"].flatMap((operator) =>
      ["a", `${LONG}1`].map((value) => ({
        key: "name",
        fixed: [["capital", "true"]],
        operator,
        value: value.slice(0, 250),
      })),
    ),
    ...["gt", "gte", "lt", "lte", "exists", "ne"].map((operator) => ({
      key: "population",
      fixed: [["country", "c1"]],
      operator,
      value: operator === "exists" ? "false" : "1",
    })),
    ...["gt", "lte", "exists"].map((operator) => ({
      key: "founded",
      fixed: [
        ["country", "c2"],
        ["capital", "false"],
      ],
      operator,
      value: operator === "exists" ? "true" : "2000-01-01T00:00:00Z",
    })),
  ].map(({ key, fixed, operator, value }) => ({
    terms: [
      ...fixed.map(([path = "", text = ""]) => ({ path, operator: "eq", value: text })),
      { path: key, operator, value },
    ],
    groups: [],
    sort: [{ name: key, descending }],
    locale: "en",
  })),
);

describe.each([
  { name: "as in production", budget: { probe: 4_500, walk: 9_000 }, runs: 100 },
  { name: "with hardly any work allowed", budget: { probe: 6, walk: 31 }, runs: 40 },
  { name: "with little work allowed", budget: { probe: 40, walk: 60 }, runs: 40 },
])("random queries, $name", ({ budget, runs }) => {
  test("give what the naive evaluation gives, each entry once, in order", { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyQuery, fc.constantFrom(23, 1000), async (query, limit) => {
        await check(query, limit, budget);
      }),
      { numRuns: runs, seed: 11, endOnFailure: false },
    );
  });

  test.each([...COMPOSED, ...ALIKE])("what random queries rarely ask: %j", async (query) => {
    await check(query, 9, budget);
  });
});
