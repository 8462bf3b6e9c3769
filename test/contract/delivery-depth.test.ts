// What lists cost as they grow: blocks touched on the first page and deep inside, with and without an index that serves the query.
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { listStatements } from "../../src/contexts/delivery/list-sql.ts";
import { type ListPlan, WORK } from "../../src/contexts/delivery/plan.ts";
import { type Asking, readQuery } from "../../src/contexts/delivery/query.ts";
import { LIST_PARAMETERS, readQueryText } from "../../src/contexts/delivery/query-text.ts";
import type { Place } from "../../src/contexts/delivery/stretch.ts";
import { position } from "../../src/kernel/position.ts";
import { cityComposed, country } from "../support/delivery-shapes.ts";
import { buffersOf, type DeliverySpace, get, openDeliverySpace } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";

const ENTRIES = 60_000;
/** A page of 20 and its documents, each some levels of an index deep. */
const PAGE = 260;

let space: DeliverySpace;
const asking: Asking = {
  shape: cityComposed,
  shapes: new Map([cityComposed, country].map((shape) => [shape.type, shape])),
  drafts: false,
  space: { locales: ["en", "fr"], defaultLocale: "en" },
  locale: "en",
};

function planOf(query: string, more: Partial<ListPlan> = {}): ListPlan {
  const { shape, drafts, where, order } = get(
    readQuery(get(readQueryText(new URLSearchParams(query), LIST_PARAMETERS)), asking, []),
  );
  return {
    rows: { space: space.space.uid, type: "city" },
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

async function cost(query: string, more: Partial<ListPlan> = {}): Promise<number> {
  return buffersOf(await space.explain(listStatements(planOf(query, more), [])[0]!));
}

beforeAll(async () => {
  space = await openDeliverySpace(stackHere(), [cityComposed, country]);
  const { uid } = space.space;
  // population: distinct and not in order of id; capital: one in five hundred, and all of them at the low end of population.
  await space.owner.query(
    `insert into published_ix (space, type, id, from_pos, slug, created_at, updated_at, published_at, n1, n2, n3, t1, t2, t3, k1, terms)
     select $1, 'city', 'e' || lpad(i::text, 6, '0'), 1, 's' || i, now(), now(), now(),
       case when i % 50 = 0 then 'Infinity'::float8 else ((i::bigint * 7919) % ${ENTRIES})::float8 end, case when (i::bigint * 7919) % ${ENTRIES} < 120 then 1 else 0 end, 0,
       md5(i::text), md5(i::text), 'c' || i % 40, decode('01' || lpad(to_hex(i % 40), 4, '0') || lpad(to_hex(i), 8, '0'), 'hex'),
       array[term_token($1, 'city', '7:country0:s:"c' || i % 40 || '"'), term_token($1, 'city', '7:capital0:b:' || case when (i::bigint * 7919) % ${ENTRIES} < 120 then 'true' else 'false' end)]
     from generate_series(1, ${ENTRIES}) i`,
    [uid],
  );
  await space.owner.query(
    `insert into published (space, id, type, slug, version, from_pos, fields, created_at, updated_at, published_at)
     select $1, 'e' || lpad(i::text, 6, '0'), 'city', 's' || i, 1, 1, jsonb_build_object('population', i), now(), now(), now() from generate_series(1, ${ENTRIES}) i`,
    [uid],
  );
  await space.owner.query("vacuum (analyze) published_ix, published");
}, 240_000);
afterAll(() => space.close());

describe("an order that an index has costs the same at any depth", () => {
  const deep: Record<string, Place> = {
    "sort=population": { phase: 0, key: 48_000, id: "e000001" },
    "sort=-population": { phase: 0, key: 12_000, id: "e000001" },
    "sort=name": { phase: 0, key: "c", id: "e000001" },
    "sort=-name": { phase: 0, key: "3", id: "e000001" },
    "": { phase: 0, id: "e048000" },
    "sort=-id": { phase: 0, id: "e012000" },
    "sort=slug": { phase: 0, key: "s8", id: "e012000" },
    "sort=-createdAt": { phase: 0, key: "2020-01-01T00:00:00.000Z", id: "e012000" },
    "filter[country]=c7": { phase: 0, id: "e048000" },
    "filter[population][gte]=100&sort=-population": { phase: 0, key: 12_000, id: "e000001" },
    "filter[population][lt]=59000&sort=population": { phase: 0, key: 48_000, id: "e000001" },
    "filter[name][startsWith]=d&sort=-name": { phase: 0, key: "d8", id: "e000001" },
    "filter[country]=c7&sort=-population": { phase: 0, key: "\\x01000700008000", id: "e000001" },
  };
  test.each(Object.entries(deep))("%s", async (query, from) => {
    expect(await cost(query)).toBeLessThan(PAGE);
    expect(await cost(query, { from })).toBeLessThan(PAGE);
    // A walk's later pages look at what ended since, too.
    expect(await cost(query, { from, pin: position(1) })).toBeLessThan(PAGE + 60);
  });

  test("also where only missing values are left", async () => {
    for (const query of ["sort=population", "sort=-population"]) {
      expect(await cost(query, { from: { phase: 1, id: query.includes("-") ? "e040000" : "e020000" } })).toBeLessThan(
        PAGE,
      );
    }
  });
});

describe("a filter that no index combines with the sort costs a bounded walk", () => {
  test("few candidates are sorted", async () => {
    expect(await cost("filter[capital]=true&sort=name")).toBeLessThan(600);
    expect(await cost("filter[capital]=true&filter[country]=c7&sort=-name")).toBeLessThan(600);
  });

  test("many candidates are met early on a walk, which is read no further", async () => {
    const plan = await space.explain(listStatements(planOf("filter[capital]=false&sort=name"), [])[0]!);
    // The probe gives up at its budget.
    expect(buffersOf(plan)).toBeLessThan(WORK.probe * 1.2 + PAGE);
  });

  test("nothing to be met ends the walk at its budget, and says so", async () => {
    const statement = listStatements(planOf("filter[capital][ne]=false&sort=-population"), [])[0]!;
    expect(buffersOf(await space.explain(statement))).toBeLessThan(WORK.walk * 1.3 + PAGE);
  });
});

test("counting stops at ten thousand", async () => {
  expect(await cost("filter[capital]=false", { count: true })).toBeLessThan(20_000);
  const answer = get(await space.scope().data.reader.read([sql`select 1 as one`]));
  expect(answer.rows).toEqual([[{ one: 1 }]]);
});
