// API keys: what they look like, what they may grant, how they end.
import { beforeAll, describe, expect, test } from "vitest";
import { ALL_SCOPES, type Answer, makeSpace, rootKey, type Space, until } from "../support/client.ts";
import { expectRefusal, headOf, witnessed } from "../support/witness.ts";

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const KEY = /^mrd_[0-9A-Za-z]{11,16}_[0-9A-Za-z]{33}$/;

let space: Space;
const make = (body: object, options: { key?: string; headers?: Record<string, string> } = {}): Promise<Answer> =>
  space.ask("POST", "keys", { body: { name: "made", scopes: ["content:read"], ...body }, ...options });
const works = async (key: string): Promise<boolean> => (await space.ask("GET", "types", { key })).status === 200;
const etagOf = (answer: Answer): string => answer.headers.get("etag") ?? "none";

beforeAll(async () => {
  space = witnessed(await makeSpace({ publicRead: false }));
});

describe("a position that is not reached", () => {
  test("keeps a key from being made, as it keeps everything else from being answered", async () => {
    const space = await makeSpace();
    const body = { name: "later", scopes: ["content:read"] };
    const made = async (key: string, atLeast: number) => {
      const headers = { "Meridian-At-Least": String(atLeast), "Idempotency-Key": `k${atLeast}${key.length}` };
      const answer = await space.ask("POST", "keys", { key, body, headers });
      return [answer.status, answer.body.code];
    };
    const { position } = await space.must("GET", "types");
    for (const key of [space.key, rootKey()]) {
      expect(await made(key, position + 100)).toEqual([503, "position-not-reached"]);
      expect((await space.must("GET", "types")).position).toBe(position);
    }
    expect(await made(space.key, position)).toEqual([201, undefined]);
    // A repetition is no exception: what was answered then is older than what is asked for now.
    expect(await made(rootKey(), position + 1)).toEqual([201, undefined]);
  });
});

test("when a key was last used is noted behind the answer, and takes no position", async () => {
  const { id, key } = (await make({ name: "used" })).body;
  const before = await headOf(space);
  const lastUsedAt = async (): Promise<string | null> =>
    (await space.must("GET", "keys?limit=1000")).body.data.find((each: { id: string }) => each.id === id).lastUsedAt;
  expect(await lastUsedAt()).toBeNull();
  expect((await space.ask("GET", "content/nothing", { key })).status).toBe(404);
  await until("its use is noted", async () => (await lastUsedAt()) !== null);
  const first = await lastUsedAt();
  expect(first).toMatch(TIME);
  expect(Math.abs(Date.parse(first ?? "") - Date.now())).toBeLessThan(60_000);
  for (let n = 0; n < 3; n += 1) expect(await works(key)).toBe(true);
  expect([await lastUsedAt(), await headOf(space)]).toEqual([first, before]);
});

describe("POST keys", () => {
  test("a key, shown once", async () => {
    const before = await headOf(space);
    const answer = await make({
      name: "Website 🙂",
      scopes: ["content:preview", "content:read"],
      expiresAt: "2999-12-31T23:00:00+01:00",
    });
    expect([answer.status, answer.position]).toEqual([201, before + 1]);
    expect(answer.body).toEqual({
      id: expect.any(String),
      name: "Website 🙂",
      scopes: ["content:read", "content:preview"],
      createdAt: expect.stringMatching(TIME),
      expiresAt: "2999-12-31T22:00:00.000Z",
      lastUsedAt: null,
      key: expect.stringMatching(KEY),
    });
    expect(answer.body.key.split("_")[1]).toBe(answer.body.id);
    expect(answer.headers.get("cache-control")).toBe("private, no-store");
    const listed = await space.must("GET", "keys?limit=1000");
    expect(listed.text).not.toContain(answer.body.key.split("_")[2].slice(0, 20));
    const { key: _, ...rest } = answer.body;
    expect(listed.body.data).toContainEqual(rest);
    expect(await works(answer.body.key)).toBe(true);
  });

  test("grants no more than it is granted", async () => {
    const limited = (await make({ scopes: ["keys:write", "content:write"] })).body.key;
    for (const scope of ALL_SCOPES) {
      const answer = await make({ scopes: ["keys:write", scope] }, { key: limited });
      // Writing content includes previewing it.
      if (["keys:write", "content:write", "content:preview"].includes(scope))
        expect([scope, answer.status]).toEqual([scope, 201]);
      else expectRefusal(answer, 403, "scope-exceeded");
    }
    expectRefusal(await make({}, { key: (await make({ scopes: ["content:write"] })).body.key }), 403, "scope-missing");
    expect((await make({ scopes: ALL_SCOPES }, { key: rootKey() })).body.scopes).toEqual(ALL_SCOPES);
  });

  test("a scope said twice is one", async () => {
    expect((await make({ scopes: ["types:write", "types:write"] })).body.scopes).toEqual(["types:write"]);
  });

  test("each key is another, and its secret is kept for a repetition only", async () => {
    const headers = { "idempotency-key": "one-key" };
    const first = await make({ name: "repeated" }, { headers });
    const again = await make({ name: "repeated" }, { headers });
    expect([again.status, again.text, again.position, again.headers.get("idempotency-replayed")]).toEqual([
      201,
      first.text,
      first.position,
      "true",
    ]);
    expectRefusal(await make({ name: "other" }, { headers }), 422, "idempotency-key-reused");
    // The same words from another credential are another request.
    const theirs = await make({ name: "repeated" }, { headers, key: rootKey() });
    expect([theirs.status, theirs.headers.get("idempotency-replayed")]).toEqual([201, null]);
    expect(theirs.body.key).not.toBe(first.body.key);
    expect((await make({ name: "repeated" })).body.id).not.toBe(first.body.id);
  });
});

describe("GET keys", () => {
  test("oldest first, page by page", async () => {
    const whole = await space.must("GET", "keys?limit=1000");
    const ids = whole.body.data.map(({ id }: { id: string }) => id);
    expect(whole.body.page).toEqual({ next: null, size: ids.length, at: whole.position });
    const times = whole.body.data.map(({ createdAt }: { createdAt: string }) => createdAt);
    expect(times).toEqual(times.toSorted());
    const seen: string[] = [];
    let path = "keys?limit=3";
    for (let pages = 0; pages < 50; pages += 1) {
      const page = await space.must("GET", path);
      seen.push(...page.body.data.map(({ id }: { id: string }) => id));
      const { next } = page.body.page;
      expect(page.headers.get("link")).toBe(
        next === null ? null : `</v1/spaces/${space.id}/keys?limit=3&cursor=${encodeURIComponent(next)}>; rel="next"`,
      );
      if (next === null) break;
      path = `keys?limit=3&cursor=${encodeURIComponent(next)}`;
    }
    expect(seen).toEqual(ids);
    expect(whole.text).not.toMatch(/hash|secret|mrd_/);
  });

  test("cursors that were not given out", async () => {
    for (const cursor of ["x", "YQ", "e30", "'--", "🙂"])
      expectRefusal(await space.ask("GET", `keys?cursor=${encodeURIComponent(cursor)}`), 400, "cursor-invalid");
  });
});

describe("DELETE keys/{id}", () => {
  test("If-Match", async () => {
    const created = await make({});
    const { id } = created.body;
    expectRefusal(
      await space.ask("DELETE", `keys/${id}`, { headers: { "if-match": '"0.0"' } }),
      412,
      "precondition-failed",
    );
    expectRefusal(
      await space.ask("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 0 }, headers: { "if-match": '"0.0"' } }),
      412,
      "precondition-failed",
    );
    const rotated = await space.must("POST", `keys/${id}/rotate`, {
      body: { overlapSeconds: 0 },
      headers: { "if-match": etagOf(created) },
    });
    expectRefusal(
      await space.ask("DELETE", `keys/${id}`, { headers: { "if-match": etagOf(created) } }),
      412,
      "precondition-failed",
    );
    expect((await space.ask("DELETE", `keys/${id}`, { headers: { "if-match": etagOf(rotated) } })).status).toBe(204);
  });

  test("those of another space are not there", async () => {
    const other = witnessed(await makeSpace({ publicRead: false }));
    const theirs = other.key.split("_")[1] ?? "";
    expectRefusal(await space.ask("DELETE", `keys/${theirs}`), 404, "key-missing");
    expectRefusal(
      await space.ask("POST", `keys/${theirs}/rotate`, { body: { overlapSeconds: 0 } }),
      404,
      "key-missing",
    );
    expect((await other.ask("GET", "types")).status).toBe(200);
  });
});

describe("POST keys/{id}/rotate", () => {
  test("the same id with another secret; without an overlap the old one is dead", async () => {
    const created = await make({ name: "turning", scopes: ["content:read", "usage:read"] });
    const { id, key } = created.body;
    const before = await headOf(space);
    const rotated = await space.ask("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 0 } });
    expect([rotated.status, rotated.position]).toEqual([200, before + 1]);
    expect(rotated.body).toEqual({ ...created.body, key: expect.stringMatching(KEY) });
    expect(rotated.body.key).not.toBe(key);
    expect(await works(rotated.body.key)).toBe(true);
    await until("the old secret is dead", async () => !(await works(key)), 5_500);
  });

  test("nobody rotates a key that holds more than they do", async () => {
    const strong = (await make({ scopes: ["keys:write", "types:write"] })).body;
    const weak = (await make({ scopes: ["keys:write"] })).body;
    expectRefusal(
      await space.ask("POST", `keys/${strong.id}/rotate`, { body: { overlapSeconds: 0 }, key: weak.key }),
      403,
      "scope-exceeded",
    );
    expect(await works(strong.key)).toBe(true);
    expect(
      (await space.ask("POST", `keys/${weak.id}/rotate`, { body: { overlapSeconds: 0 }, key: strong.key })).status,
    ).toBe(200);
    expect(
      (await space.ask("POST", `keys/${strong.id}/rotate`, { body: { overlapSeconds: 0 }, key: rootKey() })).status,
    ).toBe(200);
  });

  test("a repetition shows the same new secret", async () => {
    const { id } = (await make({})).body;
    const sent = { body: { overlapSeconds: 0 }, headers: { "idempotency-key": `rotate-${id}` } };
    const first = await space.must("POST", `keys/${id}/rotate`, sent);
    const again = await space.must("POST", `keys/${id}/rotate`, sent);
    expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([first.text, "true"]);
    expect(await works(first.body.key)).toBe(true);
  });
});

test("several at once are all made", async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => make({ name: `at once ${i}` })));
  expect(answers.map(({ status, body }) => `${status} ${body.code ?? ""}`)).toEqual(answers.map(() => "201 "));
});

// Time has to pass in these, so they pass it together.
describe.concurrent("keys that end", () => {
  const root = () => ({ key: rootKey() });

  test("an expired key is dead", async () => {
    const { key } = (await make({ expiresAt: new Date(Date.now() + 6_000).toISOString() }, root())).body;
    expect(await works(key)).toBe(true);
    await until("the key has expired", async () => !(await works(key)));
    expectRefusal(await space.ask("GET", "types", { key }), 401, "credentials-invalid");
  });

  test("with an overlap both work, and then only the new one", async () => {
    const { id, key } = (await make({}, root())).body;
    const second = (await space.must("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 60 }, ...root() })).body
      .key;
    expect([await works(key), await works(second)]).toEqual([true, true]);
    const third = (await space.must("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 3 }, ...root() })).body.key;
    await until("the first secret is dead", async () => !(await works(key)), 5_500);
    await until("the overlap is over", async () => !(await works(second)));
    expect(await works(third)).toBe(true);
  });

  test("an expired key is not brought back", async () => {
    const { id, key } = (await make({ expiresAt: new Date(Date.now() + 5_000).toISOString() }, root())).body;
    await until("the key has expired", async () => !(await works(key)));
    expectRefusal(
      await space.ask("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 0 }, ...root() }),
      409,
      "key-expired",
    );
    expect((await space.ask("DELETE", `keys/${id}`, root())).status).toBe(204);
  });

  test("dead everywhere within five seconds, and gone from the list", async () => {
    const { id, key } = (await make({}, root())).body;
    expect(await works(key)).toBe(true);
    const revoked = await space.ask("DELETE", `keys/${id}`, root());
    expect([revoked.status, revoked.text]).toEqual([204, ""]);
    await until("the key is dead", async () => !(await works(key)), 5_500);
    expectRefusal(await space.ask("DELETE", `keys/${id}`, root()), 404, "key-missing");
    expectRefusal(
      await space.ask("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 0 }, ...root() }),
      404,
      "key-missing",
    );
    expect((await space.must("GET", "keys?limit=1000")).body.data.map((each: { id: string }) => each.id)).not.toContain(
      id,
    );
  });

  test("a key may revoke itself, once", async () => {
    const { id, key } = (await make({ scopes: ["keys:write"] }, root())).body;
    expect((await space.ask("DELETE", `keys/${id}`, { key })).status).toBe(204);
    await until("the key is dead", async () => !(await works(key)), 5_500);
  });
});
