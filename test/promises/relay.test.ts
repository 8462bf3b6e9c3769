// After a commit the digest says so; and when Redis or the primary was away, the bell or the sweep makes up for it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeSpace, makeTypes, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import {
  changedAt,
  digestHead,
  digestIsThere,
  digestReaches,
  dirtyMark,
  fullHour,
  redis,
  ringCron,
} from "../support/redis.ts";
import { copySpace, headOf, openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace());
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
  await digestIsThere(uid);
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

let made = 0;
async function publish(): Promise<number> {
  made += 1;
  return (
    await space.must("POST", "entries", {
      body: { type: "country", id: `c${made}`, slug: `slug-${made}`, fields: { name: { en: "x" } }, publish: true },
    })
  ).position;
}
async function publishHeard(): Promise<number> {
  const position = await publish();
  await digestReaches(uid, position);
  return position;
}
/** Entry, type, all types, name by id and by slug. */
const TAGS = 5;
/** As if the space had been marked so long ago. */
const age = (seconds: number) => redis("ZADD", "dirty", (Date.now() - seconds * 1000) * 1000, `${uid}.1.us`);

test("a publication is in the digest, under names that tell nobody what it was", async () => {
  const position = await publishHeard();
  const names = await changedAt(uid, position);
  expect(names.length).toBe(TAGS);
  for (const name of names) expect(name).toMatch(/^[\w-]{16}$/);
  const draft = (await space.must("PATCH", `entries/c${made}`, { body: { fields: { region: "r" } } })).position;
  await digestReaches(uid, draft);
  expect(await changedAt(uid, draft), "a draft changes nothing that is shared").toEqual([]);
});

test("never ahead of the log, and complete up to its head, under many writers", async () => {
  const positions = await Promise.all(Array.from({ length: 12 }, publish));
  const heads = [await digestHead(uid), await headOf(sql, uid)] as const;
  expect(heads[0]).toBeLessThanOrEqual(heads[1]);
  await digestReaches(uid, Math.max(...positions));
  // The type's tags are at the last publication; entry and names stay where they are.
  const own = await Promise.all(positions.map((position) => changedAt(uid, position)));
  expect(own.every((names) => names.length >= TAGS - 2)).toBe(true);
});

describe("when Redis was away", () => {
  test.each(["down", "hang"] as const)(
    "(%s) during commits, the bell or the sweep brings the digest up, complete",
    async (mode) => {
      await digestReaches(uid, await headOf(sql, uid));
      await control.fault("redis", { mode });
      const positions = [await publish(), await publish()];
      await control.heal();
      await until("the digest is repaired", async () => {
        // The full hour looks at every space that was written to: this one could not be marked as dirty.
        await ringCron(fullHour());
        return ((await digestHead(uid)) ?? 0) >= (positions[1] as number);
      });
      expect((await changedAt(uid, positions[0] as number)).length).toBeGreaterThanOrEqual(TAGS - 2);
      expect((await changedAt(uid, positions[1] as number)).length).toBe(TAGS);
    },
    60_000,
  );

  test("for a moment after a commit: the commit rings for itself, though a bell of the one before is on its way", async () => {
    // A space for which nothing is under way from earlier tests.
    const own = insistent(await makeSpace());
    await makeTypes(own);
    const ownUid = await uidOf(sql, own.id);
    await digestIsThere(ownUid);
    const publishOwn = async (id: string): Promise<number> =>
      (
        await own.must("POST", "entries", {
          body: { type: "country", id, fields: { name: { en: id } }, publish: true },
        })
      ).position;
    const first = await publishOwn("first");
    await digestReaches(ownUid, first);
    await control.resetCounters();
    // Every second request: the mark is set, the digest is not advanced.
    await control.fault("redis", { mode: "error", rate: 0.5 });
    const second = await publishOwn("second");
    await until("Redis was asked twice", async () => (await control.counters()).redis.requests >= 2);
    await control.heal();
    expect(await digestHead(ownUid)).toBe(first);
    await digestReaches(ownUid, second);
    expect((await changedAt(ownUid, second)).length).toBe(TAGS - 1);
  });

  test("and forgot who was dirty: the sweep of the full hour finds whoever was written to", async () => {
    const copy = await copySpace(sql, uid, `forgotten-${Date.now().toString(36)}`);
    await ringCron(fullHour());
    expect(await digestHead(copy.uid)).toBe(await headOf(sql, copy.uid));
  });

  test("and nobody rang: the same sweep rings for subscribers that have not followed", async () => {
    const copy = await copySpace(sql, uid, `unheard-${Date.now().toString(36)}`);
    await sql("delete from subscribers where space = $1", [copy.uid]);
    await ringCron(fullHour());
    await until("webhooks have followed", async () => {
      const [row] = await sql("select position from subscribers where space = $1 and subscriber = 'webhooks'", [
        copy.uid,
      ]);
      return row?.["position"] === (await headOf(sql, copy.uid));
    });
  });

  test("and came back empty: a digest is made anew that claims nothing it has not seen", async () => {
    await publishHeard();
    await redis("FLUSHDB");
    await digestIsThere(uid);
    expect(await redis("ZSCORE", `digest:${uid}.1`, "!floor")).toBe(String(await digestHead(uid)));
    const after = await publishHeard();
    expect((await changedAt(uid, after)).length).toBe(TAGS);
  }, 60_000);
});

describe("the dirty set", () => {
  test("a writer marks its space, and a young mark stays although all is well: a commit may be on its way", async () => {
    await redis("ZREM", "dirty", `${uid}.1.us`);
    await publishHeard();
    const mark = await dirtyMark(uid);
    expect(mark).toBeDefined();
    await ringCron();
    expect(await dirtyMark(uid)).toBe(mark);
  });

  test("an old mark goes when the digest has caught up", async () => {
    await publishHeard();
    // Its subscribers have to follow as well, and do so in their own time.
    await until("the mark is gone", async () => {
      await age(60);
      await ringCron();
      return (await dirtyMark(uid)) === undefined;
    });
  });

  test("a digest that is behind is brought up by the sweep", async () => {
    const position = await publishHeard();
    // As if the committer had died between its commit and the digest.
    await redis("ZREMRANGEBYSCORE", `digest:${uid}.1`, position, position);
    await redis("ZADD", `digest:${uid}.1`, position - 2, "!head");
    await age(60);
    await ringCron();
    expect([await digestHead(uid), (await changedAt(uid, position)).length]).toEqual([await headOf(sql, uid), TAGS]);
  });

  test("a space that cannot be looked at stays dirty, until its primary is back", async () => {
    const position = await publishHeard();
    await redis("ZREMRANGEBYSCORE", `digest:${uid}.1`, position, position);
    await redis("ZADD", `digest:${uid}.1`, position - 2, "!head");
    await age(60);
    await control.fault("us-primary", { mode: "down" });
    await ringCron();
    expect([await digestHead(uid), (await dirtyMark(uid)) === undefined]).toEqual([position - 2, false]);
    await control.heal();
    await until("the sweep has repaired it", async () => {
      await ringCron();
      return (await digestHead(uid)) === position;
    });
    expect((await changedAt(uid, position)).length).toBe(TAGS);
    expect(await dirtyMark(uid), "its new mark is young").toBeDefined();
  }, 60_000);

  test("a digest that claims more than the log has is made anew", async () => {
    const position = await publishHeard();
    await redis("ZADD", `digest:${uid}.1`, position + 1000, "!head");
    await age(60);
    await ringCron();
    expect([await digestHead(uid), await redis("ZSCORE", `digest:${uid}.1`, "!floor")]).toEqual([
      position,
      String(position),
    ]);
  });
});
