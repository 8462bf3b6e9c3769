// Every write can be sent again: the same request under the same key has one effect and one answer.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ALL_SCOPES, type Answer, ask, makeSpace, makeTypes, rootKey, type Space } from "../support/client.ts";
import { checkSpace } from "../support/ledger.ts";
import { headOf, openSql, type Sql, TENANT_TABLES, uidOf } from "../support/shards.ts";

let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  [sql, space] = await Promise.all([openSql(), makeSpace()]);
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
});
afterAll(() => sql?.end());

let used = 0;
const newKey = (): string => {
  used += 1;
  return `k-${process.pid}-${used}`;
};
const under = (key: string, more: Readonly<Record<string, string>> = {}) => ({ "Idempotency-Key": key, ...more });
const country = (id: string, note = "x") => ({ type: "country", id, fields: { name: { en: note } } });

/** What a replay must repeat. */
const told = ({ status, text, headers }: Answer) => ({
  status,
  text,
  location: headers.get("location"),
  etag: headers.get("etag"),
  position: headers.get("meridian-position"),
  type: headers.get("content-type"),
});
const isReplay = (answer: Answer): boolean => answer.headers.get("idempotency-replayed") === "true";

/** The first answer and its replay, after checking that the second had no effect. */
async function twice(send: () => Promise<Answer>): Promise<readonly [Answer, Answer]> {
  const first = await send();
  expect(first.status, first.text).toBeLessThan(300);
  expect(isReplay(first)).toBe(false);
  const head = await headOf(sql, uid);
  const second = await send();
  expect(told(second)).toEqual(told(first));
  expect(isReplay(second)).toBe(true);
  expect(await headOf(sql, uid), "a replay takes no position").toBe(head);
  return [first, second];
}

describe("a replay is the first answer, byte for byte", () => {
  test("of every kind of write", async () => {
    const writes: readonly (readonly [string, string, unknown?])[] = [
      ["POST", "entries", country("kept", "created")],
      ["PUT", "entries/kept", { type: "country", slug: "kept-slug", fields: { name: { en: "replaced" } } }],
      ["PATCH", "entries/kept", { fields: { name: { fr: "rapiécé" } } }],
      ["POST", "entries/kept/publish"],
      ["POST", "entries/kept/unpublish"],
      ["POST", "entries/kept/archive"],
      ["POST", "entries/kept/unarchive"],
      ["DELETE", "entries/kept"],
      ["POST", "entries", { type: "city", fields: { name: { en: "its id is made here" } }, publish: true }],
      ["PUT", "types/brief", { name: "Brief", schema: { type: "object", properties: { n: { type: "integer" } } } }],
      ["DELETE", "types/brief"],
    ];
    for (const [method, path, body] of writes) {
      const headers = under(newKey());
      const [first] = await twice(() => space.ask(method, path, { ...(body === undefined ? {} : { body }), headers }));
      expect(first.position, `${method} ${path}`).toBeGreaterThan(0);
      expect(first.headers.get("etag") === null, `${method} ${path}`).toBe(method === "DELETE");
      expect(first.headers.get("location") !== null, `${method} ${path}`).toBe(first.status === 201);
    }
  });

  test("although meanwhile everything else has changed", async () => {
    const headers = under(newKey());
    const first = await space.must("POST", "entries", { body: country("moved-on", "first"), headers });
    await space.must("PUT", "entries/moved-on", { body: { type: "country", fields: { name: { en: "second" } } } });
    await space.must("DELETE", "entries/moved-on");
    const replay = await space.must("POST", "entries", { body: country("moved-on", "first"), headers });
    expect([told(replay), isReplay(replay)]).toEqual([told(first), true]);
    expect((await space.ask("GET", "entries/moved-on")).status).toBe(404);
  });

  test("a DELETE is 204 again though nothing is there any more; under another key it is 404", async () => {
    await space.must("POST", "entries", { body: country("gone") });
    const headers = under(newKey());
    await twice(() => space.ask("DELETE", "entries/gone", { headers }));
    expect((await space.ask("DELETE", "entries/gone", { headers: under(newKey()) })).status).toBe(404);
  });

  test("with the If-Match that made it, which by now names nothing", async () => {
    const made = await space.must("POST", "entries", { body: country("matched") });
    const headers = under(newKey(), { "If-Match": made.headers.get("etag") as string });
    await twice(() => space.ask("PATCH", "entries/matched", { body: { fields: { region: "r" } }, headers }));
    expect(
      (
        await space.ask("PATCH", "entries/matched", {
          body: { fields: { region: "q" } },
          headers: { "If-Match": made.headers.get("etag") as string },
        })
      ).status,
    ).toBe(412);
  });

  test("a change that changes nothing by now is the replay of the one that did; under another key it changes nothing", async () => {
    await space.must("POST", "entries", { body: country("patched") });
    const headers = under(newKey());
    const patch = (sent: Readonly<Record<string, string>>) =>
      space.ask("PATCH", "entries/patched", { body: { fields: { region: "north" } }, headers: sent });
    const [first] = await twice(() => patch(headers));
    const head = await headOf(sql, uid);
    const idle = await patch(under(newKey()));
    expect([idle.status, idle.body, isReplay(idle), idle.position]).toEqual([200, first.body, false, head]);
    expect(await headOf(sql, uid)).toBe(head);
  });

  test("of making a space", async () => {
    const id = `idem-${Date.now().toString(36)}`;
    const body = {
      id,
      name: id,
      residency: "eu",
      locales: ["en"],
      defaultLocale: "en",
      publicRead: false,
      plan: "free",
    };
    const headers = under(newKey());
    const first = await ask("POST", "/v1/spaces", { body, key: rootKey(), headers });
    const second = await ask("POST", "/v1/spaces", { body, key: rootKey(), headers });
    expect([first.status, isReplay(first), isReplay(second)]).toEqual([201, false, true]);
    expect(told(second)).toEqual(told(first));
    const other = await ask("POST", "/v1/spaces", { body: { ...body, id: `${id}-2` }, key: rootKey(), headers });
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
    const patched = under(newKey());
    const patch = () =>
      ask("PATCH", `/v1/spaces/${id}`, { body: { name: "renamed" }, key: rootKey(), headers: patched });
    const [one, two] = [await patch(), await patch()];
    expect([one.status, told(two), isReplay(two)]).toEqual([200, told(one), true]);
    expect((await ask("DELETE", `/v1/spaces/${id}`, { key: rootKey() })).status).toBe(204);
  });
});

describe("which request is the same", () => {
  test("a key in quotes and the bare one are the same key", async () => {
    const key = newKey();
    const first = await space.must("POST", "entries", { body: country("quoted"), headers: under(`"${key}"`) });
    const second = await space.must("POST", "entries", { body: country("quoted"), headers: under(key) });
    expect([told(second), isReplay(second)]).toEqual([told(first), true]);
  });

  test("the same JSON written otherwise is the same request", async () => {
    const headers = under(newKey());
    const first = await space.must("POST", "entries", {
      raw: '{"type":"city","id":"spelled","fields":{"name":{"en":"é"},"population":100}}',
      headers: { ...headers, "content-type": "application/json" },
    });
    const second = await space.must("POST", "entries", {
      raw: '{ "fields": {"population": 1e2, "name": {"en": "\\u00e9"}}, "id":"spelled", "type": "city" }',
      headers: { ...headers, "content-type": "application/json" },
    });
    expect([told(second), isReplay(second)]).toEqual([told(first), true]);
  });

  test("another body, path, method or query under the key is 422 and has no effect", async () => {
    const headers = under(newKey());
    await space.must("PUT", "entries/reused", { body: { type: "country", fields: { name: { en: "x" } } }, headers });
    const head = await headOf(sql, uid);
    const others = await Promise.all([
      space.ask("PUT", "entries/reused", { body: { type: "country", fields: { name: { en: "y" } } }, headers }),
      space.ask("PUT", "entries/reused2", { body: { type: "country", fields: { name: { en: "x" } } }, headers }),
      space.ask("PATCH", "entries/reused", { body: { fields: { region: "z" } }, headers }),
      space.ask("POST", "entries/reused/publish", { headers }),
      space.ask("DELETE", "entries/reused", { headers }),
      space.ask("DELETE", "entries/reused?force=true", { headers }),
      space.ask("DELETE", "entries/nothing-there", { headers }),
    ]);
    expect(others.map(({ status, body }) => `${status} ${body?.code}`)).toEqual(
      others.map(() => "422 idempotency-key-reused"),
    );
    expect(await headOf(sql, uid)).toBe(head);
  });

  test("what is no key is 400, and nothing is written", async () => {
    const head = await headOf(sql, uid);
    for (const key of ["", '""', "a".repeat(256), `"${"a".repeat(256)}"`, '"unclosed', "tab\there", "caf\u00e9"]) {
      const answer = await space.ask("POST", "entries", { body: country("never"), headers: under(key) });
      expect([answer.status, answer.body?.code], JSON.stringify(key)).toEqual([400, "idempotency-key-invalid"]);
    }
    expect(await headOf(sql, uid)).toBe(head);
    await space.must("POST", "entries", { body: country("longest"), headers: under("a".repeat(255)) });
  });

  test("two API keys, and two spaces, do not share a key", async () => {
    const [key, other, elsewhere] = [newKey(), await space.keyWith(ALL_SCOPES), await makeSpace()];
    await makeTypes(elsewhere);
    const mine = await space.must("POST", "entries", { body: country("scoped-1"), headers: under(key) });
    const theirs = await space.must("POST", "entries", { body: country("scoped-2"), headers: under(key), key: other });
    const there = await elsewhere.must("POST", "entries", { body: country("scoped-1", "there"), headers: under(key) });
    expect([mine, theirs, there].map(isReplay)).toEqual([false, false, false]);
    expect([mine.body.id, theirs.body.id, there.body.fields.name.en]).toEqual(["scoped-1", "scoped-2", "there"]);
    // The root key is one credential in all spaces; the space is part of the scope all the same.
    const make = (id: string) =>
      ask("POST", `/v1/spaces/${id}/keys`, {
        body: { name: "n", scopes: ["content:read"] },
        key: rootKey(),
        headers: under(key),
      });
    const made = [await make(space.id), await make(elsewhere.id)];
    expect(made.map(({ status }) => status)).toEqual([201, 201]);
    expect(new Set(made.map(({ body }) => body.key)).size).toBe(2);
  });

  test("a rotated key is the same credential", async () => {
    const made = await space.must("POST", "keys", { body: { name: "rotating", scopes: ["content:write"] } });
    const headers = under(newKey());
    const first = await space.must("POST", "entries", { body: country("rotated"), headers, key: made.body.key });
    const rotated = await space.must("POST", `keys/${made.body.id}/rotate`, { body: { overlapSeconds: 0 } });
    const second = await space.must("POST", "entries", { body: country("rotated"), headers, key: rotated.body.key });
    expect([told(second), isReplay(second)]).toEqual([told(first), true]);
  });
});

describe("at the same time", () => {
  test("fifty requests under one key have one effect; the others hear of it or that it is under way", async () => {
    const headers = under(newKey());
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        space.ask("POST", "entries", { body: { type: "country", fields: { name: { en: "fifty" } } }, headers }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    const waiting = answers.filter(({ status, body }) => status === 409 && body.code === "request-in-progress");
    // A busy machine keeps some waiting until they are told to come back.
    const refused = answers.filter(({ status }) => status === 503);
    expect(made.length + waiting.length + refused.length, JSON.stringify(answers.map(({ status }) => status))).toBe(50);
    expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    expect(made.filter((answer) => !isReplay(answer)).length).toBeLessThanOrEqual(1);
    for (const { headers: sent } of waiting) expect(Number(sent.get("retry-after"))).toBeGreaterThan(0);
    const [row] = await sql(
      "select count(*)::int as n from entries where space = $1 and fields #>> '{name,en}' = 'fifty'",
      [uid],
    );
    expect(row).toEqual({ n: 1 });
  });

  test("fifty under fifty keys have fifty", async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const headers = under(newKey());
        const send = () => space.ask("POST", "entries", { body: country(`apart${i}`), headers });
        let answer = await send();
        for (let left = 20; left > 0 && answer.status === 503; left -= 1) answer = await send();
        return answer;
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  });
});

describe("what is kept", () => {
  test("a secret comes again in the replay and is nowhere in the database", async () => {
    const headers = under(newKey());
    const [first] = await twice(() =>
      space.ask("POST", "keys", { body: { name: "secret", scopes: ["content:read"] }, headers }),
    );
    const key = first.body.key as string;
    expect(key).toMatch(/^mrd_/);
    const rotation = under(newKey());
    const [rotated] = await twice(() =>
      space.ask("POST", `keys/${first.body.id}/rotate`, { body: { overlapSeconds: 60 }, headers: rotation }),
    );
    expect(rotated.body.key).not.toBe(key);
    for (const secret of [key, rotated.body.key as string]) {
      const secretPart = secret.split("_")[2] as string;
      for (const table of TENANT_TABLES) {
        const rows = await sql(
          `select count(*)::int as n from ${table} t where space = $1 and (position($2 in t::text) > 0 or position($3 in t::text) > 0)`,
          [uid, secretPart, Buffer.from(secretPart).toString("hex")],
        );
        expect(rows, `${table} does not hold the secret`).toEqual([{ n: 0 }]);
      }
    }
    const kept = await sql("select body, sealed from idempotency where space = $1 and body like '%' || $2 || '%'", [
      uid,
      first.body.id,
    ]);
    expect(kept.map((row) => typeof row["sealed"])).toEqual(["string", "string"]);
    expect((await ask("GET", `/v1/spaces/${space.id}/types`, { key: rotated.body.key as string })).status).toBe(200);
  });

  test("a refusal is not: the same request is judged anew", async () => {
    const headers = under(newKey());
    const publish = { type: "city", id: "judged", fields: { name: { en: "x" }, country: "not-yet" }, publish: true };
    const refused = await space.ask("POST", "entries", { body: publish, headers });
    expect([refused.status, refused.body.code]).toEqual([422, "reference-missing"]);
    await space.must("POST", "entries", { body: country("not-yet") });
    const made = await space.ask("POST", "entries", { body: publish, headers });
    expect([made.status, isReplay(made)]).toEqual([201, false]);
  });

  test("for a day: then the request is judged anew, and the row is swept away", async () => {
    const headers = under(newKey());
    const send = () => space.ask("POST", "entries", { body: country("aged"), headers });
    await twice(send);
    const age = (hours: number) =>
      sql("update idempotency set at = now() - make_interval(mins => $2) where space = $1 and body like '%\"aged\"%'", [
        uid,
        hours * 60,
      ]);
    await age(23.9);
    expect(isReplay(await send())).toBe(true);
    await age(24.1);
    const anew = await send();
    expect([anew.status, anew.body.code]).toEqual([409, "entry-exists"]);
    await age(25.1);
    const [forgotten] = await sql("select forget_expired(1000) as n");
    expect(forgotten?.["n"]).toBeGreaterThan(0);
    expect(await sql("select 1 from idempotency where space = $1 and body like '%\"aged\"%'", [uid])).toEqual([]);
  });

  test("an old key's row is taken over by the request that uses it again", async () => {
    const headers = under(newKey());
    const send = (id: string) => space.ask("POST", "entries", { body: country(id), headers });
    await twice(() => send("again-1"));
    await sql(
      "update idempotency set at = now() - interval '24 hours 1 minute' where space = $1 and body like '%\"again-1\"%'",
      [uid],
    );
    await twice(() => send("again-2"));
  });
});

test("after all this the space equals its log", async () => {
  await checkSpace(sql, uid);
});
