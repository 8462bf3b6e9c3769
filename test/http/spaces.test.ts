// Spaces: what operators make, change and end.
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Ask, makeSpace, makeTypes, rootKey } from "../support/client.ts";
import { all } from "../support/lanes.ts";
import { askChecked, expectRefusal, witnessed } from "../support/witness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const run = Date.now().toString(36);
let made = 0;
const fresh = (): string => `s-${run}-${++made}`;
const settings = (id: string, more: object = {}) => ({
  id,
  name: "A space",
  residency: "us",
  locales: ["en", "fr"],
  defaultLocale: "en",
  publicRead: false,
  plan: "pro",
  ...more,
});
function asRoot(method: string, path: string, options: Ask = {}): Promise<Answer> {
  return askChecked(method, `/v1/spaces${path}`, { key: rootKey(), ...options });
}
function patch(id: string, body: object, headers: Record<string, string> = {}): Promise<Answer> {
  return asRoot("PATCH", `/${id}`, { body, headers });
}
const etagOf = (answer: Answer): string => answer.headers.get("etag") ?? "none";

describe("POST /v1/spaces", () => {
  test("a space, with everything that it shows", async () => {
    const id = fresh();
    const answer = await asRoot("POST", "", { body: settings(id) });
    expect([answer.status, answer.position, answer.headers.get("location")]).toEqual([201, 1, `/v1/spaces/${id}`]);
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    expect(answer.body).toEqual({
      ...settings(id),
      limits: {},
      clientMaxAge: null,
      edgeOutsideResidency: true,
      createdAt: expect.stringMatching(TIME),
      updatedAt: answer.body.createdAt,
    });
    const read = await asRoot("GET", `/${id}`);
    expect([read.status, read.body, etagOf(read), read.position]).toEqual([200, answer.body, etagOf(answer), 1]);
    expect((await asRoot("GET", `/${id}`, { headers: { "if-none-match": etagOf(answer) } })).status).toBe(304);
  });

  test("with limits of its own and another residency", async () => {
    const id = fresh();
    const more = {
      residency: "eu",
      limits: { read: { quota: 5, window: 60 } },
      clientMaxAge: 10,
      edgeOutsideResidency: false,
      locales: ["de", "pt-BR", "zh-Hant"],
      defaultLocale: "pt-BR",
      plan: "free",
    };
    const answer = await asRoot("POST", "", { body: settings(id, more) });
    expect(answer.body).toMatchObject({ id, ...more });
    expect((await asRoot("GET", `/${id}`)).body).toEqual(answer.body);
  });

  test("an id is given out once, whoever asks for it", async () => {
    const id = fresh();
    await asRoot("POST", "", { body: settings(id) });
    expectRefusal(await asRoot("POST", "", { body: settings(id) }), 409, "space-exists");
    expectRefusal(await asRoot("POST", "", { body: settings(id, { residency: "eu" }) }), 409, "space-exists");
    const rivals = fresh();
    const answers = await Promise.all(
      Array.from({ length: 4 }, (_, i) => asRoot("POST", "", { body: settings(rivals, { name: `rival ${i}` }) })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const [winner] = answers.filter(({ status }) => status === 201);
    expect((await asRoot("GET", `/${rivals}`)).body).toEqual(winner?.body);
  });

  test("under an Idempotency-Key it is made once, and shown again", async () => {
    const id = fresh();
    const headers = { "idempotency-key": `space-${id}` };
    const first = await asRoot("POST", "", { body: settings(id), headers });
    await patch(id, { name: "Renamed" });
    const again = await asRoot("POST", "", { body: settings(id), headers });
    expect([
      again.status,
      again.text,
      etagOf(again),
      again.position,
      again.headers.get("location"),
      again.headers.get("idempotency-replayed"),
    ]).toEqual([201, first.text, etagOf(first), 1, `/v1/spaces/${id}`, "true"]);
    expectRefusal(await asRoot("POST", "", { body: settings(fresh()), headers }), 422, "idempotency-key-reused");
    expectRefusal(
      await asRoot("POST", "", { body: settings(id, { name: "Other" }), headers }),
      422,
      "idempotency-key-reused",
    );
  });

  test("refused, it leaves nothing behind", async () => {
    const id = fresh();
    expectRefusal(await asRoot("POST", "", { body: settings(id, { defaultLocale: "de" }) }), 422, "invalid-value", {
      pointer: "/defaultLocale",
    });
    expectRefusal(await asRoot("POST", "", { body: settings(id, { residency: "mars" }) }), 422, "invalid-value", {
      pointer: "/residency",
    });
    expectRefusal(await asRoot("GET", `/${id}`), 404, "space-missing");
    expect((await asRoot("POST", "", { body: settings(id) })).status).toBe(201);
  });
});

describe("GET /v1/spaces", () => {
  test("by id, page by page, without those that were deleted", async () => {
    const ids = [`l-${run}-a`, `l-${run}-b`, `l-${run}-c`];
    await all(ids, (id) => asRoot("POST", "", { body: settings(id) }));
    await asRoot("DELETE", `/${ids[1]}`);
    const seen: string[] = [];
    let path = "?limit=50";
    for (let pages = 0; pages < 50; pages += 1) {
      const page = await asRoot("GET", path);
      expect(page.body.page.size).toBe(page.body.data.length);
      seen.push(...page.body.data.map(({ id }: { id: string }) => id));
      const { next } = page.body.page;
      expect(page.headers.get("link")).toBe(
        next === null ? null : `</v1/spaces?limit=50&cursor=${encodeURIComponent(next)}>; rel="next"`,
      );
      if (next === null) break;
      path = `?limit=50&cursor=${encodeURIComponent(next)}`;
    }
    expect(seen).toEqual(seen.toSorted());
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => id.startsWith(`l-${run}`))).toEqual([ids[0], ids[2]]);
    const one = await asRoot("GET", "?limit=1");
    expect(one.body.data).toHaveLength(1);
  });

  test("cursors that were not given out", async () => {
    for (const cursor of ["x", "YQ", "'--", "%ff", "🙂"])
      expectRefusal(await asRoot("GET", `?cursor=${encodeURIComponent(cursor)}`), 400, "cursor-invalid");
  });
});

describe("PATCH /v1/spaces/{space}", () => {
  let id: string;

  beforeAll(async () => {
    id = fresh();
    await asRoot("POST", "", { body: settings(id) });
  });

  test("changes what it names, and nothing else", async () => {
    const before = await asRoot("GET", `/${id}`);
    const changed = await patch(id, { name: "Renamed", plan: "scale", limits: { read: { quota: 1, window: 60 } } });
    expect([changed.status, changed.position]).toEqual([200, before.position + 1]);
    expect(changed.body).toEqual({
      ...before.body,
      name: "Renamed",
      plan: "scale",
      limits: { read: { quota: 1, window: 60 } },
      updatedAt: expect.stringMatching(TIME),
    });
    expect(etagOf(changed)).not.toBe(etagOf(before));
    const merged = await patch(id, {
      limits: { read: { quota: 2 }, write: { quota: 3, window: 10 } },
      clientMaxAge: 5,
    });
    expect(merged.body).toMatchObject({
      limits: { read: { quota: 2, window: 60 }, write: { quota: 3, window: 10 } },
      clientMaxAge: 5,
    });
    const removed = await patch(id, { limits: { read: null }, clientMaxAge: null });
    expect([removed.body.limits, removed.body.clientMaxAge]).toEqual([{ write: { quota: 3, window: 10 } }, null]);
    expect((await patch(id, { limits: null })).body.limits).toEqual({});
  });

  test("that changes nothing takes no position", async () => {
    const before = await asRoot("GET", `/${id}`);
    for (const body of [
      {},
      { name: before.body.name },
      { locales: ["en", "fr"] },
      { limits: {} },
      { clientMaxAge: null },
    ]) {
      const answer = await patch(id, body);
      expect([answer.status, answer.position, etagOf(answer), answer.body]).toEqual([
        200,
        before.position,
        etagOf(before),
        before.body,
      ]);
    }
  });

  test("takes either media type", async () => {
    expect((await patch(id, {}, { "content-type": "application/merge-patch+json" })).status).toBe(200);
  });

  test("cannot move or rename a space", async () => {
    for (const [name, value] of Object.entries({ id: "other", residency: "eu", createdAt: "2026-01-01T00:00:00.000Z" }))
      expectRefusal(await patch(id, { [name]: value }), 400, "unknown-member", { pointer: `/${name}` });
  });

  test("the default locale is one of the locales", async () => {
    expectRefusal(await patch(id, { defaultLocale: "de" }), 422, "invalid-value", { pointer: "/defaultLocale" });
    expectRefusal(await patch(id, { locales: ["fr"] }), 422, "invalid-value", { pointer: "/defaultLocale" });
    expect((await patch(id, { locales: ["fr", "de"], defaultLocale: "de" })).body).toMatchObject({
      locales: ["fr", "de"],
      defaultLocale: "de",
    });
    await patch(id, { locales: ["en", "fr"], defaultLocale: "en" });
  });

  test("If-Match, on PATCH and DELETE", async () => {
    const before = await asRoot("GET", `/${id}`);
    for (const tag of ['"0.0"', `W/${etagOf(before)}`]) {
      expectRefusal(await patch(id, { name: "No" }, { "if-match": tag }), 412, "precondition-failed");
      expectRefusal(await asRoot("DELETE", `/${id}`, { headers: { "if-match": tag } }), 412, "precondition-failed");
    }
    // Before the rules.
    expectRefusal(await patch(id, { defaultLocale: "de" }, { "if-match": '"0.0"' }), 412, "precondition-failed");
    expect((await patch(id, { name: "Yes" }, { "if-match": etagOf(before) })).status).toBe(200);
    expect((await patch(id, { name: "Yes" }, { "if-match": "*" })).status).toBe(200);
  });

  test("under an Idempotency-Key it is done once", async () => {
    const headers = { "idempotency-key": "renaming" };
    const first = await patch(id, { name: "Once" }, headers);
    await patch(id, { name: "Later" });
    const again = await patch(id, { name: "Once" }, headers);
    expect([again.status, again.text, again.position, again.headers.get("idempotency-replayed")]).toEqual([
      200,
      first.text,
      first.position,
      "true",
    ]);
    expect((await asRoot("GET", `/${id}`)).body.name).toBe("Later");
    expectRefusal(await patch(id, { name: "Twice" }, headers), 422, "idempotency-key-reused");
  });

  test("locales rest while there are content types, everything else does not", async () => {
    const space = witnessed(await makeSpace({ publicRead: false }));
    await makeTypes(space);
    for (const body of [{ locales: ["en"] }, { locales: ["en", "fr", "de"] }, { defaultLocale: "fr" }])
      expectRefusal(await patch(space.id, body), 409, "locales-in-use");
    expect((await patch(space.id, { locales: ["en", "fr"], name: "Same locales" })).status).toBe(200);
  });

  test("publicRead opens content, and only content, at once, and closes it again", async () => {
    const space = witnessed(await makeSpace({ publicRead: false }));
    await makeTypes(space);
    await space.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
    });
    const anonymous = (path: string) => askChecked("GET", `/v1/spaces/${space.id}/${path}`);
    expect((await anonymous("content/country/fr")).status).toBe(401);
    const opened = await patch(space.id, { publicRead: true });
    const seen = await askChecked("GET", `/v1/spaces/${space.id}/content/country/fr`, {
      headers: { "meridian-at-least": String(opened.position) },
    });
    expect([seen.status, seen.headers.get("cache-control")]).toEqual([200, "public, no-cache"]);
    for (const path of ["types", "entries?type=country", "entries/fr", "keys"])
      expect((await anonymous(path)).status, path).toBe(401);
    await patch(space.id, { publicRead: false });
    expect((await anonymous("content/country/fr")).status).toBe(401);
  });
});

describe("DELETE /v1/spaces/{space}", () => {
  test("nothing about it answers any more, and its id is never given out again", async () => {
    const space = witnessed(await makeSpace({ publicRead: true }));
    await makeTypes(space);
    await space.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
    });
    const before = await asRoot("GET", `/${space.id}`);
    const gone = await asRoot("DELETE", `/${space.id}`);
    expect([gone.status, gone.text, gone.position]).toEqual([204, "", before.position + 1]);
    for (const [method, path] of [
      ["GET", ""],
      ["PATCH", ""],
      ["DELETE", ""],
      ["GET", "/keys"],
      ["POST", "/keys"],
    ] as const) {
      const body = method === "POST" ? { name: "x", scopes: ["content:read"] } : method === "PATCH" ? {} : undefined;
      expectRefusal(
        await asRoot(method, `/${space.id}${path}`, body === undefined ? {} : { body }),
        404,
        "space-missing",
      );
    }
    for (const path of [
      "types",
      "types/country",
      "entries/fr",
      "entries?type=country",
      "content/country",
      "content/country/fr",
      "keys",
    ]) {
      const answer = await space.ask("GET", path);
      expect([401, 404], `${path} ${answer.text}`).toContain(answer.status);
      expect((await askChecked("GET", `/v1/spaces/${space.id}/${path}`)).status, path).toBe(401);
    }
    expect([401, 404]).toContain(
      (await space.ask("POST", "entries", { body: { type: "country", fields: { name: { en: "x" } } } })).status,
    );
    for (const residency of ["us", "eu"])
      expectRefusal(await asRoot("POST", "", { body: settings(space.id, { residency }) }), 409, "space-exists");
  });

  test("under an Idempotency-Key it answers the same again", async () => {
    const id = fresh();
    await asRoot("POST", "", { body: settings(id) });
    const headers = { "idempotency-key": "ending" };
    const first = await asRoot("DELETE", `/${id}`, { headers });
    const again = await asRoot("DELETE", `/${id}`, { headers });
    expect([first.status, again.status, again.position, again.headers.get("idempotency-replayed")]).toEqual([
      204,
      204,
      first.position,
      "true",
    ]);
    expectRefusal(await asRoot("DELETE", `/${id}`), 404, "space-missing");
  });
});
