// The digest and the dirty set through Upstash's client and its protocol, on an in-process Redis and on a real one.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createConditions } from "../../local/conditions.ts";
import { createCounters } from "../../local/counters.ts";
import { startKeeper } from "../../local/keeper.ts";
import { startInProcessRedis } from "../../local/redis/in-process.ts";
import { findRedisServer, startRedisServer } from "../../local/redis/server.ts";
import { startUpstashGateway, type UpstashGateway } from "../../local/upstash-gateway.ts";
import { tagHash } from "../../src/adapters/noble-hashes/tag-hash.ts";
import { digestStore } from "../../src/adapters/upstash/digest-store.ts";
import { dirtySet } from "../../src/adapters/upstash/dirty-set.ts";
import { connectRedis, type Redis } from "../../src/adapters/upstash/redis.ts";
import { instant, millis } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { type Position, position } from "../../src/kernel/position.ts";
import { type Digest, type DigestPage, openDigest, type TagChange } from "../../src/platform/freshness/digest.ts";
import { markAt } from "../../src/platform/relay/dirty-set.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";

const TOKEN = "digest";
const program = findRedisServer();
const backends = [
  { name: "in-process Redis", skip: false },
  // Without redis-server on the PATH there is no real one to ask.
  {
    name: program === undefined ? "redis-server (skipped: not on this machine)" : "redis-server",
    skip: program === undefined,
  },
];

let spaces = 0;
const freshSpace = () => {
  spaces += 1;
  return { uid: spaceUid(spaces), epoch: 1, residency: "us" };
};
const at = (n: number) => position(n);

for (const { name, skip } of backends) {
  describe.skipIf(skip)(name, () => {
    const conditions = createConditions();
    const counters = createCounters([]);
    const keeper = startKeeper();
    const directory = mkdtempSync(join(tmpdir(), "digest-"));
    let gateway: UpstashGateway;
    let redis: Redis;

    const connect = (): Redis => {
      const clock = { now: () => instant(Date.now()) };
      const own = guard("redis", {
        timeout: millis(20_000),
        breakAfter: 1,
        halfOpenAfter: millis(0),
        bulkhead: 100,
        clock,
      });
      return connectRedis({ url: gateway.url, token: TOKEN, guard: own });
    };
    const digestOf = (limit?: number): Digest =>
      openDigest({
        store: digestStore(redis),
        hash: tagHash("secret"),
        random: Math.random,
        ...(limit === undefined ? {} : { limit }),
      });

    beforeAll(async () => {
      const backend =
        name === "redis-server" ? await startRedisServer(program as string, directory, keeper) : startInProcessRedis();
      gateway = await startUpstashGateway(backend, TOKEN, conditions, counters);
      redis = connect();
    });
    afterEach(() => {
      conditions.clearFault("redis");
      Object.assign(conditions.modes, createConditions().modes);
    });
    afterAll(async () => {
      await gateway?.stop();
      keeper.close();
      rmSync(directory, { recursive: true, force: true });
    });

    describe("advance", () => {
      test("a digest made from nothing has seen nothing: its floor is its head", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        expect(await digest.heads([space])).toEqual([undefined]);
        expect(await digest.read(space)).toBeUndefined();
        expect(await digest.advance(space, at(90), at(100), [{ position: at(95), tags: ["entry:a"] }])).toBe(100);
        expect(await digest.read(space)).toMatchObject({ head: 100, floor: 100, changed: new Map() });
      });

      test("then everything above is in it, at its last change", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(10), []);
        expect(
          await digest.advance(space, at(11), at(13), [
            { position: at(11), tags: ["entry:a", "type:t"] },
            { position: at(13), tags: ["entry:b", "type:t", "keys"] },
          ]),
        ).toBe(13);
        const [a, b, t] = digest.members(space, ["entry:a", "entry:b", "type:t"]) as [string, string, string];
        const page = await digest.read(space);
        expect(page).toMatchObject({ head: 13, floor: 10 });
        expect(page?.changed).toEqual(
          new Map([
            [a, 11],
            [b, 13],
            ["keys", 13],
            [t, 13],
          ]),
        );
        expect((await digest.read(space, at(11)))?.changed).toEqual(
          new Map([
            [b, 13],
            ["keys", 13],
            [t, 13],
          ]),
        );
        const nothing = await digest.read(space, at(13));
        expect(nothing).toEqual({ birth: page?.birth, changed: new Map() });
      });

      test("what does not connect moves nothing and answers the head", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(10), []);
        expect(await digest.advance(space, at(12), at(14), [{ position: at(12), tags: ["entry:a"] }])).toBe(10);
        expect((await digest.read(space))?.changed.size).toBe(0);
        expect(await digest.advance(space, at(11), at(14), [{ position: at(12), tags: ["entry:a"] }])).toBe(14);
        expect((await digest.read(space))?.changed.size).toBe(1);
      });

      test("late, doubled and overlapping calls change nothing that is known", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(10), []);
        const changes = [
          { position: at(11), tags: ["entry:a"] },
          { position: at(12), tags: ["entry:a"] },
        ];
        await digest.advance(space, at(11), at(12), changes);
        const before = await digest.read(space);
        for (const [from, to] of [
          [11, 12],
          [11, 11],
          [3, 9],
          [1, 12],
        ] as const) {
          expect(await digest.advance(space, at(from), at(to), changes.slice(0, 1))).toBe(12);
        }
        expect(await digest.read(space)).toEqual(before);
        expect(await digest.advance(space, at(5), at(13), [...changes, { position: at(13), tags: ["entry:b"] }])).toBe(
          13,
        );
      });

      test("positions are exact far beyond what Lua would print", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        const far = 2 ** 51 + 1;
        await digest.advance(space, at(1), at(far), []);
        await digest.advance(space, at(far + 1), at(far + 2), [{ position: at(far + 2), tags: ["keys"] }]);
        expect(await digest.read(space)).toMatchObject({
          head: far + 2,
          floor: far,
          changed: new Map([["keys", far + 2]]),
        });
      });

      test("members are bounded: the oldest go, the floor rises to the last of them, and reserved ones stay", async () => {
        const [digest, space] = [digestOf(9), freshSpace()];
        await digest.advance(space, at(1), at(1), []);
        await digest.advance(space, at(2), at(3), [
          { position: at(2), tags: ["keys"] },
          { position: at(3), tags: ["settings"] },
        ]);
        const entry = (n: number) => ({ position: at(n), tags: [`entry:${n}`] });
        await digest.advance(space, at(4), at(7), [4, 5, 6, 7].map(entry));
        expect(await digest.read(space)).toMatchObject({ head: 7, floor: 1 });
        await digest.advance(space, at(8), at(10), [8, 9, 10].map(entry));
        const page = await digest.read(space);
        expect(page).toMatchObject({ head: 10, floor: 6 });
        expect([...(page?.changed.values() ?? [])].sort((a, b) => a - b)).toEqual([2, 3, 7, 8, 9, 10]);
      });

      test("16,384 members are held, and thousands more at once are taken in", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(1), []);
        let head = 1;
        for (const size of [4_500, 4_500, 4_500, 4_500]) {
          const tags = Array.from({ length: size }, (_, n) => `entry:${head}-${n}`);
          head += 1;
          expect(await digest.advance(space, at(head), at(head), [{ position: at(head), tags }])).toBe(head);
        }
        const page = await digest.read(space);
        expect(page).toMatchObject({ head: 5, floor: 2 });
        expect(page?.changed.size).toBe(16_384 - 3);
      });

      test("flushed: made anew by the next call, with another birth", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(10), []);
        const before = await digest.read(space);
        await digest.forget(space);
        expect(await digest.read(space, at(10))).toBeUndefined();
        await digest.advance(space, at(11), at(12), [{ position: at(11), tags: ["entry:a"] }]);
        const after = await digest.read(space, at(10));
        expect(after).toMatchObject({ head: 12, floor: 12 });
        expect(after?.birth).not.toBe(before?.birth);
      });

      test("members come back as they are, also those that look like numbers", async () => {
        const store = digestStore(redis);
        const names = ["1234567890123456", "0x10", "1e5", "-7", "true", "null", '"a"', "T0sK"];
        const [birth, limit] = [2 ** 53 - 1, 100];
        await store.advance("digest:names", { from: at(1), to: at(1), members: [], birth, limit });
        await store.advance("digest:names", {
          from: at(2),
          to: at(2),
          members: names.map((one) => [one, at(2)]),
          birth,
          limit,
        });
        const found = new Map(await store.above("digest:names", 1));
        expect(found).toEqual(new Map([...names.map((one) => [one, 2] as const), ["!head", 2], ["!birth", birth]]));
        await store.drop("digest:names");
      });

      test("one request; two when the server does not know the script", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await redis.pipeline((pipeline) => void pipeline.scriptFlush());
        const requests = async (call: () => Promise<unknown>): Promise<number> => {
          counters.reset();
          await call();
          return counters.total().redis.requests;
        };
        expect(await requests(() => digest.advance(space, at(1), at(1), []))).toBe(2);
        expect(await requests(() => digest.advance(space, at(2), at(2), []))).toBe(1);
        expect(await requests(() => digest.read(space))).toBe(1);
        expect(await requests(() => digest.heads([space, freshSpace(), freshSpace()]))).toBe(1);
        expect(await requests(() => dirtySet(redis).mark(space, 5))).toBe(1);
      });
    });

    describe("whatever happens in whatever order", () => {
      const TAGS = ["keys", "settings", "type:a", "type:b", "entry:1", "entry:2", "entry:3", "entry:4", "schema:a"];
      const LIMIT = 9;
      const log = fc.array(fc.subarray(TAGS, { maxLength: 3 }), { minLength: 5, maxLength: 25 });
      const step = fc.oneof(
        { weight: 8, arbitrary: fc.record({ kind: fc.constant("commit" as const), to: fc.nat(24), back: fc.nat(12) }) },
        { weight: 2, arbitrary: fc.constant({ kind: "catch up" as const }) },
        { weight: 1, arbitrary: fc.constant({ kind: "flush" as const }) },
        { weight: 3, arbitrary: fc.constant({ kind: "look" as const }) },
      );

      test("head N means that every change up to N is in it or below its floor; a memo never calls changed what is fresh, nor fresh what changed", async () => {
        await fc.assert(
          fc.asyncProperty(log, fc.array(step, { minLength: 5, maxLength: 20 }), async (tags, steps) => {
            const [digest, space] = [digestOf(LIMIT), freshSpace()];
            const names = new Map(TAGS.map((tag) => [tag, ""]));
            digest.members(space, TAGS).forEach((member, n) => void names.set(TAGS[n] as string, member));
            const changes: TagChange[] = tags.map((some, n) => ({ position: at(n + 1), tags: some }));
            const between = (after: number, to: number) => changes.slice(after, to);
            const lastChange = (tag: string, upTo: number) =>
              changes.findLast((change) => change.position <= upTo && change.tags.includes(tag))?.position ?? 0;
            let memo: { birth: number; head: number; floor: number; changed: Map<string, Position> } | undefined;

            const look = async () => {
              let page: DigestPage | undefined = await digest.read(space, memo && at(memo.head));
              if (page === undefined) {
                memo = undefined;
                return;
              }
              if (page.birth !== memo?.birth || page.floor !== undefined) {
                page = (await digest.read(space)) as DigestPage;
                memo = {
                  birth: page.birth,
                  head: page.head as number,
                  floor: page.floor as number,
                  changed: new Map(page.changed),
                };
              } else {
                memo.head = Math.max(memo.head, page.head ?? 0);
                for (const [member, score] of page.changed) memo.changed.set(member, score);
              }
              for (const tag of TAGS) {
                const last = lastChange(tag, memo.head);
                const shown = memo.changed.get(names.get(tag) as string);
                // For every answer of every age that depends on the tag: the memo's verdict is true where it has one.
                for (let age = 0; age <= memo.head; age += 1) {
                  if (shown !== undefined && shown > age)
                    expect(last, `${tag} shown as changed after ${age}`).toBeGreaterThan(age);
                  else if (shown !== undefined || age >= memo.floor)
                    expect(last, `${tag} shown as fresh at ${age}`).toBeLessThanOrEqual(age);
                }
              }
            };

            for (const one of steps) {
              if (one.kind === "flush") await digest.forget(space);
              else if (one.kind === "look") await look();
              else if (one.kind === "catch up") {
                const [head] = await digest.heads([space]);
                const from = head ?? changes.length;
                expect(
                  await digest.advance(space, at(from + 1), at(changes.length), between(from, changes.length)),
                ).toBe(changes.length);
              } else {
                const to = (one.to % changes.length) + 1;
                const from = Math.max(0, to - one.back);
                await digest.advance(space, at(from + 1), at(to), between(from, to));
              }
              const page = await digest.read(space);
              if (page === undefined) continue;
              const head = page.head as number;
              expect(head).toBeLessThanOrEqual(changes.length);
              expect(page.changed.size + 3).toBeLessThanOrEqual(LIMIT);
              for (const tag of TAGS) {
                const shown = page.changed.get(names.get(tag) as string);
                const last = lastChange(tag, head);
                if (shown === undefined) expect(last, `${tag} is missing`).toBeLessThanOrEqual(page.floor as number);
                else expect(shown, `${tag} is wrong`).toBe(last);
              }
            }
            await look();
          }),
          { numRuns: Number(process.env.DIGEST_RUNS ?? 25), endOnFailure: true },
        );
      });

      test("writers at the same time, each with the last few positions: in the end nothing is missing", async () => {
        const [digest, space] = [digestOf(), freshSpace()];
        await digest.advance(space, at(1), at(1), []);
        const changes = Array.from({ length: 60 }, (_, n) => ({ position: at(n + 1), tags: [`entry:${n + 1}`] }));
        const writers = changes.slice(1).map(async ({ position: to }) => {
          const from = Math.max(0, to - 64);
          await digest.advance(space, at(from + 1), to, changes.slice(from, to));
        });
        await Promise.all(writers);
        const page = await digest.read(space);
        expect(page).toMatchObject({ head: 60, floor: 1 });
        expect([...(page?.changed.values() ?? [])].sort((a, b) => a - b)).toEqual(
          changes.slice(1).map((one) => one.position),
        );
      });
    });

    describe("the dirty set", () => {
      const now = instant(Date.UTC(2026, 0, 1));

      test("a mark is set and the digest's head comes back with it", async () => {
        const [dirty, space] = [dirtySet(redis), { ...freshSpace(), residency: "eu.west" }];
        expect(await dirty.mark(space, markAt(now, 0.5))).toBeUndefined();
        await digestOf().advance(space, at(1), at(41), []);
        expect(await dirty.mark(space, markAt(now, 0.75))).toBe(41);
        const marks = (await dirty.oldest(100)).filter((mark) => mark.space.uid === space.uid);
        expect(marks).toEqual([{ space, mark: markAt(now, 0.75) }]);
      });

      test("comes out oldest first, as many as wanted; removing spares what was marked again", async () => {
        const dirty = dirtySet(redis);
        await dirty.remove(await dirty.oldest(1_000));
        const [one, two, three] = [freshSpace(), freshSpace(), freshSpace()];
        await dirty.remark([
          { space: two, mark: markAt(now, 0.2) },
          { space: three, mark: markAt(now, 0.3) },
          { space: one, mark: markAt(now, 0.1) },
        ]);
        expect((await dirty.oldest(2)).map(({ space }) => space)).toEqual([one, two]);
        const seen = await dirty.oldest(10);
        await dirty.mark(two, markAt(now, 0.201));
        await dirty.remove(seen);
        expect(await dirty.oldest(10)).toEqual([{ space: two, mark: markAt(now, 0.201) }]);
        await dirty.remove([]);
        await dirty.remark([]);
      });
    });

    describe("Redis away", () => {
      test.each(["down", "error"] as const)("%s: one try, an outage, and no word of what was sent", async (mode) => {
        const space = freshSpace();
        conditions.setFault("redis", { mode });
        counters.reset();
        const error = await digestOf()
          .advance(space, at(1), at(1), [])
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
        expect(error).toBeInstanceOf(Outage);
        expect(error).toMatchObject({ dependency: "redis", reason: "failed" });
        expect(String((error as Error).cause)).not.toContain("digest:");
        expect(counters.total().redis.requests).toBe(1);
      });

      test("hanging: given up in time, and the request is aborted", async () => {
        conditions.setFault("redis", { mode: "hang" });
        const fetched = vi.spyOn(globalThis, "fetch");
        const started = performance.now();
        const error = await dirtySet(redis)
          .mark(freshSpace(), 1, { atMost: millis(150) })
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
        expect(error).toMatchObject({ name: "Outage", reason: "timeout" });
        expect(performance.now() - started).toBeLessThan(1_000);
        expect(fetched.mock.calls.map(([, options]) => options?.signal?.aborted)).toEqual([true]);
        fetched.mockRestore();
      });

      test("a caller's signal is its own, however many share the client", async () => {
        redis = connect();
        const [dirty, digest] = [dirtySet(redis), digestOf()];
        conditions.modes.redisLatencyMs = 100;
        const [short, long] = await Promise.allSettled([
          dirty.mark(freshSpace(), 1, { atMost: millis(20) }),
          digest.heads([freshSpace()]),
        ]);
        expect([short.status, long.status]).toEqual(["rejected", "fulfilled"]);
      });

      test("back again: works without another client", async () => {
        conditions.setFault("redis", { mode: "down" });
        await expect(digestOf().heads([freshSpace()])).rejects.toThrow(Outage);
        conditions.clearFault("redis");
        expect(await digestOf().heads([freshSpace()])).toEqual([undefined]);
      });
    });
  });
}
