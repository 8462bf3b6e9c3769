// The second wall: what the Worker's role can ask of sort rows, with the space bound, bound to another, and not bound at all.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LIST_PARAMETERS, listContent, readQueryText } from "../../src/contexts/delivery/delivery.ts";
import { citySearch, country } from "../support/delivery-shapes.ts";
import { type DeliverySpace, get, openDeliverySpace } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";

let ours: DeliverySpace;
let theirs: DeliverySpace;
let app: pg.Client;

beforeAll(async () => {
  const stack = stackHere();
  ours = await openDeliverySpace(stack, [citySearch, country]);
  theirs = await openDeliverySpace(stack, [citySearch, country]);
  for (const [space, mark] of [
    [ours, "ours"],
    [theirs, "theirs"],
  ] as const) {
    await space.put([
      { id: "c", type: "country", fields: { region: "Europe", name: { en: mark } } },
      { id: "same", type: "city", slug: "same", fields: { name: { en: mark }, tags: ["shared", mark], country: "c" } },
      { id: mark, type: "city", fields: { name: { en: mark }, tags: ["shared"], country: "c" } },
    ]);
  }
  const url = new URL(stack.postgres[stack.topology.shards[0]!.primary.name]!);
  url.username = "meridian_app";
  app = new pg.Client({ connectionString: String(url) });
  await app.connect();
});
afterAll(async () => {
  await app.end();
  await ours.close();
  await theirs.close();
});

async function bound(
  uid: number | undefined,
  query: string,
  params: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  await app.query("begin isolation level repeatable read read only");
  if (uid !== undefined) await app.query("select * from bind_space($1)", [uid]);
  try {
    return (await app.query(query, params as unknown[])).rows;
  } finally {
    await app.query("rollback");
  }
}

const PROBE =
  "select id from ix_probe('city', null, array(select term_token(s, 'city', '4:tags0:s:\"shared\"') from unnest($1::int[]) s), 100) order by id";

describe("the probe", () => {
  test("finds the bound space's rows, whoever's terms it is given", async () => {
    const both = [[ours.space.uid, theirs.space.uid]];
    expect(await bound(ours.space.uid, PROBE, both)).toEqual([{ id: "ours" }, { id: "same" }]);
    expect(await bound(theirs.space.uid, PROBE, both)).toEqual([{ id: "same" }, { id: "theirs" }]);
    expect(await bound(ours.space.uid, PROBE.replace("ix_probe", "ix_probe_drafts"), both)).toEqual([
      { id: "ours" },
      { id: "same" },
    ]);
    expect(await bound(ours.space.uid, PROBE, [[theirs.space.uid]])).toEqual([]);
  });

  test("finds nothing where no space is bound, and nothing without terms", async () => {
    expect(await bound(undefined, PROBE, [[ours.space.uid]])).toEqual([]);
    await app.query("select set_config('app.space', $1, false)", [String(ours.space.uid)]);
    await app.query("select set_config('app.space', '', false)");
    expect(await bound(undefined, PROBE, [[ours.space.uid]])).toEqual([]);
    for (const args of ["'{}', null", "null, null", "null, '{}'", "'{}', '{}'"]) {
      expect(await bound(ours.space.uid, `select id from ix_probe('city', ${args}, 100)`)).toEqual([]);
      expect(await bound(ours.space.uid, `select id from ix_probe_drafts('city', ${args}, 100)`)).toEqual([]);
    }
  });

  test("gives no more rows than it is allowed", async () => {
    expect(await bound(ours.space.uid, PROBE.replace("100)", "1)"), [[ours.space.uid]])).toHaveLength(1);
  });
});

describe("tables", () => {
  test.each(["published_ix", "published", "published_past", "draft_ix", "entries", "revision", "type_count"])(
    "%s shows the bound space only",
    async (table) => {
      const spaces = (await bound(ours.space.uid, `select distinct space from ${table}`)).map(({ space }) => space);
      expect(spaces.every((space) => space === ours.space.uid)).toBe(true);
      expect(await bound(undefined, `select space from ${table}`)).toEqual([]);
    },
  );

  test("partitions cannot be read, because policies do not cover them", async () => {
    await expect(bound(ours.space.uid, "select * from published_ix_0")).rejects.toThrow(/permission denied/);
  });
});

test.each([
  "",
  "filter[tags][contains]=shared",
  "filter[country.region]=Europe&sort=name",
  "filter[name][in]=ours,theirs",
  "sort=slug&include=country",
])("a list of one space holds nothing of the other: %s", async (query) => {
  for (const [space, mark] of [
    [ours, "theirs"],
    [theirs, "ours"],
  ] as const) {
    const { body } = get(
      await listContent(space.scope(), {
        type: "city",
        query: get(readQueryText(new URLSearchParams(query), LIST_PARAMETERS)),
      }),
    );
    expect(body["data"]).toHaveLength(2);
    expect(JSON.stringify(body)).not.toContain(mark);
  }
});

test("a cursor of one space is none of the other", async () => {
  const ask = (space: DeliverySpace, query: string) =>
    listContent(space.scope(), {
      type: "city",
      query: get(readQueryText(new URLSearchParams(query), LIST_PARAMETERS)),
    });
  const { next } = get(await ask(ours, "limit=1"));
  const refused = await ask(theirs, `limit=1&cursor=${next}`);
  expect(refused.ok ? "" : refused.fault.code).toBe("cursor-invalid");
});
