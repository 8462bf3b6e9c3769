// What is published is analysed once, whatever queues do and wherever an isolate dies: afterwards what was found is about what is published.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

let world: World;
let space: SpaceAddress;
beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
});
afterAll(() => world?.end());

async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.marks.clear();
}
async function write(id: string, ...what: ("publish" | "unpublish" | "update")[]): Promise<void> {
  await world.mark(space);
  world.bell(space, await world.write(space, id, ...what));
}

/** Every published entry was looked at as it is, nothing else was, and the subscriber is at the head. */
async function expectWhole(): Promise<void> {
  const published = await world.sql("select id, version, from_pos from published where space = $1 order by id", [
    space.uid,
  ]);
  const found = await world.sql("select id, version, position from analyses where space = $1 order by id", [space.uid]);
  expect(found.map(({ id, version, position }) => [id, version, position])).toEqual(
    published.map(({ id, version, from_pos: at }) => [id, version, at]),
  );
  const [row] = await world.sql(
    "select s.position, h.position as head from subscribers s join space_head h on h.space = s.space where s.space = $1 and subscriber = 'insight'",
    [space.uid],
  );
  expect(row?.["position"]).toBe(row?.["head"]);
}

async function history(): Promise<void> {
  await write("a", "publish");
  await write("b");
  await write("c", "publish", "update");
  await write("a", "update", "publish");
  await write("c", "unpublish");
  await write("d", "publish", "unpublish", "publish");
}

describe("what is found is about what is published", () => {
  test("with messages doubled and in any order", async () => {
    for (let round = 0; round < 3; round += 1) {
      await fresh();
      await history();
      const twice = [...world.queue, ...world.queue].map((message) => ({ ...message }));
      world.queue.splice(0, world.queue.length, ...twice.sort(() => Math.random() - 0.5));
      world.pass(2_000);
      await Promise.all(world.due().map((message) => world.invoke([world.take(message)])));
      await world.settle();
      await expectWhole();
    }
  });

  test("wherever the consumer dies", async () => {
    for (let n = 1; ; n += 1) {
      await fresh();
      await history();
      world.pass(2_000);
      const life = { killAt: n, steps: 0, dead: false };
      await world.invoke(
        world.due().map((message) => world.take(message)),
        life,
      );
      await world.settle();
      await expectWhole();
      if (!life.dead) break;
    }
  });

  test("with every bell lost", async () => {
    await fresh();
    await history();
    world.queue.length = 0;
    await world.settle();
    await expectWhole();
  });

  test("an event that cannot be taken in is parked and passed, then redriven to the same end", async () => {
    await fresh();
    await world.sql(`create or replace function poison() returns trigger language plpgsql as $$
      begin if new.id = 'bad' then raise exception 'poison'; end if; return new; end $$`);
    await world.sql("create trigger poison before insert on analyses for each row execute function poison()");
    await write("good", "publish");
    await write("bad", "publish");
    await write("later", "publish");
    await world.settle();
    await world.sql("drop trigger poison on analyses");
    const ids = async () =>
      (await world.sql("select id from analyses where space = $1 order by id", [space.uid])).map(({ id }) => id);
    expect(await ids()).toEqual(["good", "later"]);
    const letters = await world.sql("select id, subscriber, attempts from dead_letters where space = $1", [space.uid]);
    expect(letters).toMatchObject([{ subscriber: "insight", attempts: 8 }]);
    // Published anew before the operator looks: the old event must not bring the old version back.
    await write("bad", "update", "publish");
    await world.settle();
    await world.sql("select redrive_dead_letter($1, now())", [letters[0]?.["id"]]);
    world.bell(space);
    await world.settle();
    await expectWhole();
    expect(await world.sql("select id from dead_letters where space = $1", [space.uid])).toEqual([]);
  });
});
