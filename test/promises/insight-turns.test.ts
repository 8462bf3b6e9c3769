// One run of insight over a space at a time, with rests between, and whoever dies in it keeps nobody waiting for good: the real machinery on a
// database of its own, with the test's clock and queues.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

let world: World;
let space: SpaceAddress;
let ids = 0;

beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
});
afterAll(() => world?.end());

beforeEach(async () => {
  space = await world.space();
  world.state.beforeCall = async () => undefined;
  await nothingLeft();
});

/** Neither messages nor the sweep speak of anything any more. */
async function nothingLeft(): Promise<void> {
  world.queue.length = 0;
  world.marks.clear();
}

const publish = (id: string): Promise<number> => world.write(space, id, "publish");

/** One message of insight's queue, as the consumer of bells sends it. */
async function hear(life = { killAt: 0, steps: 0, dead: false }) {
  ids += 1;
  const body = { ...space, position: 1 };
  return await world.invoke([{ queue: "insight", id: `i${ids}`, body, due: world.now(), attempts: 0 }], life);
}

const bells = () => world.queue.filter(({ queue }) => queue === "insight");

async function analysed(): Promise<readonly unknown[]> {
  const rows = await world.sql("select id from analyses where space = $1 order by id", [space.uid]);
  return rows.map(({ id }) => id);
}

/** Does it once, the first time that insight is about to write what it has found. Answers how often it was. */
function whenItWrites(does: () => Promise<void>): () => number {
  let times = 0;
  world.state.beforeCall = async (call) => {
    if (!call.includes("advance_subscriber")) return;
    times += 1;
    if (times === 1) await does();
  };
  return () => times;
}

test("who comes while another is at it goes away again", async () => {
  await publish("a");
  const runs = whenItWrites(async () => void (await hear()));
  await hear();
  expect([runs(), await analysed()]).toEqual([1, ["a"]]);
});

test("what was published meanwhile, and whose bell nobody heard, is called for when the run is over", async () => {
  await publish("a");
  whenItWrites(async () => {
    await publish("b");
    await hear();
  });
  await hear();
  expect(await analysed()).toEqual(["a"]);
  expect(bells()).toHaveLength(1);
  world.pass(2_000);
  for (const message of bells()) await world.invoke([world.take(message)]);
  expect(await analysed()).toEqual(["a", "b"]);
});

test("after a long run it rests three times as long, and is called when that is over", async () => {
  await publish("a");
  const runs = whenItWrites(async () => world.pass(2_000));
  await hear();
  await publish("b");
  await hear();
  expect([runs(), await analysed()]).toEqual([1, ["a"]]);
  const [bell] = bells();
  expect((bell?.due ?? 0) - world.now()).toBe(6_000);
  world.pass(6_000);
  await world.invoke(bells().map((message) => world.take(message)));
  expect(await analysed()).toEqual(["a", "b"]);
});

test("wherever a run dies, another may begin when its time is over, and not before", async () => {
  for (let n = 1; ; n += 1) {
    await publish(`d${n}`);
    await nothingLeft();
    const life = await hear({ killAt: n, steps: 0, dead: false });
    if (life.dead) {
      const before = await analysed();
      const runs = whenItWrites(async () => undefined);
      // Whoever had its turn keeps it: it may be alive, and only slow.
      const [row] = await world.sql(
        "select coalesce(max(extract(epoch from turn_at) * 1000), 0)::float8 as until from subscribers where space = $1 and subscriber = 'insight'",
        [space.uid],
      );
      if ((row?.["until"] as number) > world.now()) {
        await hear();
        expect([n, runs(), await analysed()]).toEqual([n, 0, before]);
      }
    }
    world.pass(60_000);
    await hear();
    expect(await analysed(), `died at ${n}`).toContain(`d${n}`);
    if (!life.dead) break;
    world.pass(60_000);
  }
});
