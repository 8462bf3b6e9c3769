// Every route × every refusal, in the order that the contract gives the checks.
import { beforeAll, describe, expect, test } from "vitest";
import type { Route, Who } from "../../src/http/route.ts";
import { ROUTES } from "../../src/http/routes.ts";
import {
  ALL_SCOPES,
  type Answer,
  type Ask,
  ask,
  makeSpace,
  makeTypes,
  rootKey,
  type Space,
  until,
} from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { all } from "../support/lanes.ts";
import { openSql } from "../support/shards.ts";
import { wire } from "../support/wire.ts";
import { askChecked, check, expectRefusal, findRoute, headOf, SEEN, witnessed } from "../support/witness.ts";

const MIB = 1024 * 1024;
const NEVER_MADE = `r-${Date.now().toString(36)}`;

/** A body that the operation takes. A new operation with a body is added here. */
const BODIES: Readonly<Record<string, unknown>> = {
  createSpace: {
    id: NEVER_MADE,
    name: "r",
    residency: "us",
    locales: ["en"],
    defaultLocale: "en",
    publicRead: true,
    plan: "free",
  },
  changeSpace: { name: "Changed" },
  createKey: { name: "made", scopes: ["content:read"] },
  rotateKey: { overlapSeconds: 0 },
  saveType: { name: "Made", schema: { type: "object", properties: {} } },
  createEntry: { type: "city", fields: { name: { en: "Made" } } },
  replaceEntry: { type: "city", fields: { name: { en: "Made" } } },
  createWebhook: { url: "https://93.184.216.34/hook", events: ["entry.published"] },
  changeWebhook: { description: "Changed" },
  rotateWebhookSecret: { overlapSeconds: 0 },
  replayWebhook: { fromPosition: 1 },
  startImport: { type: "city", id: "made", fields: { name: { en: "Made" } } },
  // Whoever reaches the provider with it is refused there.
  askGeneration: { type: "city", brief: "401" },
  patchEntry: { fields: { note: "Made" } },
};

const SPACED = ROUTES.filter(({ path }) => path.includes(":space"));
const GUARDED = ROUTES.filter(({ who }) => who.kind !== "anyone");
const WRITES = GUARDED.filter(({ method }) => method !== "GET");
const WITH_BODY = WRITES.filter(({ operation }) => operation.body !== undefined);
/** Files are not looked into before the answer: test/http/imports.test.ts. */
const WITH_JSON = WITH_BODY.filter(({ operation }) => operation.body?.upload !== true);
const nameOf = (route: Route): string => `${route.method} ${route.path}`;
const each = (routes: readonly Route[]): (readonly [string, Route])[] => routes.map((route) => [nameOf(route), route]);

let home: Space;
let other: Space;
/** What operators' requests are about: a refusal that fails to come ends it, not `home`. */
let victim: Space;
/** Asked first and awaited last: it takes the time that a slow client is given. */
let slow: Promise<Answer>;
let entry: string;
let keyId: string;
let webhookId: string;
let replayId: string;
let importId: string;
let generationId: string;
let checkId: string;
let letterId: string;

function jobOf({ path }: Route): string {
  if (path.includes("/imports/")) return importId;
  return path.includes("/checks/") ? checkId : generationId;
}

/** The route's address with everything in it there, unless told otherwise. */
function pathOf(
  route: Route,
  {
    space = route.who.kind === "root" ? victim.id : home.id,
    absent = false,
  }: { space?: string; absent?: boolean } = {},
): string {
  const parts: Readonly<Record<string, string>> = {
    space,
    type: absent ? "nowhere" : "city",
    id: idOf(route, absent),
    replay: absent ? "0".repeat(24) : replayId,
    job: absent ? "0".repeat(24) : jobOf(route),
    code: "not-found",
    file: "swagger-ui.css",
  };
  return route.path.replaceAll(/:(\w+)/g, (_, name: string) => parts[name] ?? `no-sample-for-${name}`);
}

function idOf({ path }: Route, absent: boolean): string {
  if (path.includes("/keys/")) return absent ? "0000000000ZZ" : keyId;
  if (path.includes("/webhooks/")) return absent ? "0".repeat(18) : webhookId;
  if (path.includes("/dead-letters/")) return absent ? "nowhere" : letterId;
  return absent ? "nowhere" : entry;
}

const bodyOf = (route: Route): unknown => {
  if (route.operation.body === undefined) return undefined;
  const body = BODIES[route.operation.id];
  if (body === undefined) throw new Error(`Give BODIES a body for ${route.operation.id}`);
  return body;
};
const mediaOf = (route: Route): string => route.operation.body?.media.at(-1) ?? "application/json";
const actsAsRoot = (who: Who): boolean => who.kind === "root" || (who.kind === "scope" && who.orRoot);
const credentialFor = (route: Route): string => (route.who.kind === "root" ? rootKey() : home.key);

/** Parameters that the operation cannot do without. */
const QUERIES: Readonly<Record<string, string>> = { listEntries: "type=city" };

/** A request that nothing is wrong with, changed as the test wants. */
function asking(route: Route, changed: Ask = {}, path = pathOf(route)): Promise<Answer> {
  return counted(route, () => askingOnce(route, changed, path));
}

/** On a busy machine the counter may not answer in time, and what has to be counted is then closed for a moment. */
async function counted(route: Route, ask: () => Promise<Answer>): Promise<Answer> {
  for (let left = 10; ; left -= 1) {
    const answer = await ask();
    if (route.budget !== "generate" || answer.body?.code !== "overloaded" || left === 0) return answer;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function askingOnce(route: Route, changed: Ask, path: string): Promise<Answer> {
  const body = changed.raw === undefined && changed.body === undefined ? bodyOf(route) : changed.body;
  const headers = route.operation.body === undefined ? {} : { "content-type": mediaOf(route) };
  const needed = QUERIES[route.operation.id];
  return askChecked(route.method, needed === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}${needed}`, {
    key: credentialFor(route),
    ...(body === undefined ? {} : { body }),
    ...changed,
    headers: { ...headers, ...changed.headers },
  });
}

/** As `Authorization` says it, for credentials that are no bearer keys. */
const authorized = (route: Route, authorization: string): Promise<Answer> =>
  askChecked(route.method, pathOf(route), {
    ...(bodyOf(route) === undefined ? {} : { body: bodyOf(route) }),
    headers: { authorization, "content-type": mediaOf(route) },
  });

const withoutIds = (answer: Answer, ...names: readonly string[]): unknown => {
  const text = names.reduce((all, name) => all.replaceAll(name, "…"), answer.text);
  const headers = [...answer.headers].filter(
    ([name]) => !["request-id", "server-timing", "date", "content-length"].includes(name),
  );
  return { status: answer.status, headers, text: text.replaceAll(/"requestId":"[^"]+"/g, "") };
};

/** A check of a schema that has ended: it takes a thousand entries to have one. */
async function plantCheck(): Promise<string> {
  const sql = await openSql();
  const id = "c".repeat(24);
  await sql(
    "insert into jobs (space, id, kind, of, status, actor, plan, shown, created_at, due_at, closed) select uid, $2, 'schema-check', 'city', 'completed', 'key:x', '{}', '{\"type\": \"city\", \"checked\": 0, \"position\": null}', now(), now(), true from directory where id = $1",
    [home.id, id],
  );
  await sql.end();
  return id;
}

/** A dead letter of a queue that there is not: redriving it is refused, and it stays. */
async function plantLetter(): Promise<string> {
  const sql = await openSql();
  const id = crypto.randomUUID();
  await sql(
    "insert into dead_letters (space, id, at, queue, body, reason, attempts) values (0, $1, now(), 'nowhere', '{}', 'planted', 1)",
    [id],
  );
  await sql.end();
  return id;
}

beforeAll(async () => {
  const made = await Promise.all([
    // No plan has as many generations as are asked for here.
    makeSpace({ publicRead: false, limits: { generate: { quota: 10_000, window: 60 } } }),
    makeSpace({ publicRead: false }),
    makeSpace({ publicRead: false }),
  ]);
  [home, other, victim] = made.map(witnessed) as [Space, Space, Space];
  slow = wire("POST", `/v1/spaces/${home.id}/entries`, {
    headers: { authorization: `Bearer ${home.key}`, "content-type": "application/json", "content-length": "100" },
    chunks: ['{"type":"city",'],
    open: true,
  });
  await makeTypes(home);
  entry = (
    await home.must("POST", "entries", { body: { type: "city", id: "paris", fields: { name: { en: "Paris" } } } })
  ).body.id;
  webhookId = (await home.must("POST", "webhooks", { body: { ...(BODIES["createWebhook"] as object), enabled: true } }))
    .body.id;
  replayId = (await home.must("POST", `webhooks/${webhookId}/replay`, { body: { fromPosition: 1 } })).body.id;
  importId = (await home.must("POST", "imports", { raw: "", headers: { "content-type": "application/x-ndjson" } })).body
    .id;
  generationId = (await home.must("POST", "generations", { body: BODIES["askGeneration"] })).body.id;
  checkId = await plantCheck();
  letterId = await plantLetter();
  keyId = (await home.must("POST", "keys", { body: { name: "sample", scopes: ["content:read"] } })).body.id;
});

describe("404: nothing at the path", () => {
  const variants = (path: string): string[] => [
    `${path}/`,
    `${path}/more/and/more`,
    `/v2${path}`,
    path.toUpperCase(),
    path.replace("/", "//"),
  ];

  test.each(each(ROUTES))("%s, misspelt", async (_, route) => {
    await all(
      variants(pathOf(route)).filter((path) => findRoute(route.method, path) === undefined),
      async (path) => expectRefusal(await askChecked(route.method, path, { key: "not a key" }), 404, "not-found"),
    );
  });

  test("the root, and what only looks like a path", async () => {
    for (const path of [
      "/",
      "/v1",
      "/v1/",
      "/.env",
      "/v1/spaces/../spaces//",
      "/health%00",
      "/%",
      "/%ED%A0%80",
      "/v1/spaces/%",
      "/*",
      "/:space",
    ]) {
      const answer = await wire("GET", path);
      check(answer, "GET", path);
      expect([401, 404], `${path} ${answer.text}`).toContain(answer.status);
    }
  });
});

describe("405: the path has other methods", () => {
  const paths = new Map<string, Route[]>();
  for (const route of ROUTES) paths.set(route.path, [...(paths.get(route.path) ?? []), route]);

  test.each([...paths])("%s", async (_, ways) => {
    const [first] = ways as [Route];
    const methods = new Set(ways.map(({ method }) => method as string));
    const allowed = [...methods].flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).sort();
    const wrong = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].filter(
      (method) => !methods.has(method),
    );
    await all(wrong, async (method) => {
      // Before credentials, before the body.
      const answer = await wire(method, pathOf(first), { headers: { authorization: "Bearer wrong" } });
      check(answer, method, pathOf(first));
      expectRefusal(answer, 405, "method-not-allowed");
      expect(answer.headers.get("allow")?.split(", ").sort(), method).toEqual(allowed);
    });
    if (methods.has("GET")) return;
    const head = await askChecked("HEAD", pathOf(first), { key: "wrong" });
    expect(head.status).toBe(405);
    expect(head.text).toBe("");
  });

  test.each(["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])(
    "%s does not change the method",
    async (header) => {
      const before = await headOf(home);
      const answer = await home.ask("GET", `entries/${entry}`, { headers: { [header]: "DELETE" } });
      expect(answer.status).toBe(200);
      const override = await home.ask("POST", `entries/${entry}/publish?_method=DELETE`);
      expectRefusal(override, 400, "unknown-parameter", { parameter: "_method" });
      expect(await headOf(home)).toBe(before);
    },
  );
});

describe("HEAD answers like GET, without the body", () => {
  test.each(each(ROUTES.filter(({ method }) => method === "GET")))("%s", async (_, route) => {
    const key = route.who.kind === "anyone" ? {} : { key: credentialFor(route) };
    const [got, head] = [await askChecked("GET", pathOf(route), key), await askChecked("HEAD", pathOf(route), key)];
    expect(head.text).toBe("");
    expect(head.status).toBe(got.status);
    const told = [
      "etag",
      "content-type",
      "cache-control",
      "link",
      "vary",
      "meridian-position",
      "allow",
      "access-control-allow-origin",
    ];
    for (const name of told) expect(head.headers.get(name), name).toBe(got.headers.get(name));
    const etag = got.headers.get("etag");
    if (etag === null) return;
    const same = await askChecked("HEAD", pathOf(route), { ...key, headers: { "if-none-match": etag } });
    expect(same.status).toBe(304);
  });
});

describe("401: credentials", () => {
  test.each(each(GUARDED))("%s without any", async (_, route) => {
    const answer = await askChecked(route.method, pathOf(route), {
      ...(bodyOf(route) === undefined ? {} : { body: bodyOf(route) }),
    });
    expectRefusal(answer, 401, "credentials-required");
    // RFC 6750, 3: no error code when no credentials came.
    expect(answer.headers.get("www-authenticate")).not.toContain("error");
  });

  test.each(each(SPACED))("%s: a private space and an absent one answer anybody alike", async (_, route) => {
    const [there, nowhere] = [
      await askChecked(route.method, pathOf(route)),
      await askChecked(route.method, pathOf(route, { space: "r-absent" })),
    ];
    expect(withoutIds(there, home.id, victim.id)).toEqual(withoutIds(nowhere, "r-absent"));
  });

  test.each(each(GUARDED))("%s with bad ones, without asking anybody", async (_, route) => {
    const last = home.key.at(-1) === "A" ? "B" : "A";
    const flipped = `${home.key.slice(0, -1)}${last}`;
    const control = openControl(stackHere().control);
    const asked = async () => {
      const { postgres } = await control.countersByCaller();
      return Object.values(postgres).map((callers) => callers["request"]?.requests ?? 0);
    };
    // What earlier answers left to be refreshed behind them is over first.
    let before = await asked();
    await until("nothing goes on behind earlier answers", async () => {
      const last = String(before);
      before = await asked();
      return String(before) === last;
    });
    for (const key of [flipped, "garbage"]) {
      const answer = await authorized(route, `Bearer ${key}`);
      expectRefusal(answer, 401, "credentials-invalid");
      expect(answer.headers.get("www-authenticate")).toContain('error="invalid_token"');
    }
    expect(await asked()).toEqual(before);
  });

  test("in every shape that is none", async () => {
    const [, id = "", rest = ""] = home.key.split("_");
    const swapped = `mrd_${rest}_${id}`;
    const hostile = [
      "Bearer",
      "Bearer ",
      `Basic ${btoa(`x:${home.key}`)}`,
      home.key,
      `bearer${home.key}`,
      `Bearer ${home.key} ${home.key}`,
      `Bearer ${home.key},Bearer ${home.key}`,
      `Bearer "${home.key}"`,
      `Bearer ${home.key.toUpperCase()}`,
      `Bearer ${home.key.slice(0, -1)}`,
      `Bearer ${home.key}A`,
      `Bearer ${swapped}`,
      `Bearer mrd_${id}_${rest.split("").reverse().join("")}`,
      `Bearer mrd_${"9".repeat(16)}_${rest}`,
      `Bearer ${"mrd_".repeat(2_000)}`,
      "Bearer null",
      "Bearer undefined",
      `Digest username="${home.key}"`,
      "Bearer __proto__",
      `Bearer ${rootKey().slice(0, -1)}`,
      `Bearer ${rootKey()}x`,
      "Bearer \u00e9\u00ff",
    ];
    await all(hostile, async (authorization) => {
      const answer = await home.ask("GET", "types", { headers: { authorization } });
      expect({ authorization, status: answer.status }).toEqual({ authorization, status: 401 });
      expect(answer.body.code).toBe("credentials-invalid");
    });
    for (const authorization of [`bearer ${home.key}`, `BEARER   ${home.key}`])
      expect((await home.ask("GET", "types", { headers: { authorization } })).status).toBe(200);
  });

  test("a key with a checksum that fits, of an id or a secret that does not", async () => {
    const { formatKey, newKeyId, newSecret } = await import("../../src/contexts/tenancy/domain/key-text.ts");
    const { spaceUid } = await import("../../src/kernel/id.ts");
    const forged = [
      formatKey(home.key.split("_")[1] as never, newSecret(new Uint8Array(20))),
      formatKey(newKeyId(spaceUid(2_000_000), new Uint8Array(7)), newSecret(new Uint8Array(20))),
    ];
    for (const key of forged) expectRefusal(await home.ask("GET", "types", { key }), 401, "credentials-invalid");
    expect((await home.ask("GET", "types")).status).toBe(200);
  });

  test("keys in addresses are not accepted, and not told back", async () => {
    for (const name of ["key", "api_key", "access_token", "token"]) {
      const answer = await askChecked("GET", `/v1/spaces/${home.id}/types?${name}=${home.key}`);
      expectRefusal(answer, 401, "credentials-required");
      expect(answer.text).not.toContain(home.key);
    }
  });
});

describe("404: spaces of others", () => {
  test.each(each(SPACED))("%s: another tenant's answers exactly as an absent one", async (_, route) => {
    const sent: Ask = {
      key: home.key,
      ...(bodyOf(route) === undefined ? {} : { body: bodyOf(route) }),
      headers: { "content-type": mediaOf(route) },
    };
    const theirs = await askChecked(route.method, pathOf(route, { space: other.id }), sent);
    const nowhere = await askChecked(route.method, pathOf(route, { space: "r-absent" }), sent);
    expect(withoutIds(theirs, other.id)).toEqual(withoutIds(nowhere, "r-absent"));
    expectRefusal(theirs, 404, "space-missing");
  });

  test.each(each(SPACED.filter(({ who }) => actsAsRoot(who))))("%s: absent for the root key", async (_, route) => {
    const answer = await asking(route, { key: rootKey() }, pathOf(route, { space: "r-absent" }));
    expectRefusal(answer, 404, "space-missing");
  });

  test.each([
    "R-UPPER",
    "x",
    "1abc",
    "a_b",
    `a${"b".repeat(39)}`,
    "a%00b",
    "%ED%A0%80",
    "a b",
    "constructor",
    "__proto__",
    "-abc",
  ])("%s is none", async (space) => {
    await all(
      SPACED.filter(({ method }) => method === "GET"),
      async (route) =>
        expect(
          (await asking(route, { key: actsAsRoot(route.who) ? rootKey() : home.key }, pathOf(route, { space }))).status,
          route.path,
        ).toBe(404),
    );
  });
});

describe("403: scopes", () => {
  const scoped = GUARDED.filter(({ who }) => who.kind === "scope" || who.kind === "reader");
  const lacking = new Map<string, string>();
  const scopeOf = ({ who }: Route): string => (who.kind === "scope" ? who.scope : "content:read");

  beforeAll(async () => {
    for (const scope of new Set(scoped.map(scopeOf))) {
      // Writing content includes previewing it.
      const others = ALL_SCOPES.filter(
        (each) => each !== scope && !(scope === "content:preview" && each === "content:write"),
      );
      lacking.set(scope, await home.keyWith(others));
    }
  });

  test.each(each(scoped))("%s with a key that holds all others", async (_, route) => {
    const answer = await asking(route, { key: lacking.get(scopeOf(route)) ?? "" });
    expectRefusal(answer, 403, "scope-missing");
    expect(answer.body.detail).toContain(scopeOf(route));
  });

  test.each(each(GUARDED.filter(({ who }) => !actsAsRoot(who))))("%s with the root key", async (_, route) => {
    expectRefusal(await asking(route, { key: rootKey() }), 403, "scope-missing");
  });

  test.each(each(GUARDED.filter(({ who }) => who.kind === "root")))(
    "%s with a key of every scope",
    async (_, route) => {
      expectRefusal(await asking(route, { key: victim.key }), 403, "scope-missing");
    },
  );
});

describe("429: over budget", () => {
  const budgeted = ROUTES.filter(({ budget }) => budget !== "none");
  const once = { quota: 1, window: 86_400 };
  let poor: Space;
  let weakKey: string;

  beforeAll(async () => {
    const limits = { read: once, write: once, bulk: once, auth: once, generate: once };
    poor = witnessed(await makeSpace({ publicRead: true, limits }));
    weakKey = await poor.keyWith(["audit:read"]);
  });

  /** Everything that is checked later is wrong as well. */
  const asked = (route: Route, sent: Ask): Promise<Answer> =>
    askChecked(route.method, `${pathOf(route, { space: poor.id, absent: true })}?unknown=1`, {
      ...(route.operation.body === undefined ? {} : { raw: "{" }),
      headers: { "content-type": "text/plain", "if-match": "bad", "meridian-at-least": "x" },
      ...sent,
    });

  test.each(each(budgeted))("%s, after scopes and before everything that was sent", async (_, route) => {
    const key = await poor.keyWith(ALL_SCOPES);
    const first = await asked(route, { key });
    expect([400, 415], first.text).toContain(first.status);
    expect(first.headers.get("ratelimit-policy")).toBe(`"${route.budget}";q=1;w=86400`);
    expect(first.headers.get("ratelimit")).toMatch(new RegExp(`^"${route.budget}";r=0;t=\\d+$`));
    const second = await asked(route, { key });
    expectRefusal(second, 429, "rate-limited");
    expect(second.headers.get("ratelimit-policy")).toBe(`"${route.budget}";q=1;w=86400`);
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(0);
    // Another budget, and everybody else, have their own.
    const other =
      route.budget === "read"
        ? await poor.ask("POST", "entries", { key, raw: "{" })
        : await poor.ask("GET", "types", { key });
    expect(other.status, other.text).toBeLessThan(429);
    expect((await asked(route, { key: await poor.keyWith(ALL_SCOPES) })).status).toBe(first.status);
    if (route.who.kind !== "member") expectRefusal(await asked(route, { key: weakKey }), 403, "scope-missing");
  });

  test("whoever shows no key has the space's, once for all of them", async () => {
    const open = budgeted.filter(({ who }) => who.kind === "reader");
    expect((await asked(open[0] as Route, {})).status).toBe(400);
    for (const route of open) expectRefusal(await asked(route, {}), 429, "rate-limited");
  });
});

describe("415: media types", () => {
  test.each(each(WITH_BODY))("%s", async (_, route) => {
    const media = route.operation.body?.media ?? [];
    const wrong = [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/json-patch+json",
      "application/jsonx",
      "json",
      "*/*",
      "application/json; charset=iso-8859-1",
      "application/json, text/plain",
    ];
    if (!media.includes("application/json")) wrong.push("application/json");
    if (!media.includes("application/merge-patch+json")) wrong.push("application/merge-patch+json");
    await all(wrong, async (type) => {
      const answer = await asking(route, { headers: { "content-type": type } });
      expectRefusal(answer, 415, "unsupported-media-type");
      expect(answer.headers.get("accept")).toBe(media.join(", "));
    });
    const none = await wire(route.method, pathOf(route), {
      headers: { authorization: `Bearer ${credentialFor(route)}` },
      chunks: ["{}"],
    });
    check(none, route.method, pathOf(route));
    expectRefusal(none, 415, "unsupported-media-type");
  });

  test("what is only written differently is taken", async () => {
    const before = await headOf(home);
    const types = [
      "APPLICATION/JSON",
      "application/json;charset=utf-8",
      'application/json ; charset="UTF-8"',
      "application/json; a=b",
    ];
    for (const type of types)
      expect(
        (
          await home.ask("PUT", `entries/${entry}`, {
            body: { type: "city", fields: { name: { en: "Paris" } } },
            headers: { "content-type": type },
          })
        ).status,
        type,
      ).toBe(200);
    expect(await headOf(home)).toBe(before);
  });
});

describe("413: size", () => {
  test.each(each(WRITES.filter(({ operation }) => operation.body?.upload !== true)))("%s", async (_, route) => {
    const headers = { authorization: `Bearer ${credentialFor(route)}`, "content-type": mediaOf(route) };
    const declared = await counted(route, () =>
      wire(route.method, pathOf(route), {
        headers: { ...headers, "content-length": String(MIB + 1) },
        chunks: [" ".repeat(MIB + 1)],
      }),
    );
    check(declared, route.method, pathOf(route));
    expectRefusal(declared, 413, "body-too-large");
    const chunk = " ".repeat(MIB / 8);
    const chunked = await counted(route, () =>
      wire(route.method, pathOf(route), {
        headers: { ...headers, "transfer-encoding": "chunked" },
        chunks: [...Array(8).fill(chunk), "{"],
      }),
    );
    check(chunked, route.method, pathOf(route));
    expectRefusal(chunked, 413, "body-too-large");
  });

  test("a mebibyte is not too large", async () => {
    const body = JSON.stringify({ overlapSeconds: 0, more: 1 });
    expectRefusal(
      await home.ask("POST", `keys/${keyId}/rotate`, { raw: body + " ".repeat(MIB - body.length) }),
      400,
      "unknown-member",
    );
  });
});

describe("400: syntax", () => {
  const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
    Buffer.concat(parts.map((part) => Buffer.from(part as string)));
  const malformed: readonly (readonly [string, string | Uint8Array])[] = [
    ["empty", ""],
    ["blank", " \n\t "],
    ["cut off", '{"a":'],
    ["two values", "{}{}"],
    ["a trailing comma", '{"a":1,}'],
    ["a comment", '{"a":1/**/}'],
    ["single quotes", "{'a':1}"],
    ["a bare word", "{a:1}"],
    ["NaN", '{"a":NaN}'],
    ["Infinity", '{"a":-Infinity}'],
    ["a leading zero", '{"a":01}'],
    ["a plus sign", '{"a":+1}'],
    ["a bare fraction", '{"a":.5}'],
    ["a hexadecimal", '{"a":0x1F}'],
    ["a raw line break in text", '{"a":"\n"}'],
    ["a bad escape", '{"a":"\\x41"}'],
    ["a half escape", '{"a":"\\u12"}'],
    ["1e400", '{"a":1e400}'],
    ["-1e400", '{"a":-1e400}'],
    ["9007199254740993", '{"a":9007199254740993}'],
    ["a very long integer", `{"a":1${"0".repeat(400)}}`],
    ["a member twice", '{"a":1,"a":2}'],
    ["a member twice, escaped", '{"a":1,"\\u0061":2}'],
    ["a member twice, deep", '{"a":[{"b":{"c":1,"c":1}}]}'],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}'],
    ["33 deep", `${'{"a":'.repeat(33)}1${"}".repeat(33)}`],
    ["33 deep in lists", `{"a":${"[".repeat(32)}${"]".repeat(32)}}`],
    ["a mebibyte of [", "[".repeat(MIB)],
    ['a mebibyte of {"a":', '{"a":'.repeat(MIB / 5)],
    ["a byte-order mark", bytes([0xef, 0xbb, 0xbf], "{}")],
    ["UTF-16", Buffer.from("\ufeff{}", "utf16le")],
    ["a stray byte", bytes('{"a":"', [0xff], '"}')],
    ["half a character", bytes('{"a":"', [0xe2, 0x82], '"}')],
    ["an overlong form", bytes('{"a":"', [0xc0, 0xaf], '"}')],
    ["a surrogate in UTF-8", bytes('{"a":"', [0xed, 0xa0, 0x80], '"}')],
    ["beyond U+10FFFF", bytes('{"a":"', [0xf4, 0x90, 0x80, 0x80], '"}')],
    ["gzip", bytes([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 3, 0xab, 0xae, 5, 0, 0x43, 0xbf, 0xa6, 0xa3, 2, 0, 0, 0])],
    ["U+0000 outside of text", '{"a":1}\u0000'],
  ];
  const few = new Set([
    "cut off",
    "a member twice, escaped",
    "33 deep",
    "1e400",
    "a byte-order mark",
    "a stray byte",
    "a mebibyte of [",
  ]);

  test.each(malformed)("%s", async (_, raw) => {
    expectRefusal(await home.ask("POST", "entries", { raw }), 400, "malformed-json");
  });

  test.each(each(WITH_JSON))("%s", async (_, route) => {
    await all(
      malformed.filter(([name]) => few.has(name)),
      async ([, raw]) => expectRefusal(await asking(route, { raw }), 400, "malformed-json"),
    );
  });

  test.each(each(WITH_JSON))("%s: a body that is no object", async (_, route) => {
    await all(["null", "[]", "1", '"text"', "true", "[{}]"], async (raw) =>
      expectRefusal(await asking(route, { raw }), 400, "invalid-member", { pointer: "" }),
    );
  });

  test.each(each(WITH_JSON))("%s: members that it does not know", async (_, route) => {
    const known = JSON.stringify(bodyOf(route)).slice(1);
    await all(["unknown", "__proto__", "constructor", "toString", "a/b~c", "", "Type", "ĝ"], async (name) => {
      const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const answer = await asking(route, { raw: `{${JSON.stringify(name)}:{"x":1},${known}` });
      expectRefusal(answer, 400, "unknown-member", { pointer, code: "unknown-member" });
    });
  });

  test.each(each(WRITES.filter(({ operation }) => operation.body === undefined)))(
    "%s takes no body but an empty one",
    async (_, route) => {
      const absent = pathOf(route, { absent: true });
      const path = route.path.endsWith("/:space") ? pathOf(route, { space: "r-absent" }) : absent;
      expectRefusal(await asking(route, { raw: '{"a":1}' }, path), 400, "unknown-member");
      expectRefusal(await asking(route, { raw: "[" }, path), 400, "malformed-json");
      expect((await asking(route, { raw: "{}" }, path)).status).toBe(404);
    },
  );
});

describe("400: parameters and headers", () => {
  test.each(each(ROUTES))("%s: parameters that it does not know", async (_, route) => {
    await all(["unknown", "__proto__", "constructor", "toString", "Limit", "limit[]", "a b"], async (name) => {
      const answer = await asking(
        route,
        route.who.kind === "anyone" ? { key: rootKey() } : {},
        `${pathOf(route)}?${encodeURIComponent(name)}=1`,
      );
      expectRefusal(answer, 400, "unknown-parameter", { parameter: name, code: "unknown-parameter" });
    });
  });

  // An empty header does not always reach the Worker.
  const tags = ["1.5", '"1.5', '"a" "b"', ",", '"\t"', "W/1.5", 'w/"1.5"', '*, "1.5"', '"a""b"'];
  test.each(each(WRITES))("%s: If-Match and Idempotency-Key", async (_, route) => {
    await all(tags, async (value) =>
      expectRefusal(await asking(route, { headers: { "if-match": value } }), 400, "invalid-header", {
        parameter: "If-Match",
      }),
    );
    await all(["", '"open', "k".repeat(256), "k\u00e9y", '"a" b', '"a\\x"', "tab\there"], async (value) =>
      expectRefusal(await asking(route, { headers: { "idempotency-key": value } }), 400, "idempotency-key-invalid", {
        parameter: "Idempotency-Key",
      }),
    );
  });

  test.each(each(GUARDED.filter(({ method }) => method === "GET")))("%s: If-None-Match", async (_, route) => {
    await all(["1.5", '"1.5', ",", '*, "x"'], async (value) =>
      expectRefusal(await asking(route, { headers: { "if-none-match": value } }), 400, "invalid-header", {
        parameter: "If-None-Match",
      }),
    );
  });

  test.each(each(SPACED))("%s: Meridian-At-Least", async (_, route) => {
    await all(
      ["-1", "1.5", "1e3", "x", "0x10", "9007199254740993", "99999999999999999999", "1, 2", "+1"],
      async (value) =>
        expectRefusal(await asking(route, { headers: { "meridian-at-least": value } }), 400, "invalid-header", {
          parameter: "Meridian-At-Least",
        }),
    );
  });

  test.each(each(SPACED.filter(({ method }) => method === "GET")))(
    "%s: a position that has not been reached",
    async (_, route) => {
      const answer = await asking(route, { headers: { "meridian-at-least": "9007199254740991" } });
      expectRefusal(answer, 503, "position-not-reached");
    },
  );
});

describe("the order of checks: a request with everything wrong is told one thing after the other", () => {
  const used = `used-${Date.now()}`;
  const oversized = MIB + 1;
  let weakKey: string;

  beforeAll(async () => {
    weakKey = await home.keyWith(["audit:read"]);
    await home.must("POST", "keys", {
      body: { name: "first", scopes: ["content:read"] },
      headers: { "idempotency-key": used },
    });
    const changed = await askChecked("PATCH", `/v1/spaces/${home.id}`, {
      key: rootKey(),
      body: { name: "Renamed" },
      headers: { "idempotency-key": used },
    });
    expect(changed.status).toBe(200);
    await home.must("POST", "entries", { body: { type: "city", id: "shelved", fields: { name: { en: "Shelved" } } } });
    await home.must("POST", "entries/shelved/archive");
  });

  test.each(each(WITH_JSON.filter(({ who, path }) => who.kind === "scope" && path.includes(":"))))(
    "%s",
    async (_, route) => {
      const good = JSON.stringify(bodyOf(route));
      const absent = pathOf(route, { absent: true });
      const state = {
        method: "OPTIONS",
        path: absent.replace(home.id, "r-absent"),
        key: "wrong",
        type: "text/plain",
        length: oversized,
        raw: "{",
        query: "?unknown=1",
        match: "bad",
        idempotency: used,
      };
      const step = async (status: number, code: string, repair: Partial<typeof state>) => {
        const { method, path, key, type, length, raw, query, match, idempotency } = state;
        const headers: Record<string, string> = {
          authorization: `Bearer ${key}`,
          "content-type": type,
          "if-match": match,
          "idempotency-key": idempotency,
        };
        const sent = raw.padEnd(length);
        const answer = await wire(method, `${path}${query}`, {
          headers: { ...headers, "content-length": String(Buffer.byteLength(sent)) },
          chunks: [sent],
        });
        check(answer, method, path);
        expectRefusal(answer, status, code);
        Object.assign(state, repair);
      };
      await step(405, "method-not-allowed", { method: route.method });
      await step(401, "credentials-invalid", { key: weakKey });
      await step(404, "space-missing", { path: absent });
      await step(403, "scope-missing", { key: home.key });
      await step(415, "unsupported-media-type", { type: mediaOf(route) });
      await step(413, "body-too-large", { length: 0 });
      await step(400, "malformed-json", { raw: `{"unknown":1,${good.slice(1)}` });
      await step(400, "unknown-member", { raw: good });
      await step(400, "unknown-parameter", { query: "" });
      await step(400, "invalid-header", { match: '"0.0"' });
      await step(422, "idempotency-key-reused", { idempotency: "another" });
      // A resource that has to be there, before what is asked of its state, before its rules.
      const creates = ["createEntry", "createKey", "createWebhook", "askGeneration"].includes(route.operation.id);
      const needed = !creates && !["replaceEntry", "saveType"].includes(route.operation.id);
      const kind = /\/(key|webhook)s\//.exec(route.path)?.[1] ?? "entry";
      if (needed) await step(404, `${kind}-missing`, {});
      if (creates) return;
      state.path = route.path.includes("/entries/") ? pathOf(route).replace(entry, "shelved") : pathOf(route);
      state.raw =
        route.operation.id === "replaceEntry"
          ? '{"type":"country","fields":{"name":1}}'
          : route.operation.id === "patchEntry"
            ? '{"fields":{"name":1}}'
            : good;
      await step(412, "precondition-failed", { match: "*" });
      if (route.path.includes("/entries/")) await step(409, "entry-archived", {});
    },
  );

  test.each(each(SPACED.filter(({ method, who }) => method === "GET" && who.kind === "scope")))(
    "%s",
    async (_, route) => {
      const absent = pathOf(route, { absent: true });
      const ladder: readonly (readonly [number, string, string, string, Readonly<Record<string, string>>])[] = [
        [401, "credentials-invalid", absent.replace(home.id, "r-absent"), "wrong", { "meridian-at-least": "x" }],
        [404, "space-missing", absent.replace(home.id, "r-absent"), weakKey, { "meridian-at-least": "x" }],
        [403, "scope-missing", absent, weakKey, { "meridian-at-least": "x" }],
      ];
      for (const [status, code, path, key, headers] of ladder)
        expectRefusal(await askChecked("GET", `${path}?unknown=1`, { key, headers }), status, code);
      expectRefusal(await askChecked("GET", `${absent}?unknown=1`, { key: home.key }), 400, "unknown-parameter");
      expectRefusal(
        await askChecked("GET", absent, { key: home.key, headers: { "meridian-at-least": "x" } }),
        400,
        "invalid-header",
      );
      if (route.path.endsWith(":id") || route.path.endsWith(":type"))
        expect((await askChecked("GET", absent, { key: home.key })).status).toBe(404);
    },
  );
});

describe("nothing was written, and everything that was told is explained", () => {
  test("refusals took no position", async () => {
    const before = await headOf(home);
    for (const route of WRITES.filter(({ who, path }) => path.includes(":space") && who.kind !== "root"))
      await asking(route, { headers: { "if-match": "bad" } });
    expect(await headOf(home)).toBe(before);
    expect((await ask("GET", `/v1/spaces/${NEVER_MADE}`, { key: rootKey() })).status).toBe(404);
  });

  test("every code that was answered has its page", async () => {
    expect(SEEN.size).toBeGreaterThan(15);
    for (const [code, request] of SEEN) {
      const page = await ask("GET", `/problems/${code}`);
      expect(page.status, request).toBe(200);
      expect(page.text).toContain(code);
    }
    expectRefusal(await askChecked("GET", "/problems/no-such-code"), 404, "not-found");
  });
});

test("408: a body that does not come is waited for only so long", async () => {
  const answer = await slow;
  check(answer, "POST", `/v1/spaces/${home.id}/entries`);
  expectRefusal(answer, 408, "request-timeout");
});
