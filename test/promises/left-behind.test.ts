// What a request leaves behind whose answers were lost: somebody comes to look, soon, and without anybody asking.
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { digestHead, digestIsThere, digestReaches, redis, ringCron } from "../support/redis.ts";
import { headOf, openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  [sql, space] = await Promise.all([openSql(), makeSpace()]);
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
  await digestIsThere(uid);
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

const primaryIsAsked = (): Promise<void> =>
  until("the primary is asked", async () => (await space.ask("GET", "types")).status === 200);
/** Neither this minute nor earlier: the sweep knows of nothing. */
const nothingIsMarked = () => redis("DEL", "dirty");

test("a write of which nobody knows whether it was done rings all the same", { timeout: 60_000 }, async () => {
  await digestReaches(uid, await headOf(sql, uid));
  let lost: Answer | undefined;
  let before = 0;
  // Making a key loads nothing: both of its calls are the commit's.
  await until("a key is made whose making nobody knows of", async () => {
    await primaryIsAsked();
    before = await headOf(sql, uid);
    await digestReaches(uid, before);
    await control.fault("us-primary", { mode: "error", after: true });
    lost = await space.ask("POST", "keys", { body: { name: "lost", scopes: ["content:read"] } });
    await control.heal();
    return lost.body.code === "outcome-unknown" && (await headOf(sql, uid)) > before;
  });
  await nothingIsMarked();
  expect([lost?.status, await digestHead(uid)]).toEqual([503, before]);
  await digestReaches(uid, before + 1);
});

test("an id that was claimed by a request that ended there is free again within minutes", {
  timeout: 60_000,
}, async () => {
  const id = `claimed-${Date.now().toString(36)}`;
  const body = { id, name: id, residency: "us", locales: ["en"], defaultLocale: "en", publicRead: false, plan: "free" };
  const create = () => ask("POST", "/v1/spaces", { body, key: rootKey() });
  const state = async () => (await sql("select state from directory where id = $1", [id])).map((row) => row["state"]);
  await nothingIsMarked();
  await control.fault("us-primary", { mode: "error", after: true });
  const lost = await create();
  await control.heal();
  expect(await redis("ZSCORE", "dirty", "0.0."), "the claim was marked before it was made").not.toBeNull();
  // Without a key nothing else could tell that the claim may stand.
  expect([lost.status, lost.body.code]).toEqual([503, "outcome-unknown"]);
  expect(await state()).toEqual(["creating"]);
  await until("the primary is asked", async () => (await create()).body.code === "space-exists");

  // A young claim is its request's; the sweep that finds it so comes again. Every hour it would look anyway: this is another minute.
  const minute = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 + 7 * 60_000);
  await ringCron(minute);
  expect(await state()).toEqual(["creating"]);
  await sql("update directory set claimed_at = now() - interval '2 minutes', lease_until = '-infinity' where id = $1", [
    id,
  ]);
  await control.fault("us-primary", { mode: "down" });
  await redis("ZADD", "dirty", (Date.now() - 300_000) * 1000, "0.0.");
  await ringCron(minute);
  await control.heal();
  await primaryIsAsked();
  expect(await state()).toEqual(["creating"]);
  expect(await redis("ZSCORE", "dirty", "0.0."), "what could not be settled is marked again").not.toBeNull();
  await ringCron(minute);
  expect(await state()).toEqual([]);
  expect((await create()).status).toBe(201);
});

test("a claim's mark goes by itself, once a claim made with it would be old", async () => {
  await redis("ZADD", "dirty", (Date.now() - 40_000) * 1000, "0.0.");
  await ringCron();
  expect(await redis("ZSCORE", "dirty", "0.0.")).not.toBeNull();
  await redis("ZADD", "dirty", (Date.now() - 50_000) * 1000, "0.0.");
  await ringCron();
  expect(await redis("ZSCORE", "dirty", "0.0.")).toBeNull();
});
