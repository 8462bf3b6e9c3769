// Budgets as a client meets them: what is charged, what is told, who is refused, and how an operator changes it.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { digestHead } from "../support/redis.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";
import { unasked } from "../support/unasked.ts";
import { askChecked, expectRefusal, witnessed } from "../support/witness.ts";

const QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/** Far longer than this file takes: what is spent stays spent. */
const WINDOW = 86_400;

interface Told {
  readonly budget: string;
  readonly quota: number;
  readonly window: number;
  readonly left: number;
  readonly reset: number;
}

/** Structured fields (RFC 9651) with one member each, exactly as the draft writes them. */
function told({ headers }: Answer): Told {
  const [, named, q, w] = /^"([a-z]+)";q=(\d+);w=(\d+)$/.exec(headers.get("ratelimit-policy") ?? "") ?? [];
  const [, budget, r, t] = /^"([a-z]+)";r=(\d+);t=(\d+)$/.exec(headers.get("ratelimit") ?? "") ?? [];
  expect(budget).toBe(named);
  return { budget: budget as string, quota: Number(q), window: Number(w), left: Number(r), reset: Number(t) };
}

const limited = async (limits: object, more: object = {}): Promise<Space> =>
  witnessed(await makeSpace({ plan: "free", limits, ...more }));
const country = (id: string) => ({ type: "country", id, fields: { name: { en: id } } });
const patch = (space: Space, body: object): Promise<Answer> =>
  askChecked("PATCH", `/v1/spaces/${space.id}`, { key: rootKey(), body });

describe("what is told", () => {
  let space: Space;
  beforeAll(async () => {
    space = await limited({});
    await makeTypes(space);
    await space.must("POST", "entries", { body: { ...country("fr"), publish: true } });
  });

  test.each([
    ["free", { read: 600, write: 60 }],
    ["pro", { read: 6_000, write: 600 }],
    ["scale", { read: 60_000, write: 6_000 }],
  ])("a plan's numbers: %s", async (plan, { read, write }) => {
    const own = await limited({}, { plan });
    await makeTypes(own);
    expect(told(await own.must("GET", "types"))).toMatchObject({ budget: "read", quota: read, window: 60 });
    expect(told(await own.must("POST", "entries", { body: country("x") }))).toMatchObject({
      budget: "write",
      quota: write,
      window: 60,
    });
  });

  test("on refusals after it was charged, on replays, on nothing that comes before", async () => {
    const headers = { "idempotency-key": "one" };
    const [first, again] = [
      await space.must("POST", "entries", { body: country("de"), headers }),
      await space.must("POST", "entries", { body: country("de"), headers }),
    ];
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(told(again).left).toBe(told(first).left - 1);
    expect(told(await space.ask("POST", "entries", { raw: "{" })).left).toBe(told(again).left - 1);
    expect(told(await space.ask("GET", "content/country/nowhere")).budget).toBe("read");
    expect(told(await space.ask("GET", "content/country/fr", { headers: { "meridian-at-least": "x" } })).budget).toBe(
      "read",
    );
    for (const refused of [
      await space.ask("POST", "entries", { key: "wrong", body: country("it") }),
      await space.ask("POST", "entries", { key: await space.keyWith(["audit:read"]), body: country("it") }),
      await askChecked("GET", "/v1/spaces/r-absent/types", { key: space.key }),
    ]) {
      expect(refused.status).toBeGreaterThanOrEqual(401);
      expect(refused.headers.get("ratelimit")).toBeNull();
    }
  });

  test("a page of a browser may read it", async () => {
    const answer = await ask("GET", `/v1/spaces/${space.id}/content/country/fr`);
    expect(answer.headers.get("access-control-expose-headers")).toMatch(/RateLimit, RateLimit-Policy/);
    expect(told(answer).budget).toBe("read");
  });

  test("the root key has no limit", async () => {
    const answer = await askChecked("POST", `/v1/spaces/${space.id}/keys`, {
      key: rootKey(),
      body: { name: "root made it", scopes: ["content:read"] },
    });
    expect([answer.status, answer.headers.get("ratelimit")]).toEqual([201, null]);
  });
});

describe("write: exact", () => {
  test("a quota is given out exactly once, also to many at once", async () => {
    const space = await limited({ write: { quota: 12, window: WINDOW } });
    await makeTypes(space);
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => space.ask("POST", "entries", { body: country(`c-${at}`) })),
    );
    const [made, refused] = [201, 429].map((status) => answers.filter((answer) => answer.status === status));
    // The types took two. A Redis that took too long to answer may have counted whom nobody let through.
    expect((made?.length ?? 0) + (refused?.length ?? 0)).toBe(30);
    expect(made?.length).toBeGreaterThan(0);
    expect(made?.length).toBeLessThanOrEqual(10);
    const last = refused?.[0] as Answer;
    expectRefusal(last, 429, "rate-limited");
    expect(last.body.type).toBe(QUOTA_EXCEEDED);
    const { budget, quota, window, left, reset } = told(last);
    expect({ budget, quota, window, left }).toEqual({ budget: "write", quota: 12, window: WINDOW, left: 0 });
    expect(last.headers.get("retry-after")).toBe(String(reset));
    expect(reset).toBeLessThanOrEqual(WINDOW);
    expect((await space.must("GET", "entries?type=country")).body.data).toHaveLength(made?.length ?? 0);
  });

  test("each credential has its own", async () => {
    const space = await limited({ write: { quota: 3, window: WINDOW } });
    await makeTypes(space);
    const other = await space.keyWith(["content:write"]);
    expect((await space.ask("POST", "entries", { body: country("a") })).status).toBe(201);
    expect((await space.ask("POST", "entries", { body: country("b") })).status).toBe(429);
    expect(told(await space.must("POST", "entries", { body: country("b"), key: other })).left).toBe(2);
  });

  test("an operator's change counts within seconds, for those too who are always refused", async () => {
    const space = await limited({ write: { quota: 2, window: WINDOW } });
    await makeTypes(space);
    expect((await space.ask("POST", "entries", { body: country("a") })).status).toBe(429);
    await patch(space, { limits: { write: { quota: 4, window: WINDOW } } });
    await until(
      "the new limit counts",
      async () => (await space.ask("POST", "entries", { body: country("a") })).status === 201,
    );
    await patch(space, { limits: { write: null }, plan: "pro" });
    await until("the plan counts", async () => told(await space.ask("GET", "types")).quota === 6_000);
    expect(told(await space.must("POST", "entries", { body: country("b") }))).toMatchObject({ quota: 600, window: 60 });
  });
});

describe("read: approximate, by weight", () => {
  let space: Space;
  beforeAll(async () => {
    space = await limited({ read: { quota: 1_000, window: WINDOW } });
    await makeTypes(space);
    await space.must("POST", "entries", { body: { ...country("fr"), publish: true } });
  });
  const cost = async (path: string, options: Parameters<Space["ask"]>[2] = {}): Promise<number> => {
    const before = told(await space.ask("GET", "types", { headers: { "meridian-at-least": "x" } })).left;
    const after = told(await space.ask("GET", path, options));
    return before - after.left;
  };

  test("1 for the news that nothing changed, 5 for what was read, 20 for a large page", async () => {
    const { headers } = await space.must("GET", "content/country/fr");
    const sent: number[] = [
      await cost("types", { headers: { "meridian-at-least": "x" } }),
      await cost("content/country/fr", { headers: { "if-none-match": headers.get("etag") as string } }),
      await cost("content/country/nowhere"),
      await cost("content/country?limit=100"),
      await cost("content/country?limit=101"),
      await cost("entries?type=country&limit=1000"),
    ];
    expect(sent).toEqual([1, 1, 5, 5, 20, 20]);
  });

  test("the quota is the end, for this credential alone; anybody else's are charged to the space together", async () => {
    const own = await limited({ read: { quota: 30, window: WINDOW } });
    await makeTypes(own);
    await own.must("POST", "entries", { body: { ...country("fr"), publish: true } });
    const statuses = [];
    for (let n = 0; n < 8; n += 1) statuses.push((await own.ask("GET", `content/${unasked("country")}`)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
    // Even what memory has.
    const refused = await own.ask("GET", "content/country/fr");
    expectRefusal(refused, 429, "rate-limited");
    expect([refused.body.type, told(refused).left]).toEqual([QUOTA_EXCEEDED, 0]);
    const anybody = async (address: string): Promise<Answer> =>
      await askChecked("GET", `/v1/spaces/${own.id}/content/${unasked("country")}`, {
        headers: { "cf-connecting-ip": address },
      });
    const strangers = [];
    for (let n = 0; n < 7; n += 1) strangers.push((await anybody(`192.0.2.${n}`)).status);
    expect(strangers).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect((await own.ask("GET", "content/country/fr", { key: await own.keyWith(["content:read"]) })).status).toBe(200);
    // Writes are another budget.
    expect((await own.ask("POST", "entries", { body: country("de") })).status).toBe(201);
  });
});

describe("auth: credentials that look right and are not", () => {
  const forged = async (space: Space, secret = 0): Promise<string> => {
    const { formatKey, newSecret } = await import("../../src/contexts/tenancy/domain/key-text.ts");
    return formatKey(space.key.split("_")[1] as never, newSecret(new Uint8Array(20).fill(secret)));
  };
  const from = (address: string) => ({ headers: { "cf-connecting-ip": address } });

  test("are counted by key id and address: whoever guesses is stopped, the owner is not, wherever they are", async () => {
    const space = await limited({ auth: { quota: 3, window: WINDOW } });
    const statuses = [];
    for (let n = 0; n < 5; n += 1)
      statuses.push((await space.ask("GET", "types", { key: await forged(space, n), ...from("198.51.100.1") })).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    const refused = await space.ask("GET", "types", { key: await forged(space, 4), ...from("198.51.100.1") });
    expectRefusal(refused, 429, "rate-limited");
    expect(told(refused)).toMatchObject({ budget: "auth", quota: 3, window: WINDOW, left: 0 });
    for (const address of ["198.51.100.1", "198.51.100.2"])
      expect((await space.ask("GET", "types", from(address))).status).toBe(200);
    expect((await space.ask("GET", "types", { key: await forged(space), ...from("198.51.100.2") })).status).toBe(401);
    // Another key of the same owner, at the same address.
    const other = await space.keyWith(["content:read"]);
    expect((await space.ask("GET", "types", { key: other, ...from("198.51.100.1") })).status).toBe(200);
  });

  test("one IPv6 subscriber is one address", async () => {
    const space = await limited({ auth: { quota: 2, window: WINDOW } });
    const statuses = [];
    for (const address of ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"])
      statuses.push((await space.ask("GET", "types", { key: await forged(space), ...from(address) })).status);
    expect(statuses).toEqual([401, 401, 429, 401]);
  });

  test("a text that cannot be a key is not counted, and operators' paths count as well", async () => {
    const space = await limited({ auth: { quota: 2, window: WINDOW } });
    for (let n = 0; n < 4; n += 1) {
      const answer = await space.ask("GET", "types", { key: `${space.key}x`, ...from("198.51.100.9") });
      expect([answer.status, answer.headers.get("ratelimit")]).toEqual([401, null]);
    }
    const answer = await askChecked("GET", "/v1/spaces", { key: await forged(space), ...from("198.51.100.9") });
    // The path says nothing of a space: the smallest plan's number counts.
    expect([answer.status, told(answer)]).toMatchObject([401, { budget: "auth", quota: 10 }]);
  });
});

describe("Redis", () => {
  const control = openControl(stackHere().control);
  let sql: Sql;
  beforeAll(async () => {
    sql = await openSql();
  });
  afterEach(() => control.restore());
  afterAll(() => sql?.end());

  test("is asked twice for a write, as without limits: what counts it also marks the space", async () => {
    const space = await limited({}, { plan: "scale" });
    await makeTypes(space);
    const uid = await uidOf(sql, space.id);
    let looks = 0;
    const written = async (id: string): Promise<void> => {
      const { position } = await space.must("POST", "entries", { body: country(id) });
      await until("the digest has it", async () => {
        looks += 1;
        return ((await digestHead(uid)) ?? 0) >= position;
      });
    };
    await written("first");
    await control.resetCounters();
    looks = 0;
    const writes = 10;
    for (let n = 0; n < writes; n += 1) await written(`c-${n}`);
    // Without this test's own looks; the cron may come by.
    const requests = (await control.counters()).redis.requests - looks;
    expect(requests).toBeGreaterThanOrEqual(2 * writes);
    expect(requests).toBeLessThanOrEqual(2 * writes + 5);
  });

  test.each(["down", "hang"] as const)("away (%s): reads and writes go on, guessing does not", async (mode) => {
    const space = await limited({ auth: { quota: 100, window: WINDOW } });
    await makeTypes(space);
    await space.must("POST", "entries", { body: { ...country("fr"), publish: true } });
    const { formatKey, newSecret } = await import("../../src/contexts/tenancy/domain/key-text.ts");
    await control.fault("redis", { mode });
    expect(told(await space.must("GET", "content/country/fr"))).toMatchObject({ budget: "read", quota: 600 });
    for (const id of ["a", "b", "c"])
      expect(told(await space.must("POST", "entries", { body: country(id) }))).toMatchObject({
        budget: "write",
        quota: 60,
      });
    const statuses = [];
    for (let n = 0; n < 7; n += 1) {
      const key = formatKey(space.key.split("_")[1] as never, newSecret(new Uint8Array(20).fill(n)));
      statuses.push((await space.ask("GET", "types", { key })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    expect((await space.ask("GET", "types")).status).toBe(200);
  });
});
