// Something is away. Published content goes on being read; writing says at once that it cannot, leaves nothing half done, and goes on by itself.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, PLACES, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { checkSpace } from "../support/ledger.ts";
import { copySpace, headOf, openSql, printOf, type Sql, uidOf } from "../support/shards.ts";
import { unasked } from "../support/unasked.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let reader: Sql;
/** Asked once. Where nothing is away, the machine may be slow: `calm` insists. */
let space: Space;
let calm: Space;
let elsewhere: Space;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  reader = await openSql("us-fra");
  space = await makeSpace();
  calm = insistent(space);
  elsewhere = await makeSpace({ residency: "eu" });
  for (const each of [calm, insistent(elsewhere)]) {
    await makeTypes(each);
    await each.must("POST", "entries", {
      body: { type: "country", id: "fr", slug: "france", fields: { name: { en: "France" } }, publish: true },
    });
    await each.must("POST", "entries", {
      body: {
        type: "city",
        id: "paris",
        slug: "paris-slug",
        fields: { name: { en: "Paris" }, population: 2, country: "fr" },
        publish: true,
      },
    });
  }
  uid = await uidOf(sql, space.id);
});
beforeEach(async () => {
  // Every test begins with breakers closed and readers level.
  await until("all is well", async () => {
    const answers = await Promise.all([
      space.ask("GET", "types"),
      elsewhere.ask("GET", "types"),
      ask("GET", content(unasked("city")), { cf: PLACES.fra }),
      ask("GET", content(unasked("city")), { cf: PLACES.sin }),
    ]);
    const sources = answers.map(({ headers }) => headers.get("meridian-source"));
    return (
      sources.join() === "us-primary,eu-primary,us-fra,us-sin" &&
      (await headOf(reader, uid)) === (await headOf(sql, uid))
    );
  });
});
afterEach(() => control.restore());
afterAll(() => Promise.all([sql?.end(), reader?.end()]));

const content = (path: string, of: Space = space): string => `/v1/spaces/${of.id}/content/${path}`;
const country = (id: string) => ({ type: "country", id, fields: { name: { en: id } } });

/** Every management request there is. */
const MANAGEMENT: readonly (readonly [string, string, unknown?])[] = [
  ["GET", "entries/fr"],
  ["GET", "entries?type=country"],
  ["GET", "types"],
  ["GET", "types/country"],
  ["GET", "keys"],
  ["POST", "entries", country("new")],
  ["PUT", "entries/fr", { type: "country", fields: { name: { en: "changed" } } }],
  ["PATCH", "entries/fr", { fields: { region: "changed" } }],
  ["POST", "entries/fr/publish"],
  ["POST", "entries/fr/unpublish"],
  ["POST", "entries/fr/archive"],
  ["POST", "entries/fr/unarchive"],
  ["DELETE", "entries/fr?force=true"],
  ["PUT", "types/extra", { name: "Extra", schema: { type: "object", properties: {} } }],
  ["DELETE", "types/city"],
  ["POST", "keys", { name: "new", scopes: ["content:read"] }],
];
const LIMIT_MS = 5_000;

async function timed(question: Promise<Answer>): Promise<readonly [Answer, number]> {
  const start = performance.now();
  const answer = await question;
  return [answer, performance.now() - start];
}

describe.each(["down", "hang", "kill"] as const)("the primary of the home shard is away (%s)", (mode) => {
  test("content is read from readers, by everybody who could read it before", async () => {
    const key = await space.keyWith(["content:read"]);
    await until("the reader has the key", async () => (await headOf(reader, uid)) === (await headOf(sql, uid)));
    await control.fault("us-primary", { mode });
    for (const cf of [PLACES.fra, PLACES.sin, undefined]) {
      for (const path of [
        "city/paris",
        "city/paris-slug",
        "city?filter[population][gte]=1&sort=-population",
        "city/paris?include=country",
      ]) {
        for (const credential of [undefined, space.key, key]) {
          const answer = await ask("GET", content(unasked(path)), {
            ...(cf && { cf }),
            ...(credential === undefined ? {} : { key: credential }),
          });
          expect([path, answer.status], answer.text).toEqual([path, 200]);
          expect(answer.headers.get("meridian-source")).not.toBe("us-primary");
          expect(answer.position).toBeGreaterThan(0);
        }
      }
    }
    const missing = await ask("GET", content(`city/nowhere-${mode}`), { cf: PLACES.fra });
    expect([missing.status, missing.body.code]).toEqual([404, "content-missing"]);
  }, 60_000);

  if (mode !== "kill")
    test("management answers 503 in time, nothing is half written, and all goes on without a restart", async () => {
      const before = await printOf(sql, uid);
      await control.fault("us-primary", { mode });
      for (const [method, path, body] of MANAGEMENT) {
        const [answer, ms] = await timed(space.ask(method, path, body === undefined ? {} : { body }));
        expect([method, path, answer.status], answer.text).toEqual([method, path, 503]);
        expect(["database-unavailable", "outcome-unknown"], answer.text).toContain(answer.body.code);
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        expect.soft(ms, `${method} ${path}`).toBeLessThan(LIMIT_MS);
      }
      for (const [method, path] of [
        ["GET", "/v1/spaces"],
        ["GET", `/v1/spaces/${space.id}`],
        ["PATCH", `/v1/spaces/${space.id}`],
        ["DELETE", `/v1/spaces/${space.id}`],
      ] as const) {
        const [answer, ms] = await timed(
          ask(method, path, { key: rootKey(), ...(method === "PATCH" ? { body: { name: "changed" } } : {}) }),
        );
        expect([method, path, answer.status, ms < LIMIT_MS], answer.text).toEqual([method, path, 503, true]);
      }
      expect(await printOf(sql, uid), "not one row has changed").toBe(before);
      await control.heal();
      await until(
        "a write succeeds",
        async () => (await space.ask("PATCH", "entries/fr", { body: { fields: { region: mode } } })).status === 200,
      );
      const written = await calm.must("GET", "entries/fr");
      expect(written.body.fields.region).toBe(mode);
      await checkSpace(sql, uid);
    }, 180_000);
});

describe("the primary is away, and this isolate knows little", () => {
  test("a key that was made but never used here reads content", async () => {
    const key = await space.keyWith(["content:read"]);
    await until("the reader has the key", async () => (await headOf(reader, uid)) === (await headOf(sql, uid)));
    await control.fault("us-primary", { mode: "down" });
    const answer = await ask("GET", content(unasked("city/paris")), { key, cf: PLACES.fra });
    expect([answer.status, answer.headers.get("meridian-source")], answer.text).toEqual([200, "us-fra"]);
  });

  test("management with such a key is refused in time, though the primary does not even refuse", async () => {
    const key = await calm.keyWith(["content:preview", "content:write"]);
    await control.fault("us-primary", { mode: "hang" });
    const [answer, ms] = await timed(ask("POST", `/v1/spaces/${space.id}/entries`, { key, body: country("in-vain") }));
    expect([answer.status, answer.body.code, ms < LIMIT_MS], `${ms} ms`).toEqual([503, "database-unavailable", true]);
  });

  test("a key that is remembered goes on reading although another was made just before", async () => {
    const key = await space.keyWith(["content:read"]);
    expect((await ask("GET", content("city/paris"), { key, cf: PLACES.fra })).status).toBe(200);
    await space.keyWith(["content:read"]);
    await until("the reader has both", async () => (await headOf(reader, uid)) === (await headOf(sql, uid)));
    await control.fault("us-primary", { mode: "down" });
    const answer = await ask("GET", content(unasked("city/paris")), { key, cf: PLACES.fra });
    expect([answer.status, answer.headers.get("meridian-source")], answer.text).toEqual([200, "us-fra"]);
  });

  test("settings and types that changed just before are learnt from the reader", async () => {
    await calm.must("PUT", "types/fresh", {
      body: { name: "Fresh", schema: { type: "object", properties: { n: { type: "integer" } } } },
    });
    await calm.must("POST", "entries", {
      body: { type: "fresh", id: `fresh-${Date.now()}`, fields: {}, publish: true },
    });
    // Past the Worker, as another isolate would: this one has not heard of it.
    await sql("update space_head set schema_pos = position where space = $1", [uid]);
    await until("the reader is level", async () => {
      const [row] = await reader("select schema_pos = position as level from space_head where space = $1", [uid]);
      return row?.["level"] === true;
    });
    await control.fault("us-primary", { mode: "down" });
    for (const path of ["city", "fresh"]) {
      const answer = await ask("GET", content(unasked(path)), { cf: PLACES.fra });
      expect([path, answer.status], answer.text).toEqual([path, 200]);
    }
  });

  test("a space that nobody has asked for here yet is read from a reader", async () => {
    const cold = await copySpace(sql, uid, `cold-${Date.now().toString(36)}`);
    await until("the reader has it", async () => (await headOf(reader, cold.uid)) > 0);
    await control.fault("us-primary", { mode: "down" });
    const answer = await ask("GET", `/v1/spaces/${cold.id}/content/city/paris?include=country`, { cf: PLACES.fra });
    expect([
      answer.status,
      answer.body.fields?.name,
      Object.keys(answer.body.included ?? {}),
      answer.headers.get("meridian-source"),
    ]).toEqual([200, "Paris", ["fr"], "us-fra"]);
  });

  test("a space on another shard is read and written as ever", async () => {
    await control.fault("us-primary", { mode: "down" });
    const written = await elsewhere.ask("PATCH", "entries/fr", { body: { fields: { region: `r${Date.now()}` } } });
    expect(written.status, written.text).toBe(200);
    const published = await elsewhere.ask("POST", "entries/fr/publish");
    expect(published.status).toBe(200);
    const shown = await ask("GET", content("country/fr", elsewhere), {
      headers: { "Meridian-At-Least": String(published.position) },
    });
    expect(shown.status).toBe(200);
    expect(shown.position).toBeGreaterThanOrEqual(published.position);
  });
});

describe("readers are away", () => {
  test.each(["down", "error", "hang"] as const)("(%s): the next endpoint answers", async (mode) => {
    await control.fault("us-fra", { mode });
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask("GET", content(unasked("city")), { cf: PLACES.fra })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const { headers } of answers) expect(headers.get("meridian-source")).not.toBe("us-fra");
    await control.fault("us-sin", { mode });
    const last = await ask("GET", content(unasked("city/paris")), { cf: PLACES.fra });
    expect([last.status, last.headers.get("meridian-source")]).toEqual([200, "us-primary"]);
  });

  test("all of them and the primary: what was known is given, the rest is 503, and content is back when they are", async () => {
    const before = await ask("GET", content("city/paris"), { cf: PLACES.fra });
    for (const node of ["us-fra", "us-sin", "us-primary"]) await control.fault(node, { mode: "down" });
    const answer = await ask("GET", content(unasked("city/paris")), { cf: PLACES.fra });
    expect([answer.status, answer.body.code, Number(answer.headers.get("retry-after")) > 0]).toEqual([
      503,
      "database-unavailable",
      true,
    ]);
    const known = await ask("GET", content("city/paris"), { cf: PLACES.fra });
    expect([known.status, known.text]).toEqual([200, before.text]);
    await control.heal();
    await until(
      "content is back",
      async () => (await ask("GET", content(unasked("city")), { cf: PLACES.fra })).status === 200,
    );
  });
});

describe.each(["down", "error", "hang"] as const)("Redis is away (%s)", (mode) => {
  test("writes and reads succeed, and wait for it no longer than they may", async () => {
    await until("Redis is asked", async () => {
      await control.resetCounters();
      await calm.must("PUT", "entries/warm", {
        body: { type: "country", fields: { name: { en: crypto.randomUUID() } } },
      });
      return (await control.counters()).redis.requests > 0;
    });
    await control.fault("redis", { mode });
    for (let n = 0; n < 6; n += 1) {
      const [written, ms] = await timed(
        space.ask("PUT", `entries/redis-${mode}`, { body: { type: "country", fields: { name: { en: `${n}` } } } }),
      );
      expect([200, 201], written.text).toContain(written.status);
      expect(ms).toBeLessThan(LIMIT_MS);
      const published = await space.ask("POST", `entries/redis-${mode}/publish`);
      expect(published.status, published.text).toBe(200);
      const shown = await ask("GET", content(`country/redis-${mode}`), {
        headers: { "Meridian-At-Least": String(published.position) },
      });
      expect([shown.status, shown.body.fields.name]).toEqual([200, `${n}`]);
    }
  }, 60_000);
});
