// What leaves for the store: hashed names, one score a tag, reserved members. And what comes back.
import { describe, expect, test } from "vitest";
import { tagHash } from "../../src/adapters/noble-hashes/tag-hash.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { position } from "../../src/kernel/position.ts";
import { type DigestStore, digestKey, openDigest, type StoreAdvance } from "../../src/platform/freshness/digest.ts";

const space = { uid: spaceUid(7), epoch: 2 };
const hash = tagHash("server secret");

function recording(above: readonly (readonly [string, number])[] = []) {
  const asked: { key: string; advance?: StoreAdvance; since?: number }[] = [];
  const store: DigestStore = {
    async advance(key, advance) {
      asked.push({ key, advance });
      return advance.to;
    },
    heads: async (keys) => keys.map(() => undefined),
    async above(key, since) {
      asked.push({ key, since });
      return above;
    },
    drop: async () => {},
  };
  return { asked, digest: openDigest({ store, hash, random: () => 0.25 }) };
}

describe("names", () => {
  test("no tag leaves readable but the two that name nobody", async () => {
    const { digest } = recording();
    const tags = ["entry:paris", "type:city", "type:*", "name:city/paris", "schema:city", "settings", "keys"];
    const names = digest.members(space, tags);
    expect(names.slice(5)).toEqual(["settings", "keys"]);
    for (const name of names.slice(0, 5)) expect(name).toMatch(/^[A-Za-z0-9_-]{16}$/);
    expect(new Set(names).size).toBe(tags.length);
    expect(digest.members(space, [...tags].reverse())).toEqual([...names].reverse());
    expect(digest.members(space, [])).toEqual([]);
  });

  test("they depend on the space, on its life and on the secret, and on nothing else", async () => {
    const names = async (uid: number, epoch: number, secret: string) => {
      const digest = openDigest({ store: recording() as never, hash: tagHash(secret), random: () => 0 });
      return digest.members({ uid: spaceUid(uid), epoch }, ["entry:paris"])[0];
    };
    const all = await Promise.all([
      names(1, 1, "a"),
      names(2, 1, "a"),
      names(1, 2, "a"),
      names(1, 1, "b"),
      names(11, 1, "a"),
    ]);
    expect(new Set(all).size).toBe(5);
    expect(await names(1, 1, "a")).toBe(all[0]);
  });

  test("each life of a space has a digest of its own", () => {
    expect(digestKey(space)).toBe("digest:7.2");
  });
});

test("a tag is written once, at its last change, whatever the order of changes", async () => {
  const { asked, digest } = recording();
  const [paris, city] = digest.members(space, ["entry:paris", "type:city"]);
  await digest.advance(space, position(4), position(9), [
    { position: position(8), tags: ["entry:paris", "keys"] },
    { position: position(5), tags: ["type:city", "entry:paris"] },
    { position: position(6), tags: [] },
  ]);
  expect(asked).toEqual([
    {
      key: "digest:7.2",
      advance: {
        from: 4,
        to: 9,
        members: [
          [paris, 8],
          ["keys", 8],
          [city, 5],
        ],
        birth: 2 ** 52 + 2 ** 50,
        limit: 16_384,
      },
    },
  ]);
});

test("reading: reserved members apart, and what is not above the asked position is not there", async () => {
  const whole = recording([
    ["!floor", 3],
    ["abc", 5],
    ["!head", 9],
    ["!birth", 2 ** 52 + 1],
  ]);
  expect(await whole.digest.read(space)).toEqual({
    birth: 2 ** 52 + 1,
    head: 9,
    floor: 3,
    changed: new Map([["abc", 5]]),
  });
  expect(whole.asked[0]?.since).toBe(-1);
  const news = recording([["!birth", 2 ** 52 + 1]]);
  expect(await news.digest.read(space, position(9))).toEqual({ birth: 2 ** 52 + 1, changed: new Map() });
  expect(news.asked[0]?.since).toBe(9);
});

test("without a birth there is no digest, and nothing is known", async () => {
  expect(await recording([]).digest.read(space)).toBeUndefined();
  expect(await recording([]).digest.read(space, position(9))).toBeUndefined();
});

test("asking for no heads asks nobody", async () => {
  const digest = openDigest({
    store: { heads: () => Promise.reject(new Error("asked")) } as never,
    hash,
    random: () => 0,
  });
  expect(await digest.heads([])).toEqual([]);
});
