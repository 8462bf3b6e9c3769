// What waits for an endpoint costs nobody anything: rows that are looked at are counted, by Postgres itself, on a database of its own.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { answer, openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

/** Far more than anything below has to look at. */
const MANY = 4_000;
const TOLD = 24;
/** Statistics are told by a session's next transaction after so long. */
const TELL_MS = 1_100;
const SECOND = 1_000;

let world: World;
let space: SpaceAddress;
let url: string;
beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
  space = await world.space();
  url = await world.hook(space, "busy");
  world.receive(url, () => {
    world.pass(SECOND);
    return answer(200);
  });
}, 120_000);
afterAll(() => world?.end());

async function publish(n: number): Promise<void> {
  await world.mark(space);
  world.bell(space, await world.write(space, `e${n}`, "publish"));
}

/** Rows of deliveries that were looked at since the database was made. */
async function looked(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, TELL_MS));
  await world.tell();
  const [row] = await world.sql(
    "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_user_tables where relname like 'deliveries%'",
  );
  return row?.["rows"] as number;
}
let before = 0;
async function costOf(work: () => Promise<void>): Promise<number> {
  await work();
  const after = await looked();
  const cost = after - before;
  before = after;
  return cost;
}
/** Whatever is due, one message after the other. */
async function work(queue: string, most: number, isEnough = (): boolean => false): Promise<void> {
  for (let n = 0; n < most && !isEnough(); n += 1) {
    const message = world.due().find((each) => each.queue === queue);
    if (message === undefined) return;
    await world.invoke([world.take(message)]);
  }
}

test(`behind ${MANY} that wait, deliveries are made, claimed, ended, found by the sweep and called off for what they cost alone`, async () => {
  for (let n = 0; n < TOLD; n += 1) await publish(n);
  world.pass(SECOND);
  await work("changes", 100);
  // Due after those, and tells of the same event: as many editions of as many entries.
  await world.sql(
    `insert into deliveries (space, id, webhook, generation, replay, lane, position, event, state, created_at, visible_at, due_at)
     select d.space, delivery_id(), d.webhook, d.generation, 'x' || n, d.lane, d.position, d.event, 'pending', d.created_at, d.visible_at, d.due_at + interval '1 minute'
     from (select * from deliveries where space = $1 limit 1) d cross join generate_series(1, ${MANY}) n`,
    [space.uid],
  );
  await world.sql("analyze deliveries");
  world.pass(120 * SECOND);
  before = await looked();

  const sweeping = await costOf(async () => {
    await world.sweep();
  });
  expect(sweeping).toBeLessThan(500);

  const delivering = await costOf(() => work("deliveries", 100, () => world.sent.length >= TOLD));
  expect(world.sent.length).toBeGreaterThanOrEqual(TOLD);
  expect(delivering / world.sent.length).toBeLessThan(40);

  const making = await costOf(async () => {
    await publish(TOLD);
    world.pass(SECOND);
    await work("changes", 1);
  });
  expect(making).toBeLessThan(500);

  await world.commit(space, {
    streams: [{ i: 0, id: "webhook:busy", x: 1, n: 1 }],
    events: [{ n: 1, stream: "webhook:busy", version: 2, type: "WebhookDeleted", schema: 1, data: {}, tags: [] }],
  });
  world.pass(10 * SECOND);
  const calling = await costOf(() => work("deliveries", 200));
  expect(calling).toBeLessThan(4 * MANY);
  const left = await world.sql("select count(*)::int as n from deliveries where space = $1 and state = 'pending'", [
    space.uid,
  ]);
  expect(left).toEqual([{ n: 0 }]);
}, 120_000);
