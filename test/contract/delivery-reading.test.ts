// Content by id, by slug and as lists, from a real Postgres through the driver that the Worker uses: what is shown, to whom, and at what cost.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Count,
  ENTRIES_PARAMETERS,
  getContent,
  LIST_PARAMETERS,
  type Listed,
  listContent,
  listEntries,
  ONE_PARAMETERS,
  readQueryText,
} from "../../src/contexts/delivery/delivery.ts";
import type { Fault } from "../../src/kernel/fault.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import type { Result } from "../../src/kernel/result.ts";
import type { ScopeName } from "../../src/kernel/scope.ts";
import { citySearch, country } from "../support/delivery-shapes.ts";
import { type DeliverySpace, get, openDeliverySpace } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";

let space: DeliverySpace;
const READ: readonly ScopeName[] = ["content:read"];
const PREVIEW: readonly ScopeName[] = ["content:preview"];
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

const ask = (query: string, type = "city", scopes = READ, count?: Count) =>
  listContent(space.scope(scopes), {
    type,
    query: get(readQueryText(new URLSearchParams(query), LIST_PARAMETERS)),
    count,
  });
const list = async (query: string, type = "city", scopes = READ, count?: Count) =>
  get(await ask(query, type, scopes, count));
const entries = async (query: string, count?: Count) =>
  get(
    await listEntries(space.scope(PREVIEW), {
      type: "city",
      query: get(readQueryText(new URLSearchParams(query), ENTRIES_PARAMETERS)),
      count,
    }),
  );
const one = (name: string, query = "", type = "city", scopes = READ) =>
  getContent(space.scope(scopes), {
    type,
    name,
    query: get(readQueryText(new URLSearchParams(query), ONE_PARAMETERS)),
  });
const dataOf = ({ body }: Listed) => body["data"] as JsonObject[];
const idsOf = (listed: Listed) => dataOf(listed).map(({ id }) => id);
const pageOf = ({ body }: Listed) => body["page"] as JsonObject;

async function refusal(result: Promise<Result<unknown>>): Promise<Fault> {
  const settled = await result;
  if (settled.ok) throw new Error("was answered");
  return settled.fault;
}

beforeAll(async () => {
  space = await openDeliverySpace(stackHere(), [citySearch, country]);
  await space.put([
    {
      id: "fr",
      type: "country",
      slug: "france",
      fields: { name: { en: "France", fr: "La France" }, region: "Europe", borders: ["de", "be"] },
    },
    {
      id: "de",
      type: "country",
      slug: "germany",
      fields: { name: { en: "Germany", fr: "Allemagne" }, region: "Europe", borders: ["fr"] },
    },
    { id: "be", type: "country", fields: { name: { en: "Belgium" }, region: "Europe" }, publish: false },
    { id: "jp", type: "country", fields: { name: { en: "Japan", fr: "Japon" }, region: "Asia" } },
    {
      id: "paris",
      type: "city",
      slug: "city-of-light",
      fields: {
        name: { en: "Paris" },
        population: 2_103_000,
        capital: true,
        country: "fr",
        tags: ["river", "capital"],
        note: "n",
      },
    },
    {
      id: "berlin",
      type: "city",
      fields: {
        name: { en: "Berlin" },
        population: 3_700_000,
        capital: true,
        country: "de",
        neighbours: ["paris", "berlin", "nice"],
      },
    },
    {
      id: "tokyo",
      type: "city",
      fields: { name: { en: "Tokyo", fr: "Tōkyō" }, population: 14_000_000, capital: true, country: "jp" },
    },
    { id: "lyon", type: "city", slug: "lyon-slug", fields: { name: { en: "Lyon" }, country: "fr", tags: ["river"] } },
    {
      id: "nice",
      type: "city",
      fields: { name: { en: "Nice" }, population: 342_000, capital: false, country: "be" },
      publish: false,
    },
    { id: "metz", type: "city", slug: "metz-slug", fields: { name: { en: "Metz" } } },
  ]);
  await space.put([
    { id: "paris", type: "city", slug: "paname", fields: { name: { en: "Paname" }, population: 1 }, publish: false },
  ]);
  await space.withdraw("metz", "archived");
});
afterAll(() => space.close());

describe("one", () => {
  test("is found by id and by slug, in one statement", async () => {
    space.asked.length = 0;
    const byId = get(await one("paris"));
    expect(get(await one("city-of-light")).body).toEqual(byId.body);
    expect(byId).toMatchObject({
      source: "us-primary",
      position: await head(),
      body: {
        id: "paris",
        type: "city",
        slug: "city-of-light",
        locale: "en",
        version: 1,
        fields: {
          name: "Paris",
          population: 2_103_000,
          capital: true,
          country: "fr",
          tags: ["river", "capital"],
          note: "n",
        },
        publishedAt: TIME,
        createdAt: TIME,
        updatedAt: TIME,
      },
    });
    expect(space.asked.slice(0, 2)).toEqual([1, 1]);
  });

  test.each([["nowhere"], ["nice"], ["paname"], ["metz"], ["metz-slug"], ["fr"], ["'; select 1"], ["%"]])(
    "%s is not there for readers",
    async (name) => {
      expect(await refusal(one(name))).toMatchObject({
        kind: "missing",
        code: "content-missing",
        detail: `There is no published entry of type "city" with id or slug "${name}"`,
        position: await head(),
      });
    },
  );

  test("of a type that does not exist is not there", async () => {
    expect(await refusal(one("paris", "", "planet"))).toMatchObject({ kind: "missing", code: "type-missing" });
    expect(await refusal(one("paris", "", "constructor"))).toMatchObject({ code: "type-missing" });
    expect(await refusal(ask("", "planet"))).toMatchObject({ code: "type-missing" });
  });

  test("in a locale, with the fields asked for", async () => {
    expect(get(await one("tokyo", "locale=fr&fields=name,tags")).body).toMatchObject({
      locale: "fr",
      fields: { name: "Tōkyō" },
    });
    expect(get(await one("paris", "locale=fr")).body).toMatchObject({ locale: "fr", fields: { name: "Paris" } });
    expect(get(await one("tokyo", "locale=*")).body).toMatchObject({
      locale: "*",
      fields: { name: { en: "Tokyo", fr: "Tōkyō" } },
    });
  });

  test("with what it refers to, each published target once, one statement a hop", async () => {
    space.asked.length = 0;
    const { body } = get(await one("berlin", "include=neighbours.country,country.borders.borders&locale=fr"));
    expect(space.asked).toEqual([4]);
    expect(Object.keys(body["included"] as JsonObject).toSorted()).toEqual(["berlin", "de", "fr", "paris"]);
    expect(body["included"]).toMatchObject({
      de: {
        type: "country",
        slug: "germany",
        locale: "fr",
        fields: { name: "Allemagne", borders: ["fr"] },
        publishedAt: TIME,
      },
    });
    expect(get(await one("lyon", "include=neighbours")).body["included"]).toEqual({});
    expect(get(await one("lyon")).body).not.toHaveProperty("included");
  });
});

describe("drafts", () => {
  test("are shown to those who may preview", async () => {
    expect(await refusal(one("nice", "perspective=draft"))).toMatchObject({ kind: "forbidden", code: "scope-missing" });
    expect(await refusal(ask("perspective=draft", "planet"))).toMatchObject({ kind: "forbidden" });
    for (const scopes of [PREVIEW, ["content:write"] as const]) {
      expect(get(await one("nice", "perspective=draft", "city", scopes)).body).toEqual({
        id: "nice",
        type: "city",
        slug: null,
        locale: "en",
        version: 1,
        fields: { name: "Nice", population: 342_000, capital: false, country: "be" },
        publishedAt: null,
        createdAt: TIME,
        updatedAt: TIME,
      });
    }
    expect(get(await one("paname", "perspective=draft", "city", PREVIEW)).body).toMatchObject({
      id: "paris",
      version: 2,
      fields: { name: "Paname", population: 1 },
      publishedAt: TIME,
    });
    expect((await refusal(one("city-of-light", "perspective=draft", "city", PREVIEW))).code).toBe("content-missing");
    expect((await refusal(one("metz", "perspective=draft", "city", PREVIEW))).code).toBe("content-missing");
  });

  test("are listed and included with it", async () => {
    const listed = await list("perspective=draft&sort=population&include=country", "city", PREVIEW);
    expect(idsOf(listed)).toEqual(["paris", "nice", "berlin", "tokyo", "lyon"]);
    expect(Object.keys(listed.body["included"] as JsonObject).toSorted()).toEqual(["be", "de", "fr", "jp"]);
    expect(idsOf(await list("perspective=draft&filter[country.region]=Europe", "city", PREVIEW))).toEqual([
      "berlin",
      "lyon",
      "nice",
    ]);
  });

  test("do not show in what is published", async () => {
    expect(idsOf(await list("filter[population]=1"))).toEqual([]);
    expect(idsOf(await list("filter[country]=be"))).toEqual([]);
    expect(idsOf(await list("filter[country.name]=Belgium"))).toEqual([]);
  });
});

describe("a list", () => {
  test("is in order, in one statement and one more for each hop", async () => {
    space.asked.length = 0;
    const plain = await list("sort=-population&locale=fr&fields=name");
    expect(plain).toMatchObject({
      body: {
        data: ["tokyo", "berlin", "paris", "lyon"].map((id) =>
          expect.objectContaining({ id, locale: "fr", fields: { name: expect.any(String) } }),
        ),
        page: { next: null, size: 4, at: await head() },
      },
      tagged: expect.anything(),
      position: await head(),
      source: "us-primary",
      next: null,
    });
    await list(
      "filter[capital]=true&filter[population][gt]=5&filter[country.region]=Europe&sort=name&limit=1",
      "city",
      READ,
      "exact",
    );
    await list("include=country");
    await list("include=country.borders,neighbours");
    expect(space.asked).toEqual([1, 1, 2, 3]);
  });

  test("includes each target once", async () => {
    const { body } = await list("include=country.borders,neighbours&sort=-population");
    expect(Object.keys(body["included"] as JsonObject)).toEqual(["jp", "de", "fr", "paris", "berlin"]);
    expect(await list("filter[name]=nobody&include=country")).toMatchObject({
      body: { data: [], included: {}, page: { size: 0, next: null } },
    });
  });

  test("has the tag of its data and its question, wherever it stands in a walk", async () => {
    const [one, other] = [await list("limit=2&sort=name"), await list("limit=2&sort=name")];
    expect(one.tagged).toEqual(other.tagged);
    expect(one.tagged).not.toEqual((await list("limit=2&sort=-name")).tagged);
    expect((await list("filter[name]=x")).tagged).not.toEqual((await list("filter[name]=y")).tagged);
    expect(JSON.stringify(one.tagged)).not.toContain(one.next);
  });

  test("is counted when that is asked for", async () => {
    expect(pageOf(await list(""))).not.toHaveProperty("total");
    const counts = async (query: string, count: Count) => {
      const listed = await list(`${query}&limit=1`, "city", READ, count);
      return [pageOf(listed)["total"], listed.counted];
    };
    expect(await counts("", "exact")).toEqual([4, "exact"]);
    expect(await counts("sort=population", "estimated")).toEqual([4, "exact"]);
    expect(await counts("filter[capital]=true", "exact")).toEqual([3, "exact"]);
    expect(await counts("filter[capital]=true&filter[population][gte]=3000000&sort=name", "exact")).toEqual([
      2,
      "exact",
    ]);
    expect(await counts("filter[country.region]=Europe&sort=population", "exact")).toEqual([3, "exact"]);
    expect(await counts("filter[name]=nobody", "exact")).toEqual([0, "exact"]);
  });

  test("follows one reference to at most a thousand entries", async () => {
    for (let batch = 0; batch < 11; batch += 1) {
      await space.put(
        Array.from({ length: 95 }, (_, at) => ({
          id: `many-${batch}-${at}`,
          type: "country",
          fields: { region: "Many" },
        })),
      );
    }
    const many = await refusal(ask("filter[country.region]=Many"));
    expect(many).toMatchObject({
      kind: "malformed",
      code: "query-too-broad",
      errors: [{ parameter: "filter[country.region]" }],
    });
    expect(idsOf(await list("filter[country.region]=Asia"))).toEqual(["tokyo"]);
  });
});

describe("entries", () => {
  test("are listed as editors see them", async () => {
    const listed = await entries("type=city&sort=-population&limit=2");
    expect(dataOf(listed)[1]).toEqual({
      id: "berlin",
      type: "city",
      slug: null,
      status: "published",
      fields: {
        name: { en: "Berlin" },
        population: 3_700_000,
        capital: true,
        country: "de",
        neighbours: ["paris", "berlin", "nice"],
      },
      version: 1,
      publishedVersion: 1,
      createdAt: TIME,
      updatedAt: TIME,
      publishedAt: TIME,
      createdBy: "test",
      updatedBy: "test",
    });
    expect(idsOf(await entries("type=city"))).toEqual(["berlin", "lyon", "metz", "nice", "paris", "tokyo"]);
  });

  test.each([
    ["filter[status]=archived", ["metz"]],
    ["filter[status][in]=draft,changed", ["nice", "paris"]],
    ["filter[status][ne]=published", ["metz", "nice", "paris"]],
    ["filter[status]=published&sort=-population", ["tokyo", "berlin", "lyon"]],
    ["sort=status", ["metz", "paris", "nice", "berlin", "lyon", "tokyo"]],
    ["filter[publishedAt][exists]=false", ["metz", "nice"]],
    ["filter[name]=Paname", ["paris"]],
    ["filter[slug]=paname", ["paris"]],
    ["filter[updatedAt][gt]=2020-01-01&filter[createdAt][lt]=2020-01-01", []],
    ["locale=fr&filter[name]=T%C5%8Dky%C5%8D", ["tokyo"]],
  ])("by %s", async (query, ids) => expect(idsOf(await entries(`type=city&${query}`))).toEqual(ids));

  test("missing publication times come last, both ways", async () => {
    expect(idsOf(await entries("type=city&sort=publishedAt")).slice(-2)).toEqual(["metz", "nice"]);
    expect(idsOf(await entries("type=city&sort=-publishedAt")).slice(-2)).toEqual(["nice", "metz"]);
  });

  test("include drafts, whatever their status", async () => {
    const { body } = await entries("type=city&filter[id]=nice&include=country");
    expect(body["included"]).toMatchObject({ be: { status: "draft", fields: { name: { en: "Belgium" } } } });
    expect((await entries("type=city", "exact")).counted).toBe("exact");
    expect(pageOf(await entries("type=city", "exact"))["total"]).toBe(6);
  });
});

describe("six mebibytes", () => {
  const large = (mark: string) => mark.repeat(500_000);
  beforeAll(async () => {
    await space.put([{ id: "small", type: "country", fields: { area: 1 } }]);
    for (let at = 0; at < 20; at += 1)
      await space.put([
        {
          id: `large-${at < 10 ? "0" : ""}${at}`,
          type: "country",
          fields: { area: 1, note: large(String.fromCharCode(97 + at)), borders: at === 19 ? [] : ["small"] },
        },
      ]);
  });

  async function walk(query: string): Promise<readonly Listed[]> {
    const pages = [await list(query, "country")];
    for (let { next } = pages[0]!; next !== null; next = pages.at(-1)!.next)
      pages.push(await list(`${query}&cursor=${next}`, "country"));
    return pages;
  }

  test("end a page early, and the walk goes on", async () => {
    const pages = await walk("filter[area]=1&limit=1000");
    expect(pages.length).toBe(2);
    expect(pageOf(pages[0]!)).toMatchObject({ truncated: "bytes", size: 12 });
    expect(JSON.stringify(pages[0]!.body).length).toBeLessThan(6 * 1024 * 1024 + 10_000);
    expect(pages.flatMap(idsOf)).toEqual([
      ...Array.from({ length: 20 }, (_, at) => `large-${at < 10 ? "0" : ""}${at}`),
      "small",
    ]);
    expect(pageOf(pages[1]!)).not.toHaveProperty("truncated");
  });

  test("hold what is included, too", async () => {
    await space.put(
      Array.from({ length: 9 }, (_, at) => ({
        id: `refers-${at}`,
        type: "country",
        fields: { area: 2, borders: [`large-0${at}`, `large-1${at}`] },
      })),
    );
    const pages = await walk("filter[area]=2&include=borders");
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flatMap(idsOf)).toEqual(Array.from({ length: 9 }, (_, at) => `refers-${at}`));
    for (const page of pages) {
      expect(JSON.stringify(page.body).length).toBeLessThan(6 * 1024 * 1024);
      const included = page.body["included"] as JsonObject;
      for (const { fields } of dataOf(page))
        for (const id of (fields as JsonObject)["borders"] as string[]) expect(included).toHaveProperty(id);
    }
    const all = await list("filter[id]=refers-0&include=borders.borders", "country");
    expect(pageOf(all)).toMatchObject({ size: 1, next: null });
  });

  test("one entry is given even if what it refers to does not fit", async () => {
    await space.put([
      {
        id: "hub",
        type: "country",
        fields: { area: 3, borders: Array.from({ length: 20 }, (_, at) => `large-${at < 10 ? "0" : ""}${at}`) },
      },
    ]);
    const listed = await list("filter[area]=3&include=borders", "country");
    expect(pageOf(listed)).toMatchObject({ size: 1, next: null, truncated: "bytes" });
    expect(Object.keys(listed.body["included"] as JsonObject).length).toBeGreaterThan(3);
  });
});

async function head(): Promise<number> {
  const { rows } = await space.owner.query("select position from space_head where space = $1", [space.space.uid]);
  return Number(rows[0].position);
}
