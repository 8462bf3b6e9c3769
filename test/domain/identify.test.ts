// What it costs to know who asks: nothing while the digest is known, one question to it after a while, and one to the primary when it says so.
import { expect, test } from "vitest";
import { formatKey, ID_BYTES, newKeyId, newSecret, SECRET_BYTES } from "../../src/contexts/tenancy/domain/key-text.ts";
import { hashOf, type Secrets } from "../../src/contexts/tenancy/secrets.ts";
import { credentialsOf } from "../../src/http/middleware/identify.ts";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { ok } from "../../src/kernel/result.ts";
import type { Database } from "../../src/platform/database/open-database.ts";
import { openFreshness } from "../../src/platform/freshness/memo.ts";

const secrets: Secrets = {
  random: (bytes) => new Uint8Array(bytes).fill(5),
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))),
};
const UID = spaceUid(3);
const ID = newKeyId(UID, secrets.random(ID_BYTES));
const SECRET = newSecret(new Uint8Array(SECRET_BYTES).fill(1));
const REQUEST = new Request("https://meridian.invalid/", {
  headers: { authorization: `Bearer ${formatKey(ID, SECRET)}` },
});

test("a key that was not used for a while is proved by the digest; the primary is asked when keys have changed, or nobody says", async () => {
  const world = { now: 1_000_000, primary: 0, digest: 0, head: 10, keys: 4, away: false };
  const clock = { now: () => instant(world.now) };
  const head = () => ({ epoch: 1, position: position(world.head), keys: position(world.keys) });
  const record = {
    ...{ id: ID, name: "website", scopes: ["content:read"], hash: await hashOf(secrets, SECRET), position: 4 },
    ...{ previous_hash: null, previous_until: null, created_at: "2026-11-22T09:00:00.000Z", expires_at: null },
    ...{ revoked_at: null, last_used_at: null, revision: 1 },
  };
  const database = {
    homeNearby: async () => ok([{ uid: UID, id: "atlas", residency: "us", epoch: 1, state: "active" }]),
    snapshot: async () => {
      world.primary += 1;
      return ok({ rows: [[record]], head: head() });
    },
    note: async () => true,
  } as unknown as Database;
  const freshness = openFreshness({
    clock,
    digest: {
      async read(_, since) {
        world.digest += 1;
        const all = {
          birth: 1,
          head: position(world.head),
          changed: new Map<string, Position>([["keys", position(world.keys)]]),
        };
        return since === undefined ? { ...all, floor: position(1) } : all;
      },
    },
    spending: { take: () => [], heard: () => undefined, lost: () => undefined },
    shared: { find: async () => undefined, put: async () => undefined },
    isAway: () => world.away,
    sleep: async () => undefined,
    ring: async () => undefined,
  });
  const credentials = credentialsOf({ database, rootKey: "mrd_root", secrets, clock, freshness });
  const asker = { database, defer: (work: Promise<unknown>) => void work };
  const identified = async (): Promise<boolean> => {
    const identity = await credentials.identify(REQUEST, undefined, "cached", asker);
    return identity.ok && identity.value.actor.type === "key";
  };

  expect([await identified(), world.primary]).toEqual([true, 1]);
  for (let times = 0; times < 5; times += 1) {
    world.now += 60_000;
    expect(await identified()).toBe(true);
  }
  expect([world.primary, world.digest]).toEqual([1, 5]);
  // Somebody made or revoked a key.
  world.now += 60_000;
  Object.assign(world, { head: 11, keys: 11 });
  expect([await identified(), world.primary]).toEqual([true, 2]);
  // Nobody says what has changed: every few seconds it is read again.
  world.away = true;
  world.now += 3_000;
  expect([await identified(), world.primary]).toEqual([true, 2]);
  world.now += 2_000;
  expect([await identified(), world.primary]).toEqual([true, 3]);
});
