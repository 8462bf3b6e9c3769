// A key that was revoked is dead: for management at once, for content within five seconds, wherever it is shown and whatever lags or is away.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, PLACES, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { headOf, openSql, type Sql, uidOf } from "../support/shards.ts";
import { unasked } from "../support/unasked.ts";

const control = openControl(stackHere().control);
const LIFE_MS = 5_000;
let sql: Sql;
let reader: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  [sql, reader] = [await openSql(), await openSql("us-fra")];
  // Private: without a good key there is nothing to read.
  space = insistent(await makeSpace({ publicRead: false }));
  await makeTypes(space);
  await space.must("POST", "entries", {
    body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
  });
  uid = await uidOf(sql, space.id);
});
afterEach(() => control.restore());
afterAll(() => Promise.all([sql?.end(), reader?.end()]));

interface Made {
  readonly id: string;
  readonly key: string;
}
const make = async (more: object = {}): Promise<Made> =>
  (
    await space.must("POST", "keys", {
      body: { name: "k", scopes: ["content:read", "content:write", "content:preview", "keys:write"], ...more },
    })
  ).body;
const level = (): Promise<void> =>
  until("the reader is level", async () => (await headOf(reader, uid)) === (await headOf(sql, uid)));
const content = (key: string, cf: Readonly<Record<string, string>> = PLACES.fra): Promise<Answer> =>
  ask("GET", `/v1/spaces/${space.id}/content/country/fr`, { key, cf });
const manage = (key: string): Promise<Answer> => ask("GET", `/v1/spaces/${space.id}/entries/fr`, { key });
const write = (key: string): Promise<Answer> =>
  ask("PATCH", `/v1/spaces/${space.id}/entries/fr`, { key, body: { fields: { region: crypto.randomUUID() } } });

/** Asks until it is refused; what was still answered must have been asked for early enough. */
async function diesInTime(since: number, question: () => Promise<Answer>): Promise<void> {
  let last = since;
  await until("the key is dead", async () => {
    const asked = performance.now();
    const { status } = await question();
    if (status === 200) last = asked;
    else if (status !== 503) expect(status).toBe(401);
    return status === 401;
  });
  expect(last - since).toBeLessThan(LIFE_MS);
}

describe("revoking", () => {
  test("ends management at once, and content within five seconds though the reader has not heard of it", async () => {
    const [{ id, key }, other] = [await make(), await make()];
    await level();
    for (const question of [content, manage, write]) expect((await question(key)).status).toBe(200);
    await control.replay("us-fra", true);
    await control.replay("us-sin", true);
    const path = `/v1/spaces/${space.id}/content/${unasked("country")}`;
    expect((await ask("GET", path, { key, cf: PLACES.fra })).headers.get("meridian-source")).toBe("us-fra");
    await space.must("DELETE", `keys/${id}`);
    const since = performance.now();
    const refused = await manage(key);
    expect([refused.status, refused.body.code, refused.headers.get("www-authenticate")]).toEqual([
      401,
      "credentials-invalid",
      expect.stringContaining("Bearer"),
    ]);
    expect((await write(key)).status).toBe(401);
    await diesInTime(since, () => content(key));
    await diesInTime(since, () => content(key, PLACES.sin));
    expect((await content(other.key)).status, "another key lives").toBe(200);
  });

  test("is learnt in time by who only ever asks for content, from a reader that has not heard of it", async () => {
    const { id, key } = await make();
    await level();
    expect((await content(key)).status).toBe(200);
    await control.replay("us-fra", true);
    await control.replay("us-sin", true);
    await space.must("DELETE", `keys/${id}`);
    await diesInTime(performance.now(), () => content(key));
  });

  test("is learnt by who reads from a reader that has heard of it, before the five seconds are over", async () => {
    const { id, key } = await make();
    await level();
    expect((await content(key)).status).toBe(200);
    await space.must("DELETE", `keys/${id}`);
    await level();
    // The reader's snapshot shows that keys have changed since this one was read.
    expect((await content(key)).status).toBe(401);
  });

  test("ends a write that was let in before: the commit looks again", async () => {
    const { id, key } = await make();
    expect((await write(key)).status).toBe(200);
    const before = await headOf(sql, uid);
    const answers = await Promise.all([
      space.must("DELETE", `keys/${id}`),
      ...Array.from({ length: 12 }, () => write(key)),
    ]);
    const revokedAt = answers[0].position;
    const events = await sql("select position from events where space = $1 and position > $2 and meta->>'actor' = $3", [
      uid,
      before,
      `key:${id}`,
    ]);
    expect(
      events.filter((event) => (event["position"] as number) > revokedAt),
      "nothing is written by a dead key",
    ).toEqual([]);
    expect((await write(key)).status).toBe(401);
  });

  test("is not undone when the primary goes away and a reader still shows the key alive", async () => {
    const { id, key } = await make();
    await level();
    expect((await content(key)).status).toBe(200);
    await control.replay("us-fra", true);
    await control.replay("us-sin", true);
    await space.must("DELETE", `keys/${id}`);
    expect((await manage(key)).status).toBe(401);
    await control.fault("us-primary", { mode: "down" });
    expect((await content(key)).status).toBe(401);
    expect((await content(space.key)).status, "a living key reads on").toBe(200);
  });

  test("takes the key out of the list; it cannot be revoked or rotated again", async () => {
    const { id } = await make();
    await space.must("DELETE", `keys/${id}`);
    const listed = (await space.must("GET", "keys?limit=100")).body.data as Made[];
    expect(listed.some((one) => one.id === id)).toBe(false);
    expect((await space.ask("DELETE", `keys/${id}`)).status).toBe(404);
    expect((await space.ask("POST", `keys/${id}/rotate`, { body: { overlapSeconds: 60 } })).status).toBe(404);
  });
});

describe("rotating", () => {
  const rotate = async (id: string, overlapSeconds: number): Promise<string> =>
    (await space.must("POST", `keys/${id}/rotate`, { body: { overlapSeconds } })).body.key;

  test("without an overlap the secret before is dead as if revoked", async () => {
    const { id, key } = await make();
    await level();
    expect((await content(key)).status).toBe(200);
    await control.replay("us-fra", true);
    const next = await rotate(id, 0);
    const since = performance.now();
    expect((await manage(key)).status).toBe(401);
    expect((await manage(next)).status).toBe(200);
    await diesInTime(since, () => content(key));
    expect((await content(next)).status).toBe(200);
  });

  test("with an overlap both are good until it ends, and then only the new one", async () => {
    const { id, key } = await make();
    const next = await rotate(id, 3);
    const since = performance.now();
    // Alternating: neither displaces the other.
    for (let n = 0; n < 2; n += 1)
      for (const each of [key, next])
        expect([(await manage(each)).status, (await content(each)).status]).toEqual([200, 200]);
    let last = since;
    await until("the overlap is over", async () => {
      const asked = performance.now();
      const { status } = await manage(key);
      if (status === 200) last = asked;
      return status === 401;
    });
    expect(last - since, "not before its time, nor after it").toBeLessThan(3_500);
    expect(performance.now() - since).toBeGreaterThan(2_500);
    expect([(await manage(next)).status, (await content(key)).status, (await content(next)).status]).toEqual([
      200, 401, 200,
    ]);
  });

  test("twice leaves two secrets, never three", async () => {
    const { id, key } = await make();
    const second = await rotate(id, 60);
    const third = await rotate(id, 60);
    expect([(await manage(key)).status, (await manage(second)).status, (await manage(third)).status]).toEqual([
      401, 200, 200,
    ]);
  });
});

describe("expiry", () => {
  test("ends a key without anybody's doing, although it is remembered", async () => {
    const expiresAt = new Date(Date.now() + 3_000);
    const { key } = await make({ expiresAt: expiresAt.toISOString() });
    expect((await manage(key)).status).toBe(200);
    let last = 0;
    await until("it has expired", async () => {
      const asked = Date.now();
      const answers = [await manage(key), await content(key)];
      if (answers.some(({ status }) => status === 200)) last = asked;
      return answers.every(({ status }) => status === 401);
    });
    expect(last).toBeLessThanOrEqual(expiresAt.getTime());
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt.getTime());
  });
});

test("a deleted space is gone for its keys at once", async () => {
  const doomed = insistent(await makeSpace({ publicRead: false }));
  await makeTypes(doomed);
  await doomed.must("POST", "entries", {
    body: { type: "country", id: "fr", fields: { name: { en: "x" } }, publish: true },
  });
  await until(
    "it is read nearby",
    async () => (await doomed.ask("GET", "content/country/fr", { cf: PLACES.fra })).status === 200,
  );
  const { rootKey } = stackHere();
  expect((await ask("DELETE", `/v1/spaces/${doomed.id}`, { key: rootKey })).status).toBe(204);
  const answer = await doomed.ask("GET", "types");
  expect([answer.status, answer.body.code]).toEqual([404, "space-missing"]);
  expect(
    (await doomed.ask("POST", "entries", { body: { type: "country", fields: { name: { en: "late" } } } })).status,
  ).toBe(404);
});
