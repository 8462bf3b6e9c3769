// Walks by cursor while the space changes: every page shows the state of the first one, each entry once, with what it referred to then.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ENTRIES_PARAMETERS,
  LIST_PARAMETERS,
  type Listed,
  listContent,
  listEntries,
  readQueryText,
} from "../../src/contexts/delivery/delivery.ts";
import type { WorkBudget } from "../../src/contexts/delivery/plan.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Reader } from "../../src/platform/database/database.ts";
import { cityComposed, country } from "../support/delivery-shapes.ts";
import { type DeliverySpace, get, openDeliverySpace, type Seed } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";

let space: DeliverySpace;
let turn = 0;

beforeAll(async () => {
  space = await openDeliverySpace(stackHere(), [cityComposed, country]);
  await space.put(
    ["a", "b", "c"].map((id) => ({
      id,
      type: "country",
      fields: { name: { en: id }, region: id === "a" ? "Europe" : "Asia" },
    })),
  );
});
afterAll(() => space.close());

function city(at: number, salt: number): Seed {
  const n = (at * 7 + salt * 13) % 11;
  const fields: JsonObject = {
    name: { en: `n${n}`, ...(n % 2 ? { fr: `f${n}` } : {}) },
    capital: n % 2 === 0,
    country: "abc"[n % 3]!,
    tags: n % 4 ? ["x"] : [],
    ...(n % 5 ? { population: n } : {}),
  };
  return { id: `w${String(at).padStart(3, "0")}`, type: "city", slug: n % 3 ? `slug-${at}-${salt}` : null, fields };
}

/** Something of everything that can happen to published content. */
async function disturb(): Promise<void> {
  turn += 1;
  const ids = [...space.entries].filter(([, { type }]) => type === "city").map(([id]) => id);
  const pick = (at: number) => ids[(turn * 31 + at * 17) % ids.length]!;
  await space.put(
    [5, 6, 7]
      .map((at) => city(Number(pick(at).slice(1)), turn))
      .filter((seed, at, all) => all.findIndex(({ id }) => id === seed.id) === at),
  );
  await space.put([{ ...city(500 + turn, turn), publish: turn % 2 === 0 }]);
  if (space.entries.get(pick(1))?.publishedVersion) await space.withdraw(pick(1), turn % 2 ? "draft" : "archived");
  await space.remove(pick(2));
  await space.put([
    { id: "b", type: "country", fields: { name: { en: `b${turn}` }, region: turn % 2 ? "Europe" : "Asia" } },
  ]);
}

async function page(query: string, budget: WorkBudget | undefined, cursor?: string): Promise<Listed> {
  const params = new URLSearchParams(query);
  if (cursor !== undefined) params.set("cursor", cursor);
  return get(
    await listContent(space.scope(["content:read"], budget ? { budget } : {}), {
      type: "city",
      query: get(readQueryText(params, LIST_PARAMETERS)),
    }),
  );
}

const QUERIES = [
  "sort=population",
  "sort=-population",
  "sort=name&locale=fr",
  "sort=-name",
  "",
  "sort=-id",
  "sort=slug",
  "sort=-slug",
  "sort=-publishedAt",
  "sort=updatedAt",
  "filter[country]=b&sort=-population",
  "filter[country]=b&sort=population",
  "sort=country,-population",
  "filter[country]=c",
  "filter[population][gte]=3&sort=-population",
  "filter[tags][contains]=x&sort=name",
  "filter[capital]=true&filter[country]=a&sort=-name",
  "filter[country.region]=Asia&sort=population",
  "filter[country.region][ne]=Asia",
  "filter[or][0][capital]=true&filter[or][1][population][gt]=8&sort=-name",
  "filter[name][in]=n1,n2,n3&sort=-population",
];

describe.each([
  { name: "as in production", budget: undefined },
  { name: "with hardly any work allowed", budget: { probe: 5, walk: 12 } },
])("a walk, $name", ({ budget }) => {
  test.each(QUERIES)("%s", async (query) => {
    const seeds = Array.from({ length: 60 }, (_, at) => city(at, turn));
    await space.put(seeds);
    const asked = `${query}&include=country${query.includes("locale") ? "" : "&locale=en"}`;
    const whole = await page(`${asked}&limit=1000`, undefined);
    const wanted = whole.body["data"] as JsonObject[];
    expect(wanted.length).toBeGreaterThan(5);

    const data: JsonObject[] = [];
    const included: Record<string, unknown> = {};
    const first = await page(`${asked}&limit=9`, budget);
    for (let listed = first; ; ) {
      expect(listed.body["page"]).toMatchObject({ at: whole.position });
      expect(listed.position).toBe(whole.position);
      data.push(...(listed.body["data"] as JsonObject[]));
      Object.assign(included, listed.body["included"]);
      if (listed.next === null) break;
      await disturb();
      listed = await page(`${asked}&limit=${11 + (turn % 5)}`, budget, listed.next);
    }
    expect(data.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
    expect(data).toEqual(wanted);
    expect(included).toEqual(whole.body["included"]);
  });
});

test("a walk outlives the deletion of everything", async () => {
  await space.put(Array.from({ length: 30 }, (_, at) => city(at, 1)));
  const whole = await page("sort=-name&limit=1000", undefined);
  const first = await page("sort=-name&limit=3", undefined);
  for (const [id, { type }] of [...space.entries]) if (type === "city") await space.remove(id);
  const data = [...(first.body["data"] as JsonObject[])];
  for (let { next } = first; next !== null; ) {
    const listed = await page("sort=-name&limit=40", { probe: 5, walk: 12 }, next);
    data.push(...(listed.body["data"] as JsonObject[]));
    next = listed.next;
  }
  expect(data).toEqual(whole.body["data"]);
  expect((await page("sort=-name", undefined)).body["data"]).toEqual([]);
});

test("a page after the first is asked of those who have reached the first one's position", async () => {
  await space.put(Array.from({ length: 5 }, (_, at) => city(at, 2)));
  const pins: (number | undefined)[] = [];
  const { reader } = space.scope().data;
  const watched: Reader = {
    space: space.space,
    read(statements, pinned) {
      pins.push(pinned);
      return reader.read(statements, pinned);
    },
  };
  let listed: Listed | undefined;
  const first = await page("limit=2", undefined);
  for (const cursor of ["", `&cursor=${first.next}`]) {
    const query = get(readQueryText(new URLSearchParams(`limit=2${cursor}`), LIST_PARAMETERS));
    listed = get(await listContent(space.scope(["content:read"], { reader: watched }), { type: "city", query }));
  }
  expect(pins).toEqual([undefined, first.position]);
  expect(listed?.position).toBe(first.position);
});

test("a cursor does not survive the slots that its keys came from", async () => {
  const { next } = await page("sort=population&limit=2", undefined);
  const moved = {
    ...cityComposed,
    fields: cityComposed.fields.map((field) =>
      field.name === "population" ? { ...field, slots: { "": "n8" } } : field,
    ),
  };
  const refused = await listContent(space.scope(["content:read"], { types: new Map([["city", { shape: moved }]]) }), {
    type: "city",
    query: get(readQueryText(new URLSearchParams(`sort=population&limit=2&cursor=${next}`), LIST_PARAMETERS)),
  });
  expect(refused.ok ? "" : refused.fault.code).toBe("cursor-invalid");
});

test("entries are walked as they are by then, and keep the position of the first page", async () => {
  const ask = async (query: string) =>
    get(
      await listEntries(space.scope(["content:preview"]), {
        type: "city",
        query: get(readQueryText(new URLSearchParams(`type=city&${query}`), ENTRIES_PARAMETERS)),
      }),
    );
  const first = await ask("limit=2");
  const shown = (first.body["data"] as JsonObject[]).map(({ id }) => id);
  await space.put([{ ...city(4, 99), publish: false }]);
  const second = await ask(`limit=1000&cursor=${first.next}`);
  expect([...shown, ...(second.body["data"] as JsonObject[]).map(({ id }) => id)]).toEqual(
    [...space.entries]
      .filter(([, { type }]) => type === "city")
      .map(([id]) => id)
      .toSorted(),
  );
  expect((second.body["page"] as JsonObject)["at"]).toBe(first.position);
  expect((second.body["data"] as JsonObject[]).find(({ id }) => id === "w004")).toMatchObject({
    status: "changed",
    fields: city(4, 99).fields,
  });
});
