// Content from memory: the short way gives what the long way gives, costs neither SQL nor Redis, and hostile headers change nothing for others.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, PLACES, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";

const control = openControl(stackHere().control);
let space: Space;
let secret: Space;

beforeAll(async () => {
  space = await makeSpace();
  secret = await makeSpace({ publicRead: false });
  for (const each of [space, secret]) {
    await makeTypes(each);
    await each.must("POST", "entries", {
      body: { type: "country", id: "fr", slug: "france", fields: { name: { en: "France" } }, publish: true },
    });
    for (const id of ["paris", "lyon", "nice"])
      await each.must("POST", "entries", {
        body: { type: "city", id, fields: { name: { en: id, fr: `${id} é` }, country: "fr" }, publish: true },
      });
  }
});
afterEach(() => control.restore());

const content = (path: string, of = space): string => `/v1/spaces/${of.id}/content/${path}`;

/** Varies from request to request. */
const OWN = new Set([
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "connection",
  "keep-alive",
  "ratelimit",
  "request-id",
  "date",
  "server-timing",
  "age",
  "cache-status",
  "meridian-source",
  "meridian-position",
]);
const shared = ({ status, text, headers }: Answer) => ({
  status,
  text,
  headers: Object.fromEntries([...headers].filter(([name]) => !OWN.has(name)).sort()),
});
const isHit = ({ headers }: Answer): boolean => /^Meridian; hit; ttl=\d+$/.test(headers.get("cache-status") ?? "");

const QUESTIONS = [
  "city/paris",
  "city/paris?locale=fr&include=country",
  "city?limit=2&sort=name",
  "city?filter[country]=fr&include=country",
] as const;

describe("the short way", () => {
  test.each(QUESTIONS)("answers as the long way did: %s", async (path) => {
    const long = await ask("GET", content(path), { cf: PLACES.fra });
    expect(long.status).toBe(200);
    const short = await ask("GET", content(path), { cf: PLACES.fra });
    expect(shared(short)).toEqual(shared(long));
    expect([isHit(short), short.headers.get("meridian-source")]).toEqual([true, "memory"]);
    expect(Number(short.headers.get("age"))).toBeGreaterThanOrEqual(0);
    expect(short.headers.get("request-id")).not.toBe(long.headers.get("request-id"));
    expect([...short.headers.keys()].sort()).toEqual([...long.headers.keys()].sort());
    // HEAD takes the long way, from the same memory.
    const head = await ask("HEAD", content(path), { cf: PLACES.fra });
    expect({ ...shared(head), text: "" }).toEqual({ ...shared(short), text: "" });
    const etag = long.headers.get("etag") ?? "";
    const [same, headSame] = await Promise.all([
      ask("GET", content(path), { cf: PLACES.fra, headers: { "if-none-match": `"x", ${etag}` } }),
      ask("HEAD", content(path), { cf: PLACES.fra, headers: { "if-none-match": etag } }),
    ]);
    expect([same.status, same.text, same.headers.get("etag")]).toEqual([304, "", etag]);
    expect(shared(same)).toEqual(shared(headSame));
    expect(same.headers.get("content-type")).toBeNull();
    expect((await ask("GET", content(path), { headers: { "if-none-match": "nonsense" } })).status).toBe(400);
  });

  test("asks neither Postgres nor Redis, with a key or without", async () => {
    const ways = [
      () => ask("GET", content("city/paris")),
      () => ask("GET", content("city/paris"), { key: space.key }),
      () => ask("GET", content("city/paris", secret), { key: secret.key }),
    ];
    for (const way of ways) {
      await way();
      await until("it is quiet", async () => {
        await way();
        await control.resetCounters();
        for (let n = 0; n < 20; n += 1) expect(isHit(await way())).toBe(true);
        const { postgres, redis } = await control.counters();
        // What is known is refreshed behind the answers, twice a second at most.
        return Object.values(postgres).every(({ requests }) => requests === 0) && redis.requests <= 2;
      });
    }
  });

  test("is of the place where it was asked", async () => {
    for (const cf of [PLACES.fra, PLACES.sin, PLACES.fra]) {
      const answer = await ask("GET", content("city/paris"), { cf });
      expect(answer.headers.get("meridian-region")).toBe(cf.colo);
    }
  });

  test("shows a publication at once where it was made, and everywhere else before long", async () => {
    for (let n = 0; n < 10; n += 1) {
      await ask("GET", content("city/lyon"));
      await space.must("PATCH", "entries/lyon", { body: { fields: { note: `${n}` } } });
      const { position } = await space.must("POST", "entries/lyon/publish");
      const answer = await ask("GET", content("city/lyon"));
      expect([answer.body.fields.note, answer.position >= position]).toEqual([`${n}`, true]);
    }
  });

  test("ends with the right to read: a revoked key, a space that is private now", async () => {
    const key = await secret.keyWith(["content:read"]);
    for (let n = 0; n < 2; n += 1) expect((await ask("GET", content("city/nice", secret), { key })).status).toBe(200);
    const [id] = (await secret.must("GET", "keys")).body.data.slice(-1).map((each: { id: string }) => each.id);
    await secret.must("DELETE", `keys/${id}`);
    expect((await ask("GET", content("city/nice", secret), { key })).status).toBe(401);
    const open = await makeSpace();
    await makeTypes(open);
    await open.must("POST", "entries", {
      body: { type: "city", id: "x", fields: { name: { en: "x" } }, publish: true },
    });
    for (let n = 0; n < 2; n += 1) expect((await ask("GET", content("city/x", open))).status).toBe(200);
    await ask("PATCH", `/v1/spaces/${open.id}`, {
      key: stackHere().rootKey,
      body: { publicRead: false },
    });
    expect((await ask("GET", content("city/x", open))).status).toBe(401);
  });

  test("is not taken by who asks for a position that is not there yet", async () => {
    const hit = await ask("GET", content("city/paris"));
    const at = { "meridian-at-least": String(hit.position) };
    expect(isHit(await ask("GET", content("city/paris"), { headers: at }))).toBe(true);
    const ahead = { "meridian-at-least": String(hit.position + 1_000) };
    expect((await ask("GET", content("city/paris"), { headers: ahead })).status).toBe(503);
    expect((await ask("GET", content("city/paris"), { headers: { "meridian-at-least": "-1" } })).status).toBe(400);
  });
});

describe("hostile requests", () => {
  const HOSTILE: readonly Readonly<Record<string, string>>[] = [
    { "X-Forwarded-Host": "evil.example" },
    { "X-Forwarded-Proto": "http" },
    { "X-Forwarded-Scheme": "http" },
    { "X-Forwarded-Port": "1" },
    { "X-Forwarded-For": "10.0.0.1" },
    { "X-Forwarded-Prefix": "/evil" },
    { "X-Forwarded-Server": "evil" },
    { "X-Host": "evil.example" },
    { "X-Original-URL": "/v1/spaces/other/content/x" },
    { "X-Rewrite-URL": "/v1/spaces/other/content/x" },
    { "X-Original-Host": "evil.example" },
    { "X-HTTP-Method-Override": "DELETE" },
    { "X-HTTP-Method": "DELETE" },
    { "X-Method-Override": "POST" },
    { Forwarded: "host=evil.example;proto=http" },
    { "X-Wap-Profile": "http://evil.example/wap.xml" },
    { Range: "bytes=0-3" },
    { "If-Range": '"x"' },
    { "If-Modified-Since": "Tue, 24 Nov 2099 00:00:00 GMT" },
    { "If-Unmodified-Since": "Tue, 24 Nov 1999 00:00:00 GMT" },
    { "If-Match": '"x"' },
    { "If-Match": "nonsense" },
    { Accept: "text/html" },
    { Accept: "application/x-nothing;q=0" },
    { "Accept-Language": "fr, *;q=0.1" },
    { "Accept-Encoding": "identity;q=0, *;q=0" },
    { "Accept-Charset": "utf-16" },
    { "Cache-Control": "no-cache, no-store, max-age=0, only-if-cached" },
    { Pragma: "no-cache" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
    { Referer: "https://evil.example/" },
    { Cookie: "session=evil" },
    { "Content-Type": "application/json" },
    { "Content-Language": "fr" },
    { TE: "trailers" },
    { Via: "1.1 evil" },
    { "CF-Connecting-IP": "10.0.0.1" },
    { "CF-IPCountry": "FR" },
    { "X-Meridian-Locale": "fr" },
    { "Meridian-Region": "EVIL" },
    { "Meridian-Position": "999999" },
    { "Meridian-Source": "evil" },
    { Prefer: "count=nonsense, return=minimal" },
    { Prefer: 'handling=strict; x="count=exact"' },
    { "Idempotency-Key": "x" },
    { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    { "Last-Event-ID": "1" },
    { "User-Agent": "evil\u00e9" },
    { Authorization: "" },
  ];

  test.each(HOSTILE)("change nothing for the next reader: %o", async (headers) => {
    const path = content("city?sort=-name");
    const clean = await ask("GET", path, { cf: PLACES.fra });
    const hostile = await ask("GET", path, { cf: PLACES.fra, headers }).catch(() => undefined);
    const next = await ask("GET", path, { cf: PLACES.fra });
    expect(shared(next)).toEqual(shared(clean));
    // Whoever sends them is given what everybody is, or is refused.
    if (hostile?.status === 200) expect(hostile.text).toBe(clean.text);
    // 415: the platform itself, when no encoding at all is acceptable.
    else expect([400, 401, 415]).toContain(hostile?.status ?? 400);
  });

  test("and the first one to ask cannot poison what is kept", async () => {
    for (const [at, headers] of HOSTILE.entries()) {
      const path = content(`city?sort=name&limit=${at + 1}`);
      const hostile = await ask("GET", path, { cf: PLACES.fra, headers }).catch(() => undefined);
      const next = await ask("GET", path, { cf: PLACES.fra });
      expect([next.status, next.text.includes("evil")]).toEqual([200, false]);
      expect(JSON.stringify([...next.headers])).not.toContain("evil");
      if (hostile?.status === 200) expect(hostile.text).toBe(next.text);
    }
  });
});

describe("what is kept", () => {
  test("a private space's answers are for its readers, whoever asked first", async () => {
    const path = content("city?sort=-name&limit=7", secret);
    expect((await ask("GET", path, { key: secret.key })).status).toBe(200);
    expect((await ask("GET", path)).status).toBe(401);
    expect((await ask("GET", path, { key: space.key })).status).toBe(404);
    const blind = await secret.keyWith(["types:write"]);
    expect((await ask("GET", path, { key: blind })).status).toBe(403);
    expect((await ask("GET", path, { key: secret.key })).status).toBe(200);
  });

  test("refusals are not, but for what is not there, until it is", async () => {
    const missing = await ask("GET", content("city/soon"));
    const again = await ask("GET", content("city/soon"));
    expect([missing.status, again.status, isHit(again)]).toEqual([404, 404, true]);
    expect(again.body.requestId).not.toBe(missing.body.requestId);
    await space.must("POST", "entries", {
      body: { type: "city", id: "soon", fields: { name: { en: "Soon" } }, publish: true },
    });
    expect((await ask("GET", content("city/soon"))).status).toBe(200);
    const refused = await ask("GET", content("city?filter[note]=x"));
    expect([refused.status, refused.headers.get("cache-status")]).toEqual([400, null]);
  });

  test("drafts are not", async () => {
    const path = content("city/paris?perspective=draft");
    await space.must("PATCH", "entries/paris", { body: { fields: { note: "draft" } } });
    for (let n = 0; n < 2; n += 1) {
      const draft = await ask("GET", path, { key: space.key });
      expect([draft.status, draft.body.fields.note, draft.headers.get("cache-status")]).toEqual([
        200,
        "draft",
        "Meridian; fwd=bypass",
      ]);
    }
    expect((await ask("GET", path)).status).toBe(403);
    expect((await ask("GET", content("city/paris"))).body.fields.note).toBeUndefined();
  });

  test("an answer that includes another changes with it, and with what it could newly hold", async () => {
    const list = () => ask("GET", content("city?filter[country]=fr&include=country"));
    const before = await list();
    await space.must("PATCH", "entries/fr", { body: { fields: { region: "Europe" } } });
    await space.must("POST", "entries/fr/publish");
    expect((await list()).body.included.fr.fields.region).toBe("Europe");
    await space.must("POST", "entries", {
      body: { type: "city", id: "brest", fields: { name: { en: "Brest" }, country: "fr" }, publish: true },
    });
    expect((await list()).body.data.length).toBe(before.body.data.length + 1);
    // A slug that moves takes its name with it.
    await space.must("PATCH", "entries/brest", { body: { slug: "first" } });
    await space.must("POST", "entries/brest/publish");
    expect((await ask("GET", content("city/first"))).body.id).toBe("brest");
    await space.must("PATCH", "entries/brest", { body: { slug: "second" } });
    await space.must("POST", "entries/brest/publish");
    expect((await ask("GET", content("city/first"))).status).toBe(404);
    expect((await ask("GET", content("city/second"))).body.id).toBe("brest");
  });
});
