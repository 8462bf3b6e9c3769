// What a request costs in SQL is a promise, counted at the gateway: one round trip, and one statement a hop of include.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, PLACES, rootKey, type Space } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { unasked } from "../support/unasked.ts";

const control = openControl(stackHere().control);
let space: Space;

beforeAll(async () => {
  space = insistent(await makeSpace());
  await makeTypes(space);
  for (const id of ["fr", "de", "es"])
    await space.must("POST", "entries", {
      body: { type: "country", id, slug: `slug-${id}`, fields: { name: { en: id }, borders: ["fr"] } },
    });
  for (const id of ["fr", "de", "es"]) await space.must("POST", `entries/${id}/publish`);
  for (let n = 0; n < 5; n += 1) {
    await space.must("POST", "entries", {
      body: {
        type: "city",
        id: `c${n}`,
        slug: `city-${n}`,
        fields: { name: { en: `city ${n}` }, population: n, country: ["fr", "de", "es"][n % 3] },
        publish: true,
      },
    });
  }
});
afterEach(() => control.restore());

interface Cost {
  /** `<node>: <requests>/<statements>` of requests; what bells and sweeps ask is not theirs. */
  readonly sql: readonly string[];
  readonly redis: number;
}

/** What the second of two like requests costs: the first has learnt what there is to learn. */
async function cost(question: () => Promise<Answer>, status: number): Promise<Cost> {
  await question();
  await settled();
  await control.resetCounters();
  const answer = await question();
  const { postgres, redis } = await control.countersByCaller();
  expect(answer.status, answer.text).toBe(status);
  const sql = Object.entries(postgres).flatMap(([node, { request }]) =>
    request === undefined ? [] : [`${node}: ${request.requests}/${request.statements}`],
  );
  return { sql, redis: redis.requests };
}

/** What this isolate knows of the space is refreshed now and then, and a slow machine may get there between the two: the least of some rounds counts. */
async function costs(question: () => Promise<Answer>, status: number, expected: Partial<Cost>): Promise<void> {
  for (let left = 3; ; left -= 1) {
    const found = await cost(question, status);
    try {
      expect(found).toMatchObject(expected);
      return;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Waits until nothing runs behind earlier answers any more. */
async function settled(): Promise<void> {
  let before = -1;
  for (;;) {
    const now = (await control.counters()).redis.requests;
    if (now === before) return;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const content = (path: string, more: object = {}): (() => Promise<Answer>) => {
  return () => ask("GET", `/v1/spaces/${space.id}/content/${unasked(path)}`, { cf: PLACES.iad, ...more });
};

const kept =
  (path: string, more: object = {}): (() => Promise<Answer>) =>
  () =>
    ask("GET", `/v1/spaces/${space.id}/content/${path}`, { cf: PLACES.iad, ...more });

describe("content: one request to the nearest endpoint", () => {
  test.each([
    ["one by id", "city/c1", 1],
    ["one by slug", "city/city-1", 1],
    ["one with a hop of include", "city/c1?include=country", 2],
    ["one with two hops", "city/c1?include=country.borders", 3],
    ["one with three hops", "city/c1?include=country.borders.borders", 4],
    ["a list", "city", 1],
    ["a list by a filter", "city?filter[population][gte]=2", 1],
    ["a list by a filter of equality", "city?filter[country]=fr", 1],
    ["a list in an order", "city?sort=-population&filter[name][exists]=true", 1],
    ["a list by a filter over a hop", "city?filter[country.name]=fr", 1],
    ["a list with a hop of include", "city?include=country", 2],
    ["a list with two hops", "city?include=country,country.borders", 3],
    ["an empty list with two hops", "city?filter[population][gt]=99&include=country.borders", 3],
  ])("%s", async (_, path, statements) => {
    await costs(content(path), 200, { sql: [`us-primary: 1/${statements}`] });
  });

  test("what is not there costs no more", async () => {
    await costs(content("city/nothing"), 404, { sql: ["us-primary: 1/1"] });
  });

  test("from a reader, and with a key, no more either", async () => {
    await costs(content("city/c1", { cf: PLACES.fra }), 200, { sql: ["us-fra: 1/1"] });
    await costs(content("city/c1?include=country", { cf: PLACES.sin, key: space.key }), 200, { sql: ["us-sin: 1/2"] });
  });

  test("a page with its count asks one statement more", async () => {
    await costs(content("city?sort=name", { headers: { Prefer: "count=exact" } }), 200, {
      sql: [expect.stringMatching(/^us-primary: 1\/[12]$/)],
    });
  });

  test("a next page is as cheap as the first", async () => {
    const first = await kept("city?limit=2&sort=population")();
    await costs(kept(`city?limit=2&sort=population&cursor=${encodeURIComponent(first.body.page.next)}`), 200, {
      sql: ["us-primary: 1/1"],
      redis: 0,
    });
  });

  test.each([
    ["one", "city/c2", 200],
    ["one with a key", "city/c2", 200],
    ["a list with an include", "city?include=country", 200],
    ["what is not there", "city/nobody", 404],
  ])("asked again, it costs no SQL at all: %s", async (name, path, status) => {
    await costs(kept(path, name.includes("key") ? { key: space.key } : {}), status, { sql: [] });
  });

  test("changes are one statement, found by index; an export begins with two, and each page is one more request", async () => {
    const inside = (path: string) => () => ask("GET", `/v1/spaces/${space.id}/${path}`, { cf: PLACES.iad });
    for (const path of ["changes", "changes?after=3&limit=1000", "changes?type=country&limit=2"])
      await costs(inside(path), 200, { sql: ["us-primary: 1/1"] });
    await costs(inside("export?type=city"), 200, { sql: ["us-primary: 1/2"] });
    await costs(inside("export"), 200, { sql: ["us-primary: 2/3"] });
  });

  test("what is refused before anything is read costs nothing once that is proved", async () => {
    const { sql } = await cost(content("city?filter[note]=x"), 400);
    expect(sql.length, "at most what is known is read again").toBeLessThanOrEqual(1);
  });
});

describe("entries", () => {
  const keyed = (method: string, path: string, body?: unknown) => () =>
    space.ask(method, path, body === undefined ? {} : { body });
  let n = 0;
  const fresh = () => {
    n += 1;
    return { type: "city", id: `new${n}`, slug: `new-slug-${n}`, fields: { name: { en: `n${n}` }, country: "fr" } };
  };

  test("reading one, and a list: one request, one statement", async () => {
    await costs(keyed("GET", "entries/c1"), 200, { sql: ["us-primary: 1/1"] });
    await costs(keyed("GET", "entries?type=city"), 200, { sql: ["us-primary: 1/1"] });
  });

  test("every write is a load and a commit", async () => {
    let flip = 0;
    const changing =
      (path: string, method = "PATCH") =>
      () => {
        flip += 1;
        return space.ask(method, path, {
          body:
            method === "PUT"
              ? { type: "city", fields: { name: { en: `f${flip}` } } }
              : { fields: { population: flip + 1000 } },
        });
      };
    const twoStatements = ["us-primary: 2/2"];
    await costs(() => keyed("POST", "entries", fresh())(), 201, { sql: twoStatements });
    await costs(() => keyed("POST", "entries", { ...fresh(), publish: true })(), 201, { sql: twoStatements });
    await costs(changing("entries/c1"), 200, { sql: twoStatements });
    await costs(changing("entries/c2", "PUT"), 200, { sql: twoStatements });
  });

  test("that other types were saved, or keys made, since this isolate looked costs a write nothing", async () => {
    let n = 0;
    const afterChanges = async () => {
      n += 1;
      await space.must("PUT", `types/unrelated`, {
        body: { name: `n${n}`, schema: { type: "object", properties: {} } },
      });
      await space.keyWith(["content:read"]);
      await settled();
      await control.resetCounters();
      return await space.ask("POST", "entries", { body: fresh() });
    };
    // The second asks what the first has asked; what the changes before it cost is not counted.
    await costs(afterChanges, 201, { sql: ["us-primary: 2/2"] });
  });

  test("under an Idempotency-Key no more, and its replay is found by the commit or by one look", async () => {
    const headers = () => ({ "Idempotency-Key": crypto.randomUUID() });
    await costs(() => space.ask("POST", "entries", { body: fresh(), headers: headers() }), 201, {
      sql: ["us-primary: 2/2"],
    });
    const [kept, body] = [headers(), fresh()];
    await costs(() => space.ask("POST", "entries", { body, headers: kept }), 201, { sql: ["us-primary: 2/2"] });
  });

  test("a write that changes nothing loads, and commits nothing", async () => {
    await costs(keyed("POST", "entries/c3/publish"), 200, { sql: ["us-primary: 1/1"] });
  });

  test("making a key is a commit alone", async () => {
    await costs(
      () =>
        ask("POST", `/v1/spaces/${space.id}/keys`, { key: rootKey(), body: { name: "k", scopes: ["content:read"] } }),
      201,
      { sql: ["us-primary: 1/1"] },
    );
  });
});
