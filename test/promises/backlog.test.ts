// What waits for an endpoint costs nobody anything: rows that are looked at are counted, by Postgres itself, on a database of its own.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
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
beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
}, 120_000);
beforeEach(async () => {
  space = await world.space();
  const url = await world.hook(space, "busy");
  world.receive(url, () => {
    world.pass(SECOND);
    return answer(200);
  });
  world.queue.length = 0;
  world.lines.length = 0;
  world.sent.length = 0;
});
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

/** Due a minute after a delivery that is there, and tells of the same event: as if there were many editions of many entries. */
async function pileUp(many: number): Promise<void> {
  await world.sql(
    `insert into deliveries (space, id, webhook, generation, replay, lane, position, event, state, created_at, visible_at, due_at)
     select d.space, delivery_id(), d.webhook, d.generation, 'x' || n, d.lane, d.position, d.event, 'pending', d.created_at, d.visible_at, d.due_at + interval '1 minute'
     from (select * from deliveries where space = $1 limit 1) d cross join generate_series(1, $2::int) n`,
    [space.uid, many],
  );
}
const remove = () =>
  world.commit(space, {
    streams: [{ i: 0, id: "webhook:busy", x: 1, n: 1 }],
    events: [{ n: 1, stream: "webhook:busy", version: 2, type: "WebhookDeleted", schema: 1, data: {}, tags: [] }],
  });
const pending = async (): Promise<unknown> =>
  (
    await world.sql("select count(*)::int as n from deliveries where space = $1 and state = 'pending'", [space.uid])
  )[0]?.["n"];

test(`behind ${MANY} that wait, deliveries are made, claimed, ended, found by the sweep and called off for what they cost alone`, async () => {
  for (let n = 0; n < TOLD; n += 1) await publish(n);
  world.pass(SECOND);
  await work("changes", 100);
  await pileUp(MANY);
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

  await remove();
  world.pass(10 * SECOND);
  const calling = await costOf(() => work("deliveries", 200));
  expect(calling).toBeLessThan(4 * MANY);
  expect(await pending()).toBe(0);
}, 120_000);

test("whoever calls off what waits for a deleted endpoint keeps nobody else from it, and not the sweep", async () => {
  await publish(0);
  world.pass(SECOND);
  await work("changes", 1);
  await pileUp(1_000);
  await remove();
  world.pass(120 * SECOND);
  await world.sweep();
  const [first, ...rest] = world.due().filter(({ queue }) => queue === "deliveries");
  // As the first message's consumer would, if it went on for longer.
  const slow = await world.hold();
  try {
    const at = new Date(world.now()).toISOString();
    const soon = new Date(world.now() + SECOND).toISOString();
    const asked = { ...(first?.body as object), space: space.uid, holder: "slow", at, lease: 60, slots: 4, most: 10 };
    await slow.query("select claim_delivery($1::jsonb)", [JSON.stringify({ ...asked, wakeUntil: soon, wake: 2 })]);
    const message = world.take(rest[20] as (typeof rest)[number]);
    await world.invoke([message]);
    world.pass(120 * SECOND);
    await world.sweep();
    expect(await pending()).toBe(1_001 - 201);
    await slow.query("commit");
  } finally {
    slow.release();
  }
  expect(await pending()).toBe(1_001 - 2 * 201);
  await work("deliveries", 500);
  expect([await pending(), world.lines]).toEqual([0, []]);
}, 60_000);
