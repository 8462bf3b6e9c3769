// Only what changed is refreshed, and all of it; and the digest may be lost, flushed, late or torn without an old answer passing for a new one.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { redis } from "../support/redis.ts";

const control = openControl(stackHere().control);
let space: Space;

const AUTHORS = 10;
const POSTS = 120;
const authorOf = (post: number): string => `a${post % AUTHORS}`;
const string = { type: "string" };

beforeAll(async () => {
  space = insistent(await makeSpace());
  await space.must("PUT", "types/author", {
    body: {
      name: "Author",
      schema: { type: "object", properties: { name: { ...string, "x-indexed": true }, bio: string } },
    },
  });
  await space.must("PUT", "types/post", {
    body: {
      name: "Post",
      schema: {
        type: "object",
        properties: {
          title: { ...string, "x-indexed": true },
          number: { type: "integer", "x-indexed": true },
          author: { ...string, "x-reference": "author" },
        },
      },
    },
  });
  await inParallel(AUTHORS, (n) => make({ type: "author", id: `a${n}`, fields: { name: `author ${n}`, bio: "old" } }));
  await inParallel(POSTS, (n) =>
    make({
      type: "post",
      id: `p${n}`,
      slug: `post-${n}`,
      fields: { title: `post ${n}`, number: n, author: authorOf(n) },
    }),
  );
}, 120_000);
afterEach(() => control.restore());

const make = (entry: object): Promise<unknown> => space.must("POST", "entries", { body: { ...entry, publish: true } });
const content = (path: string): Promise<Answer> => ask("GET", `/v1/spaces/${space.id}/content/${path}`);
const wasHit = ({ headers }: Answer): boolean => headers.get("cache-status")?.includes("; hit;") === true;
const shown = ({ status, body }: Answer): string =>
  JSON.stringify([status, body?.data ?? body?.fields, body?.included]);

async function inParallel<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) results[n] = await work(n);
  };
  await Promise.all(Array.from({ length: 6 }, lane));
  return results;
}

/** Five hundred addresses: entries by id and by slug, with and without what they refer to; lists of every kind. */
const ADDRESSES = [
  ...Array.from({ length: POSTS }, (_, n) => `post/p${n}`),
  ...Array.from({ length: POSTS }, (_, n) => `post/post-${n}?include=author`),
  ...Array.from({ length: POSTS }, (_, n) => `post?filter[number]=${n}&include=author`),
  ...Array.from({ length: POSTS }, (_, n) => `post?filter[number][gte]=${n}&sort=number&limit=5`),
  ...Array.from({ length: AUTHORS }, (_, n) => `author/a${n}`),
  ...Array.from({ length: AUTHORS }, (_, n) => `author/nobody-${n}`),
];

/** Asks for all until each is a hit: what one asks may have to be refreshed once after the last change. */
async function warm(addresses: readonly string[] = ADDRESSES): Promise<Answer[]> {
  let answers: Answer[] = [];
  const all = async (): Promise<boolean> => {
    answers = await inParallel(addresses.length, (n) => content(addresses[n] as string));
    return answers.every(wasHit);
  };
  await until("all are kept", all, 60_000);
  return answers;
}

/** Enough where it does not matter which they are: of each kind some. */
const FEW = ADDRESSES.filter((_, n) => n % 8 === 1);

/** As `warm`, and none of them was read longer ago than this took. */
let renewed = 0;
async function renew(): Promise<void> {
  renewed += 1;
  await ask("PATCH", `/v1/spaces/${space.id}`, { key: rootKey(), body: { name: `renewed ${renewed}` } });
  await warm(FEW);
}

describe("a change refreshes what was made from it, and nothing else", () => {
  test.each([
    ["an author's text", "entries/a3", { fields: { bio: "new" } }],
    ["an author that lists do not filter by", "entries/a7", { fields: { name: "renamed" } }],
  ])(
    "%s, among five hundred answers",
    async (_, entry, body) => {
      expect(ADDRESSES).toHaveLength(500);
      const before = await warm();
      await space.must("PATCH", entry, { body });
      await space.must("POST", `${entry}/publish`);
      const after = await inParallel(ADDRESSES.length, (n) => content(ADDRESSES[n] as string));
      const differs = ADDRESSES.filter((__, n) => shown(before[n] as Answer) !== shown(after[n] as Answer));
      const refreshed = ADDRESSES.filter((__, n) => !wasHit(after[n] as Answer));
      // Recall 1: nothing that differs was given as it was. Precision: of what was refreshed, all but one in twenty had to be.
      expect(differs.length).toBe(1 + 2 * (POSTS / AUTHORS));
      expect(differs.filter((address) => !refreshed.includes(address))).toEqual([]);
      expect(differs.length / refreshed.length).toBeGreaterThanOrEqual(0.95);
    },
    120_000,
  );

  test("what could newly match, a name that is taken, a name that is given up", async () => {
    await warm();
    await make({ type: "post", id: "p-new", slug: "nobody-yet", fields: { title: "t", number: 3, author: "a1" } });
    const list = await content("post?filter[number]=3&include=author");
    expect([list.body.data.length, Object.keys(list.body.included).sort()]).toEqual([2, ["a1", "a3"]]);
    // Of another type: not a word of it can have been in these.
    const authors = await Promise.all([content("author/a0"), content("author/nobody-0")]);
    expect(authors.map(wasHit)).toEqual([true, true]);
    await make({ type: "author", id: "nobody-0", fields: { name: "n" } });
    expect((await content("author/nobody-0")).status).toBe(200);
    await space.must("DELETE", "entries/p-new");
    expect((await content("post?filter[number]=3&include=author")).body.data.length).toBe(1);
  }, 120_000);
});

describe("the digest", () => {
  const publish = async (bio: string): Promise<number> => {
    await space.must("PATCH", "entries/a1", { body: { fields: { bio } } });
    return (await space.must("POST", "entries/a1/publish")).position;
  };
  const bio = async (): Promise<unknown> => (await content("author/a1")).body.fields?.bio;

  test("flushed, all is unknown and asked again, and then known again", async () => {
    await warm(FEW);
    await redis("FLUSHALL");
    await publish("after the flush");
    await until("it is shown", async () => (await bio()) === "after the flush");
    await warm(FEW);
    expect(await bio()).toBe("after the flush");
  }, 120_000);

  test.each(["down", "error", "hang"] as const)(
    "away (%s): what is known is given, and Redis is left in peace",
    async (mode) => {
      await renew();
      await control.fault("redis", { mode });
      await control.resetCounters();
      const answers = await inParallel(300, (n) => content(FEW[n % FEW.length] as string));
      expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
      const { postgres, redis: asked } = await control.counters();
      // Aged, none is: nothing had to be read again but, now and then, what the space allows.
      const statements = Object.values(postgres).reduce((sum, node) => sum + node.requests, 0);
      expect(statements).toBeLessThan(30);
      expect(asked.requests).toBeLessThan(30);
      // Who asks for a position is given it all the same.
      const position = await publish(`while ${mode}`);
      const own = await ask("GET", `/v1/spaces/${space.id}/content/author/a1`, {
        headers: { "meridian-at-least": String(position) },
      });
      expect([own.status, own.body.fields.bio, own.position >= position]).toEqual([200, `while ${mode}`, true]);
    },
    120_000,
  );

  test("that is slow is not waited for while what is known is young", async () => {
    await control.modes({ redisLatencyMs: 300 });
    await warm(FEW);
    const answers = await inParallel(100, (n) => content(FEW[n % FEW.length] as string));
    expect(answers.every(wasHit)).toBe(true);
    await publish("slowly");
    await until("it is shown", async () => (await bio()) === "slowly");
  }, 120_000);
});
