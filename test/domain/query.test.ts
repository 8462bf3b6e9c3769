// What clients may write in a query, and what they are told when it cannot be understood.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readValue, readValues } from "../../src/contexts/delivery/filter-value.ts";
import { type Asking, readQuery } from "../../src/contexts/delivery/query.ts";
import {
  ENTRIES_PARAMETERS,
  LIST_PARAMETERS,
  ONE_PARAMETERS,
  type Parameter,
  readQueryText,
} from "../../src/contexts/delivery/query-text.ts";
import type { Fault } from "../../src/kernel/fault.ts";
import { cityComposed, country } from "../support/delivery-shapes.ts";

const asking: Asking = {
  shape: cityComposed,
  shapes: new Map([cityComposed, country].map((shape) => [shape.type, shape])),
  drafts: false,
  space: { locales: ["en", "fr"], defaultLocale: "en" },
  locale: "en",
};

function understand(
  query: string | URLSearchParams,
  more: Partial<Asking> = {},
  known: readonly Parameter[] = LIST_PARAMETERS,
) {
  const text = readQueryText(new URLSearchParams(query), known);
  return text.ok ? readQuery(text.value, { ...asking, ...more }, []) : text;
}

function refusal(
  query: string | URLSearchParams,
  more: Partial<Asking> = {},
  known: readonly Parameter[] = LIST_PARAMETERS,
): Fault {
  const result = understand(query, more, known);
  if (result.ok) throw new Error(`was understood: ${query}`);
  expect(result.fault.kind).toBe("malformed");
  expect(result.fault.errors?.length).toBeGreaterThan(0);
  return result.fault;
}

function canonical(query: string, more: Partial<Asking> = {}): string {
  const result = understand(query, more);
  if (!result.ok) throw new Error(result.fault.detail);
  return JSON.stringify(result.value.canonical);
}

describe("what is not understood is named", () => {
  test.each([
    ["colour=red", "unknown-parameter", "colour"],
    ["filter=1", "unknown-parameter", "filter"],
    ["filter[]=1", "unknown-field", "filter[]"],
    ["filter[a=1", "unknown-parameter", "filter[a"],
    ["filter[a][b][c]=1", "unknown-parameter", "filter[a][b][c]"],
    ["filter[or]=1", "unknown-parameter", "filter[or]"],
    ["filter[or][x][name]=1", "unknown-parameter", "filter[or][x][name]"],
    ["filter[or][100][name]=1", "unknown-parameter", "filter[or][100][name]"],
    ["filter[or][01][name]=1", "unknown-parameter", "filter[or][01][name]"],
    ["filter[__proto__]=1", "unknown-field", "filter[__proto__]"],
    ["filter[constructor]=1", "unknown-field", "filter[constructor]"],
    ["filter[toString][eq]=1", "unknown-field", "filter[toString][eq]"],
    ["filter[nowhere]=1", "unknown-field", "filter[nowhere]"],
    ["filter[status]=draft", "unknown-field", "filter[status]"],
    ["filter[country.region.name]=1", "invalid-parameter", "filter[country.region.name]"],
    ["filter[country.]=1", "unknown-field", "filter[country.]"],
    ["filter[name.region]=1", "invalid-parameter", "filter[name.region]"],
    ["filter[country.nowhere]=1", "unknown-field", "filter[country.nowhere]"],
    ["filter[note]=1", "not-indexed", "filter[note]"],
    ["filter[name][like]=1", "unsupported-operator", "filter[name][like]"],
    ["filter[name][match]=1", "unsupported-operator", "filter[name][match]"],
    ["filter[name][__proto__]=1", "unsupported-operator", "filter[name][__proto__]"],
    ["filter[name][contains]=x", "unsupported-operator", "filter[name][contains]"],
    ["filter[tags]=x", "unsupported-operator", "filter[tags]"],
    ["filter[tags][gt]=x", "unsupported-operator", "filter[tags][gt]"],
    ["filter[capital][gt]=true", "unsupported-operator", "filter[capital][gt]"],
    ["filter[population][startsWith]=1", "unsupported-operator", "filter[population][startsWith]"],
    ["filter[code][lt]=1", "unsupported-operator", "filter[code][lt]"],
    ["filter[population]=many", "invalid-parameter", "filter[population]"],
    ["filter[population]=0x10", "invalid-parameter", "filter[population]"],
    ["filter[population]=1e999", "invalid-parameter", "filter[population]"],
    ["filter[population]=", "invalid-parameter", "filter[population]"],
    ["filter[population][in]=1,,2", "invalid-parameter", "filter[population][in]"],
    ["filter[capital]=yes", "invalid-parameter", "filter[capital]"],
    ["filter[founded]=yesterday", "invalid-parameter", "filter[founded]"],
    ["filter[createdAt][gt]=2024-02-30", "invalid-parameter", "filter[createdAt][gt]"],
    ["filter[name][exists]=maybe", "invalid-parameter", "filter[name][exists]"],
    ["filter[name][in]=a\\b", "invalid-parameter", "filter[name][in]"],
    [`filter[name][startsWith]=${"a".repeat(256)}`, "invalid-parameter", "filter[name][startsWith]"],
    ["filter[name]=%00", "invalid-parameter", "filter[name]"],
    ["filter[%00]=1", "unknown-field", "filter[\0]"],
    ["limit=0", "invalid-parameter", "limit"],
    ["limit=1001", "invalid-parameter", "limit"],
    ["limit=1e2", "invalid-parameter", "limit"],
    ["limit=%2B5", "invalid-parameter", "limit"],
    ["limit=", "invalid-parameter", "limit"],
    ["sort=nowhere", "unknown-field", "sort"],
    ["sort=note", "not-indexed", "sort"],
    ["sort=tags", "not-indexed", "sort"],
    ["sort=code", "not-indexed", "sort"],
    ["sort=", "invalid-parameter", "sort"],
    ["sort=name,-name", "invalid-parameter", "sort"],
    ["sort=--name", "invalid-parameter", "sort"],
    ["sort=-population,id", "invalid-parameter", "sort"],
    ["sort=name,population", "query-too-broad", "sort"],
    ["fields=", "invalid-parameter", "fields"],
    ["fields=name,,population", "invalid-parameter", "fields"],
    ["fields=nowhere", "unknown-field", "fields"],
    ["fields=__proto__", "invalid-parameter", "fields"],
    ["include=name", "invalid-parameter", "include"],
    ["include=nowhere", "unknown-field", "include"],
    ["include=country.@analysis", "invalid-parameter", "include"],
    ["include=@statistics", "invalid-parameter", "include"],
    ["include=country.borders.borders.borders", "invalid-parameter", "include"],
    [`include=${Array.from({ length: 11 }, (_, at) => `country${at}`).join(",")}`, "invalid-parameter", "include"],
    ["include=country.leader", "invalid-parameter", "include"],
    ["locale=de", "invalid-parameter", "locale"],
    ["locale=", "invalid-parameter", "locale"],
    ["perspective=both", "invalid-parameter", "perspective"],
    ["at=5", "unsupported-parameter", "at"],
    ["release=r", "unsupported-parameter", "release"],
    ["limit=5&limit=5", "invalid-parameter", "limit"],
    ["filter[name]=a&filter[name]=a", "invalid-parameter", "filter[name]"],
    ["filter[name]=a&filter[name][eq]=b", "invalid-parameter", "filter[name][eq]"],
    ["filter[name%00]=a", "unknown-field", "filter[name\0]"],
  ])("%s: %s", (query, code, parameter) => {
    const { errors, ...fault } = refusal(query);
    expect(fault.code).toBe(code);
    expect(errors?.[0]).toMatchObject({ code, parameter });
  });

  test("every wrong parameter is listed, and quoted within bounds", () => {
    const { errors, detail } = refusal(`limit=0&a=1&filter[${"x".repeat(5000)}]=1`);
    expect(errors?.map(({ code }) => code)).toEqual(["invalid-parameter", "unknown-parameter", "unknown-field"]);
    expect(JSON.stringify(errors).length).toBeLessThan(1_000);
    expect(detail).toBe(
      'Cannot accept the query: parameter "limit" must be a whole number from 1 to 1000; found "0" (and 2 more)',
    );
  });

  test("twenty terms are allowed, in groups or not; more are not", () => {
    const terms = (count: number) =>
      Array.from({ length: count }, (_, at) =>
        at % 2
          ? `filter[or][${at}][population]=${at}`
          : `filter[population][${["gt", "gte", "lt", "lte", "ne", "eq", "in", "nin", "exists"][at / 2] ?? "eq"}]=${at === 16 ? "true" : at}`,
      );
    expect(understand(terms(18).join("&")).ok).toBe(true);
    expect(
      refusal([...terms(18), "filter[name]=a", "filter[tags][contains]=a", "filter[capital]=true"].join("&")).code,
    ).toBe("too-many-terms");
    expect(refusal(Array.from({ length: 5000 }, (_, at) => `filter[x${at}]=1`).join("&")).errors).toHaveLength(1);
    expect(refusal(Array.from({ length: 5000 }, (_, at) => `x${at}=1`).join("&")).errors).toHaveLength(100);
  });

  test("what one operation takes, another may not know", () => {
    expect(refusal("limit=5", {}, ONE_PARAMETERS).code).toBe("unknown-parameter");
    expect(refusal("filter[name]=x", {}, ONE_PARAMETERS).code).toBe("unknown-parameter");
    expect(refusal("perspective=draft", {}, ENTRIES_PARAMETERS).code).toBe("unknown-parameter");
    expect(refusal("at=5", {}, ENTRIES_PARAMETERS).code).toBe("unknown-parameter");
    expect(refusal("type=No", {}, ENTRIES_PARAMETERS).code).toBe("invalid-parameter");
  });

  test("the composite to declare is named", () => {
    expect(refusal("sort=-population,name").detail).toContain('declare ["-population","name"] in its indexes');
    expect(refusal("sort=-capital,name&locale=fr").detail).toContain('hold "name" in the default locale only');
    expect(refusal("sort=country,createdAt").detail).toContain('"createdAt" can only be sorted by alone');
  });

  test("no text makes it throw, and nothing is accepted that was not understood", () => {
    const piece = fc.constantFrom(
      "filter",
      "[",
      "]",
      "name",
      "or",
      "0",
      "eq",
      "__proto__",
      "\0",
      ".",
      "sort",
      "limit",
      "😀",
      "country",
      "in",
      "",
      "\ud800",
    );
    const name = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(name, fc.string()), fc.oneof(fc.string(), piece)), { maxLength: 5 }),
        (pairs) => {
          const result = understand(new URLSearchParams(pairs));
          return result.ok || (result.fault.kind === "malformed" && (result.fault.errors?.length ?? 0) > 0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("values", () => {
  test.each([
    ["number", "-1.5e3", [-1500]],
    ["boolean", "false", [false]],
    ["time", "2024-01-01T00:00:00Z", [Date.UTC(2024, 0, 1)]],
    ["text", "1", ["1"]],
    ["text", "", [""]],
    ["other", "1", ["1", 1]],
    ["other", "true", ["true", true]],
  ] as const)("%s %j", (kind, text, values) => expect(readValue(kind, text)).toEqual({ values }));

  test("lists are separated by commas that are not escaped", () => {
    expect(readValues("text", "a,b\\,c,\\\\,")).toEqual({ values: ["a", "b,c", "\\", ""] });
    expect(readValues("number", "1,1.0,2")).toEqual({ values: [1, 2] });
    const escaped = (each: string) => each.replaceAll("\\", "\\\\").replaceAll(",", "\\,");
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string(), { minLength: 1 }),
        (texts) =>
          JSON.stringify(readValues("text", texts.map(escaped).join(","))) === JSON.stringify({ values: texts }),
      ),
    );
  });
});

describe("the canonical form", () => {
  test.each([
    ["filter[population]=1e3", "filter[population][eq]=1000.0"],
    ["filter[name]=a&filter[capital]=true", "filter[capital]=true&filter[name]=a"],
    ["filter[population][in]=2,1", "filter[population][in]=1,2,1"],
    ["filter[or][0][name]=a&filter[or][1][name]=b", "filter[or][7][name]=b&filter[or][3][name]=a"],
    ["sort=id", ""],
    ["sort=population,id", "sort=population"],
    ["locale=en", ""],
    ["limit=5", "limit=6"],
    ["fields=name,population", "fields=population,name,name"],
    ["include=country.borders", "include=country,country.borders"],
    ["filter[founded][gt]=2024-01-01", "filter[founded][gt]=2024-01-01T01:00:00%2B01:00"],
    ["perspective=published", ""],
  ])("%s is %s", (one, other) => expect(canonical(one)).toBe(canonical(other)));

  test.each([
    ["filter[name]=a", "filter[name]=A"],
    ["filter[name]=a", "filter[name][ne]=a"],
    ["filter[name]=a", "filter[name][startsWith]=a"],
    ["filter[name]=a", "filter[name]=a&locale=fr"],
    [`filter[name]=${"a".repeat(300)}`, `filter[name]=${"a".repeat(301)}`],
    ["filter[name][in]=a,b", "filter[name][in]=a\\,b"],
    ["filter[population][gt]=1", "filter[population][gte]=1"],
    ["filter[or][0][name]=a&filter[or][1][name]=b", "filter[or][0][name]=a&filter[or][0][name][ne]=b"],
    ["filter[name]=a", "filter[or][0][name]=a&filter[or][1][name]=b"],
    ["filter[country.name]=a", "filter[country.region]=a"],
    ["filter[country.region]=a", "filter[country.region][ne]=a"],
    ["sort=name", "sort=-name"],
    ["sort=id", "sort=-id"],
    ["fields=name", ""],
    ["include=country", ""],
    ["locale=*", ""],
  ])("%s is not %s", (one, other) => expect(canonical(one)).not.toBe(canonical(other)));

  test("tells drafts from what is published", () => {
    expect(canonical("")).not.toBe(canonical("", { drafts: true }));
    expect(canonical("filter[status]=changed", { drafts: true })).toContain("changed");
    expect(refusal("filter[status]=lost", { drafts: true }).detail).toContain("draft, published, changed, archived");
  });

  test("is injective over terms", () => {
    const value = fc.constantFrom("1", "2", "1,2", "true", "a", "b");
    const term = fc.tuple(
      fc.constantFrom("name", "population", "capital", "country", "country.region", "code"),
      fc.constantFrom("eq", "ne", "in", "nin", "gt", "lte", "exists", "startsWith"),
      value,
    );
    const meaning = (terms: readonly (readonly [string, string, string])[]) =>
      JSON.stringify(
        terms
          // The only ways of saying one thing that these values allow.
          .map(([path, operator, text]) => [
            path,
            operator.replace(/^in$/, "eq").replace(/^nin$/, "ne"),
            operator.endsWith("in") ? text.split(",").toSorted().join() : text.replace(",", "\\,"),
          ])
          .map(String)
          .toSorted(),
      );
    fc.assert(
      fc.property(
        fc.uniqueArray(term, { maxLength: 2, selector: ([path, operator]) => `${path}${operator}` }),
        fc.uniqueArray(term, { maxLength: 2, selector: ([path, operator]) => `${path}${operator}` }),
        (left, right) => {
          const written = (terms: typeof left) =>
            terms.map(([path, operator, text]) => `filter[${path}][${operator}]=${encodeURIComponent(text)}`).join("&");
          const [one, other] = [understand(written(left)), understand(written(right))];
          fc.pre(one.ok && other.ok);
          return (
            (meaning(left) === meaning(right)) ===
            (one.ok && other.ok && JSON.stringify(one.value.canonical) === JSON.stringify(other.value.canonical))
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
