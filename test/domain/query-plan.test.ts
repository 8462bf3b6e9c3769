// How a query is read from its indexes: phases, bounds and probes, and that nothing of a client's ever becomes SQL text.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planInclude } from "../../src/contexts/delivery/include.ts";
import { listStatements } from "../../src/contexts/delivery/list-sql.ts";
import { type ListPlan, probesOf, WORK } from "../../src/contexts/delivery/plan.ts";
import { type Asking, readQuery } from "../../src/contexts/delivery/query.ts";
import { LIST_PARAMETERS, readQueryText } from "../../src/contexts/delivery/query-text.ts";
import { position } from "../../src/kernel/position.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import { cityComposed, citySearch, country } from "../support/delivery-shapes.ts";

function planOf(query: string, shape = citySearch, more: Partial<ListPlan & Asking> = {}): ListPlan {
  const shapes = new Map([shape, country].map((each) => [each.type, each]));
  const text = readQueryText(new URLSearchParams(query), LIST_PARAMETERS);
  if (!text.ok) throw new Error(text.fault.detail);
  const read = readQuery(
    text.value,
    { shape, shapes, drafts: false, space: { locales: ["en", "fr"], defaultLocale: "en" }, locale: "en", ...more },
    [],
  );
  if (!read.ok) throw new Error(read.fault.detail);
  const { where, order, drafts } = read.value;
  return {
    rows: { space: 7, type: shape.type },
    shape,
    drafts,
    where,
    order,
    limit: 20,
    count: false,
    budget: WORK,
    ...more,
  };
}

/** `n1 [5, ∞) ↓`: column, bounds, direction; `+` where something has to be looked at again. */
function told(query: string, shape = citySearch, more: Partial<Asking> = {}): string {
  const { order } = planOf(query, shape, more);
  const phases = order.phases.map(({ column, low, high, without }) => {
    const range =
      low || high
        ? ` ${low ? `${low.inclusive ? "[" : "("}${low.key}` : "("}, ${high ? `${high.key}${high.inclusive ? "]" : ")"}` : ")"}`
        : "";
    return `${column.name}${range}${without ? ` without ${without.name}` : ""}`;
  });
  return `${phases.join(" then ")} ${order.descending ? "desc" : "asc"}${order.rest.length > 0 ? ` + ${order.rest.length}` : ""}`;
}

const MARK = "\u{10FFFF}";

describe("an order", () => {
  test.each([
    ["", "id asc"],
    ["sort=-id", "id desc"],
    ["sort=population", "n1 (, Infinity) then n1 [Infinity, Infinity] asc"],
    ["sort=-population,-id", "n1 (, Infinity) then n1 [Infinity, Infinity] desc"],
    ["sort=name&locale=fr", `t2 (, ${MARK}) then t2 [${MARK}, ${MARK}] asc`],
    ["sort=slug", "slug then id without slug asc"],
    ["sort=-publishedAt", "published_at desc"],
    ["sort=createdAt&filter[createdAt][gt]=2024-01-01", "created_at (2024-01-01T00:00:00.000Z, ) asc"],
    ["sort=-population&filter[population][gte]=5", "n1 [5, Infinity) desc"],
    ["sort=population&filter[population][gte]=5&filter[population][gt]=5&filter[population][lt]=9", "n1 (5, 9) asc"],
    ["sort=name&filter[name][startsWith]=ab", "t1 [ab, ac) asc"],
    ["sort=name&filter[name][startsWith]=", `t1 [, ${MARK}) asc`],
    ["sort=name&filter[name]=ab", "t1 [ab, ab] asc"],
    ["sort=name&filter[name][exists]=true", `t1 (, ${MARK}) asc`],
    ["sort=name&filter[name][exists]=false", `t1 [${MARK}, ${MARK}] asc`],
    ["sort=name&filter[name][exists]=false&filter[name][gt]=a", `t1 [${MARK}, ${MARK}] asc + 1`],
    ["sort=name&filter[name][ne]=ab", `t1 (, ${MARK}) then t1 [${MARK}, ${MARK}] asc + 1`],
    ["filter[population]=5", "n1 [5, 5] asc"],
    [
      "filter[population]=5&filter[country]=fr&sort=-id",
      "k1 [\\x01667200013febffffffffffff, \\x01667200013febffffffffffff] desc",
    ],
    ["filter[capital]=true&filter[country]=fr&sort=-id", "t3 [fr, fr] desc + 1"],
    ["filter[id][gte]=m", "id [m, ) asc"],
    ["filter[population][gt]=5", "id asc + 1"],
    [`filter[name]=${"a".repeat(256)}`, `t1 [${"a".repeat(256)}, ${"a".repeat(256)}] asc + 1`],
  ])("%s: %s", (query, expected) => expect(told(query)).toBe(expected));

  test.each([
    ["filter[country]=fr&sort=-population", "k1 [\\x01667200, \\x01667201) asc"],
    [
      "filter[country]=fr&sort=population",
      "k1 [\\x0166720001, \\x0166720002) then k1 [\\x01667200ff, \\x01667200ff] desc",
    ],
    ["sort=country,-population", "k1 asc"],
    ["filter[country]=fr&sort=-population&filter[population][gte]=0", "k1 [\\x0166720001, \\x016672000180) asc"],
    ["filter[country]=fr&sort=-population&filter[population][exists]=false", "k1 [\\x01667200ff, \\x01667201) asc"],
    [
      "filter[capital]=true&filter[country]=fr&filter[founded]=1970-01-01",
      "k3 [\\x0166720001bff0000000000000018000000000000000, \\x0166720001bff0000000000000018000000000000000] asc",
    ],
    [
      "filter[capital]=true&filter[country]=fr&sort=founded&filter[tags][contains]=x",
      "k3 [\\x0166720001bff0000000000000, \\x0166720001bff0000000000001) asc + 1",
    ],
    ["sort=population,-name", "k4 asc"],
    ["sort=-capital,name", "k2 asc"],
    [
      "filter[name][gt]=b&filter[capital]=true&sort=name",
      "k2 [\\x01400fffffffffffff016200, \\x01400fffffffffffff02) asc + 1",
    ],
  ])("with composites, %s", (query, expected) => expect(told(query, cityComposed)).toBe(expected));

  test("of drafts knows that publication times may be missing", () => {
    expect(told("sort=publishedAt", citySearch, { drafts: true })).toBe(
      "published_at then id without published_at asc",
    );
    expect(told("sort=status", citySearch, { drafts: true })).toBe("status asc");
  });
});

describe("probes", () => {
  const told = (query: string) =>
    probesOf(planOf(query)).map((probe) =>
      probe.by === "terms" ? `terms ${probe.all.length}${probe.any ? "+any" : ""}` : probe.condition.is,
    );
  test.each([
    ["sort=name", []],
    ["filter[population][gt]=5&sort=population", []],
    ["filter[population]=5&sort=name", ["same"]],
    ["filter[population]=5&filter[country]=fr&sort=name", ["terms 2"]],
    ["filter[population]=5&filter[country][in]=fr,de&sort=name", ["terms 1+any"]],
    ["filter[tags][contains]=x", ["terms 1"]],
    ["filter[code]=x", ["terms 1"]],
    ["filter[population][ne]=5&sort=name", []],
    ["filter[country.region]=Europe", ["hop"]],
    ["filter[country.region][ne]=Europe", []],
    ["filter[neighbours.population]=5", ["terms 0+any"]],
    [
      "filter[population][gt]=5&filter[founded][gt]=2020-01-01&filter[founded][lt]=2021-01-01&sort=name",
      ["range", "range"],
    ],
    ["filter[id]=x&sort=name", ["same"]],
    ["filter[or][0][population]=5&filter[or][1][name]=x&sort=id", []],
  ])("%s: %j", (query, expected) => expect(told(query)).toEqual(expected));
});

describe("SQL", () => {
  const texts = (plan: ListPlan, include = "") => {
    const shapes = new Map([citySearch, country].map((each) => [each.type, each]));
    return listStatements(plan, planInclude(include === "" ? [] : [include.split(".")], plan.shape, shapes).steps).map(
      (each) => renderSql(each).text,
    );
  };

  test("does not change with the values that clients send", () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.constantFrom("'; drop table published --", '"', "$1", "\\", "%", "null", "n1", ") or (true"),
    );
    fc.assert(
      fc.property(hostile, hostile, fc.nat(999), (one, other, limit) => {
        fc.pre(!/[\0]/.test(one + other));
        const query = (text: string) =>
          `filter[name][gte]=${encodeURIComponent(text)}&filter[slug]=${encodeURIComponent(text)}&filter[tags][contains]=${encodeURIComponent(text)}&filter[country.region][ne]=${encodeURIComponent(text)}&sort=-name&limit=5`;
        expect(texts(planOf(query(one)), "country.borders")).toEqual(
          texts(planOf(query(other), citySearch, { limit: limit + 1 }), "country.borders"),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("names the index that partial indexes need, and one bound on the side where a cursor goes on", () => {
    const [text = ""] = texts(
      planOf("sort=-population&filter[population][gte]=1", citySearch, { from: { phase: 0, key: 9, id: "x" } }),
    );
    expect(text).toContain('"n1" is not null and ("n1", id) < (');
    expect(text.match(/"n1" </g)).toBeNull();
    expect(text.match(/"n1" >=/g)).toHaveLength(1);
  });

  test("asks every tenant table for the space, besides what policies do", () => {
    for (const plan of [
      planOf("filter[country.region]=x&filter[tags][contains]=y&sort=name", citySearch, {
        count: true,
        pin: position(5),
        from: { phase: 0, key: "a", id: "b" },
      }),
      planOf("sort=slug", citySearch, { drafts: true }),
    ]) {
      for (const text of texts(plan, "country.borders")) {
        const tables =
          text.match(
            /(?:from|join) (?:published(?:_ix|_past)?|draft_ix|entries|revision|type_count)\b[^()]*?(?= where | on )(?: where | on )[^()]*?space = /g,
          ) ?? [];
        const mentioned =
          text.match(/(?:from|join) (?:published(?:_ix|_past)?|draft_ix|entries|revision|type_count)\b/g) ?? [];
        expect(mentioned.length).toBeGreaterThan(0);
        expect(tables.length).toBeGreaterThan(0);
        for (const [, rest] of text.matchAll(
          /(?:from|join) (?:published(?:_ix|_past)?|draft_ix|entries|revision|type_count)\b([\s\S]{0,120})/g,
        ))
          expect(rest).toMatch(/space = /);
      }
    }
  });

  test("is one statement, and one more for each hop", () => {
    expect(texts(planOf("filter[country.region]=x&sort=name", citySearch, { count: true }))).toHaveLength(1);
    expect(texts(planOf(""), "country")).toHaveLength(2);
    expect(texts(planOf(""), "country.borders.borders")).toHaveLength(4);
  });
});
