// Every event reaches every endpoint, in order for each entry, whatever queues, receivers and isolates do: the real machinery on a database of
// its own, with the test's clock, queues and receivers.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { answer, openWorld, type Sent, silence, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let world: World;
let space: SpaceAddress;
beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
});
afterAll(() => world?.end());

let hooks = 0;
const newHook = (settings = {}): Promise<string> => {
  hooks += 1;
  return world.hook(space, `h${hooks}`, settings);
};
async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.sent.length = 0;
  world.lines.length = 0;
  world.marks.clear();
  world.state.redis = "there";
  world.state.queues = "there";
}
/** A commit with its mark and its bell. */
async function write(id: string, ...what: ("publish" | "unpublish" | "update")[]): Promise<number> {
  await world.mark(space);
  const at = await world.write(space, id, ...what);
  world.bell(space, at);
  return at;
}
const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error("It did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
const to = (url: string): Sent[] => world.sent.filter((one) => one.url === url);
const positions = (url: string): number[] => to(url).map(({ body }) => body.position);
const unfinished = async (): Promise<number> =>
  Number(
    (await world.sql("select count(*) as n from deliveries where space = $1 and state = 'pending'", [space.uid]))[0]?.[
      "n"
    ],
  );

/** Each event once in the rows, in order for each entry by first receipt, all delivered, and the subscriber at the head. */
async function expectWhole(url: string, expected: readonly { entry: string; at: number }[]): Promise<void> {
  const rows = await world.sql(
    "select d.position, d.state from deliveries d join webhooks w on w.space = d.space and w.id = d.webhook where d.space = $1 and w.url = $2 and d.replay = '' order by d.position",
    [space.uid, url],
  );
  expect(rows.map((row) => [row["position"], row["state"]])).toEqual(expected.map(({ at }) => [at, "delivered"]));
  for (const entry of new Set(expected.map((one) => one.entry))) {
    const wanted = expected.filter((one) => one.entry === entry).map(({ at }) => at);
    const got = to(url)
      .filter(({ body }) => body.data.entry.id === entry && body.replayed !== true)
      .map(({ body }) => body.position);
    expect([...new Set(got)], `${entry} at ${url}`).toEqual(wanted);
    // What comes again comes in its turn: never an older one after a newer.
    expect(got, `${entry} at ${url}`).toEqual(got.toSorted((one, other) => one - other));
  }
  const [row] = await world.sql(
    "select s.position, h.position as head from subscribers s join space_head h on h.space = s.space where s.space = $1 and subscriber = 'webhooks'",
    [space.uid],
  );
  expect(row?.["position"]).toBe(row?.["head"]);
}

describe("told after it is visible", () => {
  test("two seconds after the digest knew it", async () => {
    await fresh();
    const url = await newHook();
    const before = world.now();
    await write("a", "publish");
    await world.settle();
    expect(to(url)).toHaveLength(1);
    expect((to(url)[0]?.at ?? 0) - before).toBeGreaterThanOrEqual(3 * SECOND);
    expect((to(url)[0]?.at ?? 0) - before).toBeLessThan(6 * SECOND);
  });

  test("and no later because Redis was late once or twice", async () => {
    await fresh();
    const url = await newHook();
    const before = world.now();
    await write("a", "publish");
    world.state.redis = "late";
    await world.settle();
    expect(world.state.redis).toBe("there");
    expect(to(url)).toHaveLength(1);
    expect((to(url)[0]?.at ?? 0) - before).toBeLessThan(6 * SECOND);
  });

  test("with Redis away, only when the edge has forgotten what it kept unasked", async () => {
    await fresh();
    const url = await newHook();
    const before = world.now();
    await write("a", "publish");
    world.state.redis = "away";
    for (let i = 0; i < 3; i += 1) {
      world.pass(SECOND);
      for (const message of world.due()) await world.invoke([world.take(message)]);
    }
    world.state.redis = "there";
    await world.settle();
    expect(to(url)).toHaveLength(1);
    expect((to(url)[0]?.at ?? 0) - before).toBeGreaterThanOrEqual(MINUTE);
  });
});

describe("a lane", () => {
  test("only its oldest is sent: the next waits until it is delivered or given up; other entries go on", async () => {
    await fresh();
    const url = await newHook();
    let well = false;
    world.receive(url, ({ body }) => answer(body.data.entry.id === "slow" && !well ? 500 : 200));
    const slow = [
      await write("slow", "publish"),
      await write("slow", "update", "publish"),
      await write("slow", "unpublish"),
    ];
    const other = await write("other", "publish");
    await world.settle(4 * MINUTE);
    expect(positions(url).filter((at) => at !== other)).toEqual([slow[0], slow[0]]);
    expect(positions(url)).toContain(other);
    well = true;
    await world.settle(HOUR);
    const told = to(url).filter(({ body }) => body.data.entry.id === "slow");
    expect([...new Set(told.map(({ body }) => body.position))]).toEqual(slow);
  });

  test("gives up after ten attempts, on schedule, and goes on with the next", async () => {
    await fresh();
    const url = await newHook();
    world.receive(url, ({ body }) => answer(body.position === first ? 503 : 200));
    const first = await write("a", "publish");
    await world.settle(2 * MINUTE);
    const second = await write("a", "update", "publish");
    await world.settle(80 * HOUR);
    const tried = to(url).filter(({ body }) => body.position === first);
    expect(tried).toHaveLength(10);
    expect(new Set(tried.map(({ id }) => id)).size).toBe(1);
    const waits = tried.slice(1).map(({ at }, i) => Math.round((at - (tried[i]?.at ?? 0)) / SECOND));
    const schedule = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    // Never earlier, and later by no more than a breaker's pause and the sweep.
    waits.forEach((wait, i) => {
      expect(wait).toBeGreaterThanOrEqual(schedule[i] ?? 0);
      expect(wait).toBeLessThanOrEqual((schedule[i] ?? 0) + 420);
    });
    expect(positions(url).at(-1)).toBe(second);
    expect(await unfinished()).toBe(0);
  });
});

describe("receivers", () => {
  test("Retry-After is honoured, in seconds and as a date", async () => {
    await fresh();
    const url = await newHook();
    const answers = [
      () => answer(429, { "retry-after": "3600" }),
      () => answer(503, { "retry-after": new Date(world.now() + 2 * HOUR).toUTCString() }),
      () => answer(200),
    ];
    world.receive(url, () => (answers.shift() ?? (() => answer(200)))());
    await write("a", "publish");
    await world.settle(5 * HOUR);
    const at = to(url).map((one) => one.at);
    expect(at).toHaveLength(3);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(HOUR);
    expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(2 * HOUR - SECOND);
  });

  test("410 disables it, and others who ask are told", async () => {
    await fresh();
    const url = await newHook();
    const watcher = await newHook({ events: ["webhook.disabled"] });
    world.receive(url, () => answer(410));
    await write("a", "publish");
    await write("b", "publish");
    await world.settle(2 * MINUTE);
    const [row] = await world.sql("select enabled, disabled_reason from webhooks where space = $1 and url = $2", [
      space.uid,
      url,
    ]);
    expect(row).toEqual({ enabled: false, disabled_reason: "gone" });
    expect(to(watcher).map(({ body }) => [body.type, body.data.webhook.disabledReason])).toEqual([
      ["webhook.disabled", "gone"],
    ]);
    expect(await unfinished()).toBe(0);
    expect(to(url).length).toBeLessThanOrEqual(2);
  });

  test("redirects and silence are failures", async () => {
    await fresh();
    const [elsewhere, silent] = [await newHook(), await newHook()];
    world.receive(elsewhere, () => answer(302, { location: "https://other.example/" }));
    world.receive(silent, silence);
    await write("a", "publish");
    await world.settle(MINUTE);
    const rows = await world.sql(
      "select w.url, a.error, a.status from delivery_attempts a join deliveries d on d.space = a.space and d.id = a.delivery join webhooks w on w.space = d.space and w.id = d.webhook where a.space = $1 and a.n = 1 order by a.error",
      [space.uid],
    );
    expect(rows).toEqual([
      { url: elsewhere, error: "redirect", status: 302 },
      { url: silent, error: "timeout", status: null },
    ]);
    expect(world.sent.map(({ url }) => url)).not.toContain("https://other.example/");
  });

  test("an endpoint that is silent is asked less and less, one at a time, while others get everything", async () => {
    await fresh();
    const [silent, good] = [await newHook(), await newHook()];
    world.receive(silent, silence);
    for (let i = 0; i < 30; i += 1) await write(`e${i}`, "publish");
    await world.settle(3 * MINUTE);
    expect(to(good)).toHaveLength(30);
    expect(to(silent).length).toBeLessThan(20);
    world.receive(silent, () => answer(200));
    await world.settle(2 * HOUR);
    expect(new Set(positions(silent)).size).toBe(30);
  });

  test("failing for five days disables it; enabled again it is told of what comes", async () => {
    await fresh();
    const url = await newHook();
    world.receive(url, () => answer(500));
    for (let day = 0; day < 6; day += 1) {
      await write(`d${day}`, "publish");
      await world.settle(24 * HOUR);
    }
    const [row] = await world.sql(
      "select id, enabled, disabled_reason, revision from webhooks where space = $1 and url = $2",
      [space.uid, url],
    );
    expect(row).toMatchObject({ enabled: false, disabled_reason: "failing", revision: 2 });
    world.receive(url, () => answer(200));
    world.sent.length = 0;
    const stream = `webhook:${row?.["id"]}`;
    const data = { url, events: ["entry.published"], types: null, description: null, enabled: true };
    await world.commit(space, {
      streams: [{ i: 0, id: stream, x: 2, n: 1 }],
      events: [{ n: 1, stream, version: 3, type: "WebhookChanged", schema: 1, data, tags: [] }],
    });
    const at = await write("new", "publish");
    await world.settle(10 * MINUTE);
    expect(positions(url)).toEqual([at]);
    expect(await unfinished()).toBe(0);
  });

  test("six hours of 500, then well: a replay misses nothing and keeps the order of each entry", async () => {
    await fresh();
    const url = await newHook();
    const broken = world.now() + 6 * HOUR;
    world.receive(url, () => answer(world.now() < broken ? 500 : 200));
    const first = await write("e0", "publish");
    const all = [{ entry: "e0", at: first }];
    for (let hour = 0; hour < 6; hour += 1) {
      for (let i = 0; i < 8; i += 1) {
        const entry = `e${(hour * 8 + i) % 5}`;
        all.push({
          entry,
          at: await write(
            entry,
            ...(entry === "e0" || all.some((one) => one.entry === entry)
              ? (["update", "publish"] as const)
              : (["publish"] as const)),
          ),
        });
      }
      await world.settle(HOUR);
    }
    world.pass(MINUTE);
    world.sent.length = 0;
    const [hook] = await world.sql("select id from webhooks where space = $1 and url = $2", [space.uid, url]);
    const replay = "a".repeat(24);
    await world.sql(
      "insert into webhook_replays (space, id, webhook, from_pos, to_pos, reached, created_at) select $1, $2, $3, $4, position, $4::bigint - 1, now() from space_head where space = $1",
      [space.uid, replay, hook?.["id"], first],
    );
    await world.mark(space);
    await world.settle(30 * MINUTE);
    const again = to(url).filter(({ body }) => body.replayed === true);
    expect(again.map(({ body }) => body.position).sort((one, other) => one - other)).toEqual(all.map(({ at }) => at));
    for (const entry of new Set(all.map((one) => one.entry)))
      expect(again.filter(({ body }) => body.data.entry.id === entry).map(({ body }) => body.position)).toEqual(
        all.filter((one) => one.entry === entry).map(({ at }) => at),
      );
    await world.settle(20 * HOUR);
    await expectWhole(url, all);
  }, 120_000);
});

/** The usual small generator: the seed is in the test's name, so that a failure can be had again. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("queues", () => {
  test.each([1, 2, 3].map((n) => n * 7_919 + (Date.now() % 997)))(
    "every message delivered one to five times, late and in random order, several at once (seed %i)",
    async (seed) => {
      const random = mulberry(seed);
      await fresh();
      const urls = [
        await newHook(),
        await newHook({ events: ["entry.published", "entry.unpublished", "entry.updated"] }),
      ];
      const all: { entry: string; at: number; what: string }[] = [];
      for (let i = 0; i < 24; i += 1) {
        const entry = `e${Math.floor(random() * 4)}`;
        const known = all.filter((one) => one.entry === entry).length > 0;
        const what = !known ? "publish" : random() < 0.3 ? "unpublish" : "update";
        // Unpublishing what is not published is nothing that the API would do.
        const published = all.findLast((one) => one.entry === entry && one.what !== "update")?.what === "publish";
        if (what === "unpublish" && !published) all.push({ entry, what: "publish", at: await write(entry, "publish") });
        else all.push({ entry, what, at: await write(entry, what as "publish") });
      }
      for (let round = 0; round < 400; round += 1) {
        // Whatever is sent is doubled, and waits for as long as it likes.
        const due = world.due();
        for (const message of due) {
          world.take(message);
          const copies = message.id.includes("x") ? 1 : 1 + Math.floor(random() * 5);
          for (let copy = 0; copy < copies; copy += 1)
            world.queue.push({
              ...message,
              id: `${message.id}x${copy}`,
              due: (world.now() + random() * 20 * SECOND) as never,
            });
        }
        world.pass(2 * SECOND);
        if (round % 30 === 29) await world.sweep();
        const ready = world.due().sort(() => random() - 0.5);
        const batches = new Map<string, typeof ready>();
        for (const message of ready)
          batches.set(message.queue, [...(batches.get(message.queue) ?? []), world.take(message)]);
        // As isolates do: at once, and a batch each.
        await Promise.all(
          [...batches.values()].flatMap((messages) => {
            const half = Math.ceil(messages.length / 2);
            return [world.invoke(messages.slice(0, half)), world.invoke(messages.slice(half))];
          }),
        );
        if (world.queue.length === 0 && world.marks.size === 0 && (await unfinished()) === 0) break;
      }
      await world.settle(HOUR);
      const shown = all.filter(({ what }) => what !== "update");
      await expectWhole(urls[0] as string, shown);
      await expectWhole(urls[1] as string, all);
      // Nobody died, so nothing was sent twice.
      expect(world.sent).toHaveLength(shown.length + all.length);
    },
    120_000,
  );

  test("many messages of one delivery at the same moment: one of them sends", async () => {
    await fresh();
    const url = await newHook();
    world.receive(url, async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return answer(200);
    });
    await write("a", "publish");
    for (let round = 0; round < 20; round += 1) {
      world.pass(SECOND);
      for (const message of world.due()) {
        world.take(message);
        const copies = Array.from({ length: 6 }, (_, n) => ({ ...message, id: `${message.id}x${n}` }));
        await Promise.all(copies.map((copy) => world.invoke([copy])));
      }
    }
    expect(world.sent).toHaveLength(1);
  });

  test("a bell that is lost: the sweep rings", async () => {
    await fresh();
    const url = await newHook();
    await world.mark(space);
    const at = await world.write(space, "a", "publish");
    await world.settle();
    await expectWhole(url, [{ entry: "a", at }]);
  });

  test("the queues away while a run makes deliveries, and for a while after: nothing is lost", async () => {
    await fresh();
    const url = await newHook();
    const at = await write("a", "publish");
    world.state.queues = "away";
    world.pass(2 * SECOND);
    for (const message of world.due()) await world.invoke([world.take(message)]);
    expect(world.sent).toEqual([]);
    for (let minute = 0; minute < 3; minute += 1) {
      world.pass(MINUTE);
      await world.sweep();
    }
    world.state.queues = "there";
    await world.settle();
    await expectWhole(url, [{ entry: "a", at }]);
  });
});

describe("a consumer that dies", () => {
  test("at every single step: each event has its effect, and is told again only when its telling was under way", async () => {
    let n = 0;
    let died = true;
    for (n = 1; died; n += 1) {
      await fresh();
      const urls = [await newHook(), await newHook()];
      const all = [
        { entry: "a", at: await write("a", "publish") },
        { entry: "a", at: await write("a", "update", "publish") },
        { entry: "b", at: await write("b", "publish") },
      ];
      const life = { killAt: n, steps: 0, dead: false };
      // One isolate after the other, until the n-th step of all of them together.
      for (let round = 0; round < 60 && !life.dead; round += 1) {
        world.pass(SECOND);
        for (const message of world.due()) if (!life.dead) await world.invoke([world.take(message)], life);
        if (world.queue.length === 0) break;
      }
      died = life.dead;
      await world.settle(HOUR);
      for (const url of urls) await expectWhole(url, all);
      expect(world.sent.length, `killed at step ${n}`).toBeLessThanOrEqual(2 * all.length + 1);
      expect(await unfinished()).toBe(0);
    }
    console.info(`${n - 2} steps to die at`);
    expect(n).toBeGreaterThan(60);
  }, 300_000);

  test("between commit and bell: the mark was there before the commit", async () => {
    await fresh();
    const url = await newHook();
    await world.mark(space);
    const at = await world.write(space, "a", "publish");
    expect(world.queue).toEqual([]);
    await world.settle();
    await expectWhole(url, [{ entry: "a", at }]);
  });

  test("holding a claim, ten times over: the delivery is given up, and its lane goes on", async () => {
    await fresh();
    const url = await newHook();
    const [first, second] = [await write("a", "publish"), await write("a", "update", "publish")];
    const dead = (): never => {
      throw new Error("not reached");
    };
    world.receive(url, ({ body }) => (body.position === first ? dead() : answer(200)));
    for (let round = 0; round < 200; round += 1) {
      world.pass(MINUTE);
      await world.sweep();
      for (const message of world.due()) {
        // Dies while its message is on its way to the receiver.
        const isFirst = message.queue === "deliveries";
        const life = { killAt: isFirst ? 4 : 0, steps: 0, dead: false };
        await world.invoke([world.take(message)], life);
      }
      if (
        Number(
          (
            await world.sql("select count(*) as n from deliveries where space = $1 and attempts >= 10", [space.uid])
          )[0]?.["n"],
        ) > 0
      )
        break;
    }
    const before = world.sent.length;
    await world.settle(3 * HOUR);
    const rows = await world.sql("select position, state from deliveries where space = $1 order by position", [
      space.uid,
    ]);
    expect(rows).toEqual([
      { position: first, state: "failed" },
      { position: second, state: "delivered" },
    ]);
    // There is no eleventh attempt.
    expect(world.sent.slice(before).map(({ body }) => body.position)).toEqual([second]);
  }, 120_000);

  test("slowly: what it says when its lease is over counts no more, and takes nothing from whoever has it now", async () => {
    await fresh();
    const url = await newHook();
    let calls = 0;
    let leased: boolean | undefined;
    world.receive(url, async () => {
      calls += 1;
      if (calls === 1) {
        world.pass(61 * SECOND);
        await world.sweep();
        world.pass(SECOND);
        // Another isolate takes the delivery over, and is sending while the first one ends.
        behind = Promise.all(world.due().map((message) => world.invoke([world.take(message)])));
        await until(() => calls === 2);
        return answer(500);
      }
      await until(() => firstIsOver);
      const [row] = await world.sql("select lease_until > $2::timestamptz as leased from deliveries where space = $1", [
        space.uid,
        new Date(world.now()).toISOString(),
      ]);
      leased = row?.["leased"] as boolean;
      return answer(200);
    });
    let behind: Promise<unknown> = Promise.resolve();
    let firstIsOver = false;
    const at = await write("a", "publish");
    for (let round = 0; round < 20 && calls === 0; round += 1) {
      world.pass(SECOND);
      for (const message of world.due()) await world.invoke([world.take(message)]);
    }
    firstIsOver = true;
    await behind;
    expect([calls, leased]).toEqual([2, true]);
    await world.settle(HOUR);
    await expectWhole(url, [{ entry: "a", at }]);
    expect(world.sent).toHaveLength(2);
  });

  test("or does not die, but ends the older one while the next is made: the next is due", async () => {
    await fresh();
    const url = await newHook();
    world.receive(url, () => answer(500));
    const first = await write("a", "publish");
    await world.settle(MINUTE);
    await world.mark(space);
    const second = await world.write(space, "a", "update", "publish");
    // What `finish_delivery` does, held open before its end while the subscriber runs.
    const held = await world.hold();
    await held.query("select 1 from webhook_state where space = $1 for update", [space.uid]);
    await held.query(
      "select end_delivery(d, 'delivered', $2::timestamptz) from deliveries d where space = $1 and position = $3",
      [space.uid, new Date(world.now()).toISOString(), first],
    );
    world.bell(space, second);
    world.pass(SECOND);
    const running = Promise.all(
      world
        .due()
        .filter(({ queue }) => queue === "changes")
        .map((message) => world.invoke([world.take(message)])),
    );
    const over = { yes: false };
    void running.then(() => {
      over.yes = true;
    });
    await until(async () => over.yes || (await world.waiting()) > 0);
    await held.query("commit");
    held.release();
    await running;
    const [row] = await world.sql(
      "select due_at < 'infinity' as due from deliveries where space = $1 and position = $2",
      [space.uid, second],
    );
    expect(row).toEqual({ due: true });
  });
});

describe("an event that cannot be taken in", () => {
  const poison = async (): Promise<number> => {
    await world.mark(space);
    const at = await world.commit(space, {
      streams: [{ i: 0, id: "entry:poison", x: 0, n: 1 }],
      events: [{ n: 1, stream: "entry:poison", version: 1, type: "EntryExploded", schema: 1, data: {}, tags: [] }],
    });
    world.bell(space, at);
    return at;
  };
  const letters = () =>
    world.tools.deadLetters.list(undefined, 100).then((all) => all.filter((one) => one.space === space.uid));

  test("stops webhooks after eight tries, with what came before it told; redriven when it can be, they go on", async () => {
    await fresh();
    const url = await newHook();
    const before = { entry: "a", at: await write("a", "publish") };
    const bad = await poison();
    const after = { entry: "b", at: await write("b", "publish") };
    await world.settle(HOUR);
    expect(positions(url)).toEqual([before.at]);
    expect(world.lines.filter(({ event }) => event === "subscriber-stopped")).toMatchObject([
      { space: space.uid, subscriber: "webhooks", position: bad, why: "event-unknown" },
    ]);
    const [letter] = await letters();
    expect(letter).toMatchObject({
      queue: "changes",
      subscriber: "webhooks",
      position: bad,
      attempts: 8,
      isStopping: true,
    });
    // Others are not concerned: another space goes on.
    await world.settle(HOUR);
    expect(await letters()).toHaveLength(1);
    // As a release does that knows the event.
    await world.sql("update events set stream = 'quiet:poison' where space = $1 and position = $2", [space.uid, bad]);
    await world.tools.deadLetters.redrive(letter?.id ?? "", world.now());
    await world.mark(space);
    await world.settle(HOUR);
    await expectWhole(url, [before, after]);
    expect(await letters()).toEqual([]);
  });

  test("deleting its letter gives it up, and they go on behind it", async () => {
    await fresh();
    const url = await newHook();
    await poison();
    const after = { entry: "b", at: await write("b", "publish") };
    await world.settle(HOUR);
    const [letter] = await letters();
    expect(await world.tools.deadLetters.drop(letter?.id ?? "", world.now())).toMatchObject({
      is: "done",
      freed: { subscriber: "webhooks", space },
    });
    await world.mark(space);
    await world.settle(HOUR);
    await expectWhole(url, [after]);
  });
});
