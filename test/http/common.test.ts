// What holds whatever is asked: ids, traces, positions, documents.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROBLEMS } from "../../src/http/problems.ts";
import { type Answer, ask, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { all } from "../support/lanes.ts";
import { wire } from "../support/wire.ts";
import { askChecked, expectRefusal, witnessed } from "../support/witness.ts";

let space: Space;
let postgres: pg.Client;

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: true }));
  await makeTypes(space);
  postgres = new pg.Client({ connectionString: stackHere().postgres["us-primary"] });
  await postgres.connect();
});

afterAll(() => postgres.end());

async function eventAt(position: number): Promise<{ meta: Record<string, unknown>; at: Date; type: string }> {
  const { rows } = await postgres.query(
    "select e.meta, e.at, e.type from events e join directory d on d.uid = e.space where d.id = $1 and e.position = $2",
    [space.id, position],
  );
  return rows[0];
}

test("how long an answer took says how much of that the database did, where it was asked", async () => {
  const timing = async (answer: Promise<Answer>): Promise<string> =>
    ((await answer).headers.get("server-timing") ?? "").replace(/=\d+(\.\d+)?/g, "=n");
  for (const asked of [
    () => space.ask("GET", "entries?type=city"),
    () => space.ask("GET", "entries/nothing"),
    () => space.ask("POST", "entries", { body: { type: "city", fields: { name: { en: "Timed" } } } }),
    () => space.ask("POST", "keys", { body: { name: "timed", scopes: ["content:read"] } }),
  ])
    expect(await timing(asked())).toBe("db;dur=n, total;dur=n");
  // The shield asked, or nobody had to.
  expect(await timing(space.ask("GET", "content/city"))).toMatch(/^(?:db;dur=n, )?total;dur=n$/);
  for (const path of ["/health/live", "/v1/nothing", "/problems/internal"])
    expect(await timing(ask("GET", path))).toBe("total;dur=n");
});

describe("request ids and traces", () => {
  test("every answer has an id of its own, whatever the client calls it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        space.ask("GET", "types", { headers: { "request-id": "mine", "x-request-id": "mine" } }),
      ),
    );
    const ids = answers.map(({ headers }) => headers.get("request-id"));
    expect(new Set(ids).size).toBe(10);
    expect(ids).not.toContain("mine");
  });

  test("an event remembers the request, the trace and the actor", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const written = await space.must("POST", "entries", {
      body: { type: "city", fields: { name: { en: "Traced" } } },
      headers: { traceparent },
    });
    const { meta, at } = await eventAt(written.position);
    expect(meta).toMatchObject({
      requestId: written.headers.get("request-id"),
      traceparent,
      actor: written.body.createdBy,
    });
    expect(at.toISOString()).toBe(written.body.createdAt);
  });

  test.each([
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "ff-x",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
    "'; drop table events; --",
  ])("a trace that is none is ignored: %s", async (traceparent) => {
    const written = await space.must("POST", "entries", {
      body: { type: "city", fields: { name: { en: "Traced" } } },
      headers: { traceparent },
    });
    expect((await eventAt(written.position)).meta["traceparent"]).toBeUndefined();
  });
});

describe("positions", () => {
  test("gapless, one for each event, and none for what changes nothing or is refused", async () => {
    const position = async (answer: Promise<Answer>): Promise<number> => (await answer).position;
    const start = (await space.must("GET", "types")).position;
    const entry = { type: "city", id: "counted", fields: { name: { en: "A" } } };
    const took = [
      await position(space.ask("POST", "entries", { body: { ...entry, publish: true } })),
      await position(space.ask("PUT", "entries/counted", { body: { type: "city", fields: { name: { en: "B" } } } })),
      await position(space.ask("PATCH", "entries/counted", { body: { fields: { note: "n" } } })),
      await position(space.ask("PATCH", "entries/counted", { body: {} })),
      await position(space.ask("POST", "entries", { body: entry })),
      await position(space.ask("POST", "entries/counted/publish")),
      await position(space.ask("POST", "entries/counted/publish")),
      await position(space.ask("POST", "entries/counted/archive")),
      await position(space.ask("POST", "entries/counted/unarchive")),
      await position(space.ask("DELETE", "entries/counted")),
      await position(space.ask("GET", "entries/counted")),
    ].map((each) => each - start);
    expect(took).toEqual([2, 3, 4, 4, 4, 5, 5, 6, 7, 8, 8]);
    const { rows } = await postgres.query(
      "select e.position::int as position, e.type from events e join directory d on d.uid = e.space where d.id = $1 order by e.position",
      [space.id],
    );
    expect(rows.map((row) => row.position)).toEqual(rows.map((_, i) => i + 1));
    expect(rows.slice(start).map(({ type }) => type)).toEqual([
      "EntryCreated",
      "EntryPublished",
      "EntryUpdated",
      "EntryUpdated",
      "EntryPublished",
      "EntryArchived",
      "EntryUnarchived",
      "EntryDeleted",
    ]);
  });

  test("a write that asks for a position that is not there yet is not done", async () => {
    const { position } = await space.must("GET", "types");
    const headers = { "meridian-at-least": String(position + 1) };
    const writes = [
      ["POST", "entries", { type: "city", fields: { name: { en: "x" } } }],
      ["PUT", "types/country", { name: "Country", schema: { type: "object", properties: {} } }],
    ] as const;
    for (const [method, path, body] of writes) {
      const answer = await space.ask(method, path, { body, headers });
      expectRefusal(answer, 503, "position-not-reached");
      expect(answer.position).toBe(position);
    }
    expect((await space.must("GET", "types", { headers: { "meridian-at-least": String(position) } })).position).toBe(
      position,
    );
  });

  test("refusals that rest on what is there say as of when", async () => {
    const { position } = await space.must("GET", "types");
    await space.must("PUT", "entries/held", {
      body: { type: "city", slug: "held-slug", fields: { name: { en: "x" } } },
    });
    const refused = [
      await space.ask("GET", "entries/nowhere"),
      await space.ask("PUT", "entries/held", { body: { type: "country", fields: {} } }),
      await space.ask("PUT", "entries/held", { body: { type: "city", fields: {} } }),
      await space.ask("DELETE", "entries/held", { headers: { "if-match": '"0.0"' } }),
      await space.ask("POST", "entries", { body: { type: "city", slug: "held-slug", fields: { name: { en: "x" } } } }),
      await space.ask("DELETE", "types/city"),
      await space.ask("GET", "content/city/nowhere"),
      await space.ask("DELETE", "keys/0000000000ZZ"),
    ];
    expect(refused.map(({ status }) => status)).toEqual([404, 409, 422, 412, 409, 409, 404, 404]);
    expect(refused.map((each) => each.position)).toEqual(refused.map(() => position + 1));
  });
});

describe("documents", () => {
  test("every problem is explained, to programs and to people", async () => {
    await all(Object.keys(PROBLEMS), async (code) => {
      const told = await askChecked("GET", `/problems/${code}`);
      expect(told.body).toMatchObject({ code, title: PROBLEMS[code]?.title });
      const page = await ask("GET", `/problems/${code}`, { headers: { accept: "text/html,application/xhtml+xml" } });
      expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(page.text).toContain(`<code>${code}</code>`);
    });
    for (const code of ["__proto__", "constructor", "toString", "", "not-found/", "%3Cscript%3E"])
      expect((await ask("GET", `/problems/${code}`)).status, code).toBe(404);
  });

  test("the reference and its assets, and nothing else under their address", async () => {
    const page = await askChecked("GET", "/docs");
    expect(page.headers.get("content-type")).toMatch(/^text\/html/);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const linked = [...page.text.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link]) => link ?? "");
    for (const link of linked.filter((each) => !each.startsWith("data:"))) {
      expect(link).toMatch(/^\/[^/]/);
      expect((await ask("GET", link)).status, link).toBe(200);
    }
    for (const file of [
      "..%2f..%2fwrangler.toml",
      "%2e%2e",
      "constructor",
      "__proto__",
      "swagger-ui.css%00",
      "index.html",
      "package.json",
    ])
      expect((await wire("GET", `/docs/assets/${file}`)).status, file).toBe(404);
    const document = await askChecked("GET", "/openapi.json");
    expect(document.body.openapi).toMatch(/^3\.1/);
  });

  test("health tells how things are, and is kept by nobody", async () => {
    const health = await askChecked("GET", "/health");
    expect([health.status, health.headers.get("content-type"), health.headers.get("cache-control")]).toEqual([
      200,
      "application/health+json",
      "no-store",
    ]);
    expect(health.body.status).toMatch(/^(pass|warn)$/);
    for (const node of Object.keys(stackHere().postgres))
      expect(health.body.checks[`postgres:${node}`]?.[0]).toMatchObject({
        status: expect.any(String),
        observedValue: expect.any(Number),
        breaker: expect.any(String),
      });
    expect(health.text).not.toMatch(/postgres:\/\/|password|127\.0\.0\.1|mrd_/);
    for (const each of ["/health/live", "/health/ready"]) expect((await askChecked("GET", each)).status).toBe(200);
  });
});

test("headers that no answer has", async () => {
  for (const path of ["/health/live", "/docs", `/v1/spaces/${space.id}/content/city`, "/nowhere"]) {
    const { headers } = await ask("GET", path);
    for (const name of ["server", "x-powered-by", "set-cookie", "access-control-allow-credentials", "x-aspnet-version"])
      expect(headers.get(name), `${path} ${name}`).toBeNull();
    expect(headers.get("content-security-policy"), path).toContain("default-src 'none'");
    expect(headers.get("referrer-policy"), path).toBe("no-referrer");
    expect(headers.get("strict-transport-security"), path).toMatch(/^max-age=\d+/);
  }
});
