// Jobs go on until they have ended, once, whatever queues and isolates do; and one that nobody survives ends too.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../../src/kernel/scope.ts";
import type { SqlClient } from "../../src/platform/database/database.ts";
import { DatabaseUnavailable } from "../../src/platform/database/outage.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import { forgetExpired } from "../../src/platform/event-log/forget-expired.ts";
import type { Writer } from "../../src/platform/event-log/writer.ts";
import { cancelJob, jobId } from "../../src/platform/jobs/ask-job.ts";
import type { JobKind } from "../../src/platform/jobs/job.ts";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

const MINUTE = 60_000;
let world: World;
let space: SpaceAddress;
let isAway = false;
let afterStep = async (): Promise<void> => undefined;
const tidied: string[] = [];
const begun: string[] = [];

/** Goes from 0 to `plan.to`, one step a number, two steps a turn. */
const counting: JobKind = {
  name: "counting",
  async run({ job, keep }) {
    begun.push(job.id);
    const to = Number(job.plan["to"]);
    for (let n = Number(job.state["n"] ?? 0), steps = 0; n < to; steps += 1) {
      if (steps === 2) return { is: "more" };
      n += 1;
      if (!(await keep({ state: { n }, shown: { n } }))) return { is: "over" };
      await afterStep();
    }
    return { is: "completed", shown: { counted: to } };
  },
  async tidy({ id }) {
    tidied.push(id);
    return undefined;
  },
};
const poison: JobKind = {
  name: "poison",
  async run() {
    throw new TypeError("it is what it is");
  },
};
const dependent: JobKind = {
  name: "dependent",
  async run() {
    if (isAway) throw new Outage("something", "failed");
    return { is: "completed" };
  },
};

beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string, () => [counting, poison, dependent]);
});
afterAll(() => world?.end());

async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.marks.clear();
  tidied.length = 0;
  begun.length = 0;
}

function newId(): string {
  world.pass(1);
  return jobId(world.now(), crypto.getRandomValues(new Uint8Array(6)));
}

/** As `aside_job` does it, and without a message: the sweep has to find it. */
async function ask(kind: string, plan: object = {}, lane: string | null = null, as?: string): Promise<string> {
  const id = as ?? newId();
  const at = new Date(world.now()).toISOString();
  await world.sql("select start_job($1, $2::jsonb)", [
    space.uid,
    JSON.stringify({ job: id, kind, lane, plan, shown: {}, actor: "key:x", at }),
  ]);
  await world.mark(space);
  return id;
}

async function rowOf(id: string): Promise<Record<string, unknown>> {
  const rows = await world.sql("select * from jobs where space = $1 and id = $2", [space.uid, id]);
  return rows[0] as Record<string, unknown>;
}

describe("a job", () => {
  test("is found by the sweep, takes its turns, ends and is tidied up after", async () => {
    await fresh();
    const id = await ask("counting", { to: 7 });
    await world.settle();
    expect(await rowOf(id)).toMatchObject({
      status: "completed",
      closed: true,
      shown: { n: 7, counted: 7 },
      error: null,
    });
    expect([tidied, begun.length]).toEqual([[id], 4]);
  });

  test("goes on wherever an invocation dies, and does each step once", async () => {
    for (let killAt = 1; ; killAt += 1) {
      await fresh();
      const id = await ask("counting", { to: 3 });
      await world.sweep();
      const [message] = world.queue;
      if (message === undefined) throw new Error("the sweep has not woken it");
      const life = await world.invoke([world.take(message)], { killAt, steps: 0, dead: false });
      await world.settle(20 * MINUTE);
      expect(await rowOf(id), `killed at ${killAt}`).toMatchObject({
        status: "completed",
        closed: true,
        shown: { n: 3 },
      });
      expect(new Set(tidied)).toEqual(new Set([id]));
      if (!life.dead) break;
    }
  }, 120_000);

  test("whose messages come many times at once has one turn at a time", async () => {
    await fresh();
    const id = await ask("counting", { to: 6 });
    await world.sweep();
    for (let round = 0; round < 20; round += 1) {
      for (const message of world.due()) {
        world.take(message);
        await Promise.all([1, 2, 3].map((copy) => world.invoke([{ ...message, id: `${message.id}-${copy}` }])));
      }
      world.pass(1_000);
      world.queue.splice(6);
    }
    await world.settle(20 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "completed", closed: true, shown: { n: 6 } });
    expect(begun).toHaveLength(3);
  });

  test("that nobody survives ends as failed, beside one that is well", async () => {
    await fresh();
    const [bad, good] = [await ask("poison"), await ask("counting", { to: 2 })];
    await world.settle(60 * MINUTE);
    expect(await rowOf(bad)).toMatchObject({ status: "failed", closed: true, error: { code: "job-gave-up" } });
    expect(await rowOf(good)).toMatchObject({ status: "completed" });
    expect(world.lines.filter(({ event, job }) => event === "job-turn-failed" && job === bad)).toHaveLength(8);
  });

  test("waits for what it needs for as long as that is away", async () => {
    await fresh();
    isAway = true;
    const id = await ask("dependent");
    await world.settle(10 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "running" });
    isAway = false;
    await world.settle(10 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "completed" });
  });

  test.each([
    ["breaks off", true, "release_job", { status: "running", attempts: 0, holder: null }],
    ["is done", false, "release_job", { status: "completed", closed: true, holder: null }],
    ["is done", false, "end_job", { status: "completed", closed: true, holder: null }],
  ])("whose turn %s (away: %s) has its end noted as soon as %s gets through again", async (_, away, name, row) => {
    await fresh();
    isAway = away;
    const id = await ask("dependent");
    await world.sweep();
    let tries = 0;
    world.state.fails = (text) =>
      text.includes(name) && ++tries < 4 ? new DatabaseUnavailable("its sessions were ended") : undefined;
    try {
      for (const message of world.due()) await world.invoke([world.take(message)]);
    } finally {
      world.state.fails = () => undefined;
      isAway = false;
    }
    expect([tries, world.lines.filter(({ event }) => event === "job-left")]).toEqual([4, []]);
    expect(await rowOf(id)).toMatchObject(row);
    // Woken by its own message: nobody sweeps.
    world.pass(2_000);
    for (const message of world.due()) await world.invoke([world.take(message)]);
    expect(await rowOf(id)).toMatchObject({ status: "completed" });
  });

  test("whose message gives up while the primary is away is no dead letter: the sweep finds it", async () => {
    await fresh();
    const id = await ask("counting", { to: 1 });
    await world.sweep();
    world.state.calls = 0;
    for (let round = 0; round < 10; round += 1) {
      for (const message of world.due()) await world.invoke([world.take(message)]);
      world.pass(16 * MINUTE);
    }
    expect(world.queue).toEqual([]);
    expect(world.lines.filter(({ event }) => event === "message-gave-up")).toEqual([]);
    world.state.calls = Number.POSITIVE_INFINITY;
    await world.mark(space);
    await world.settle(10 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "completed" });
  });

  test("that is cancelled takes no further step, and is tidied up after", async () => {
    await fresh();
    const id = await ask("counting", { to: 100 });
    await world.sweep();
    for (let i = 0; i < 3; i += 1) for (const message of world.due()) await world.invoke([world.take(message)]);
    await world.sql("select aside_job_cancel($1, $2::jsonb)", [
      space.uid,
      JSON.stringify({ job: id, kind: "counting", at: new Date(world.now()).toISOString() }),
    ]);
    const { shown } = await rowOf(id);
    await world.settle(20 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "cancelled", closed: true, shown });
    expect(tidied).toEqual([id]);
  });

  test("that is cancelled in the middle of a turn takes no further step in it", async () => {
    await fresh();
    const id = await ask("counting", { to: 100 });
    afterStep = async () => {
      afterStep = async () => undefined;
      await world.sql("select aside_job_cancel($1, $2::jsonb)", [
        space.uid,
        JSON.stringify({ job: id, kind: "counting", at: new Date(world.now()).toISOString() }),
      ]);
    };
    await world.settle(20 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "cancelled", closed: true, shown: { n: 1 } });
  });

  test("of a kind that this release does not know is left for the one that does", async () => {
    await fresh();
    const id = await ask("of-tomorrow");
    await world.settle(30 * MINUTE);
    expect(await rowOf(id)).toMatchObject({ status: "running", attempts: 0 });
  });
});

test("jobs of one lane run in the order in which they were asked for, others beside them", async () => {
  await fresh();
  const first = await ask("counting", { to: 9 }, "line");
  const second = await ask("counting", { to: 1 }, "line");
  const beside = await ask("counting", { to: 1 });
  await world.settle();
  for (const id of [first, second, beside]) expect(await rowOf(id)).toMatchObject({ status: "completed" });
  expect(begun.indexOf(second)).toBeGreaterThan(begun.lastIndexOf(first));
  expect(begun.indexOf(beside)).toBeLessThan(begun.lastIndexOf(first));
});

test("a message for a later job of a lane does not let it pass the earlier one", async () => {
  await fresh();
  const [first, second] = [await ask("counting", { to: 9 }, "line"), await ask("counting", { to: 1 }, "line")];
  const body = { ...space, kind: "counting", job: second };
  await world.invoke([{ queue: "work", id: "early", body, due: world.now(), attempts: 0 }]);
  expect(await rowOf(second)).toMatchObject({ status: "queued" });
  await world.settle();
  for (const id of [first, second]) expect(await rowOf(id)).toMatchObject({ status: "completed" });
});

test("a job that has begun goes on before one whose older id comes later", async () => {
  await fresh();
  const older = newId();
  const first = await ask("counting", { to: 9 }, "line");
  await world.sweep();
  for (const message of world.due()) await world.invoke([world.take(message)]);
  expect(await rowOf(first)).toMatchObject({ status: "running", shown: { n: 2 } });
  await ask("counting", { to: 1 }, "line", older);
  await world.settle();
  for (const id of [first, older]) expect(await rowOf(id)).toMatchObject({ status: "completed" });
  expect(begun.indexOf(older)).toBeGreaterThan(begun.lastIndexOf(first));
});

test("asked for again after its answer was lost, a job is the same one, also where no other would be begun", async () => {
  await fresh();
  const base = { kind: "counting", lane: null, plan: {}, shown: {}, actor: "key:x", most: 1, at: new Date(0) };
  const began = async (name: string, more: object): Promise<unknown> =>
    (
      await world.sql(`select ${name}($1, $2::jsonb) as answer`, [space.uid, JSON.stringify({ ...base, ...more })])
    )[0]?.["answer"];
  const job = newId();
  expect(await began("start_job", { job })).toEqual({});
  expect(await began("start_job", { job })).toEqual({});
  expect(await began("start_job", { job: newId() })).toMatchObject({ refused: "jobs-too-many" });
  // Both of its own space and of the whole shard there is one too many now.
  const file = { job: newId(), kind: "import", chunks: [[0, 1, 1, 1]], mostOfAll: 1_000_000 };
  expect(await began("aside_import", file)).toEqual({});
  expect(await began("aside_import", { ...file, mostOfAll: 1 })).toEqual({});
  expect(await began("aside_import", { ...file, job: newId(), mostOfAll: 1 })).toEqual({ refused: "backlog" });
  const check = { job: newId(), kind: "schema-check", type: "thing", revision: 0, document: {} };
  expect(await began("aside_schema_check", check)).toEqual({});
  expect(await began("aside_schema_check", check)).toEqual({});
  expect(await rowOf(check.job)).toMatchObject({ status: "queued" });
});

test("a job that ends while it is being cancelled is answered as it ended", async () => {
  await fresh();
  const id = await ask("counting", { to: 1 });
  const seen: unknown[] = [];
  const writer = {
    marks: { at: new Date(world.now()).toISOString() },
    async load([statement]: Parameters<Writer["load"]>[0]) {
      const { text, params } = renderSql(statement as never);
      const rows = await world.sql(text, [...params]);
      seen.push(rows[0]?.["status"]);
      // Behind the look at it, and before the call.
      await world.settle();
      return { ok: true, value: { rows: [rows] } };
    },
    async aside(_: string, effect: object, outcome: { view: unknown }) {
      const asked = JSON.stringify({ ...effect, at: new Date(world.now()).toISOString() });
      const [row] = await world.sql("select aside_job_cancel($1, $2::jsonb) as answer", [space.uid, asked]);
      const { refused } = (row?.["answer"] ?? {}) as { refused?: string };
      return refused === undefined ? { ok: true, value: outcome.view } : { ok: false, fault: { code: refused } };
    },
  };
  const scope = { space, data: { writer, jobs: { waker: { jobs: async () => undefined } } } };
  const done = await cancelJob(scope as unknown as Scope<never>, {
    ...{ kind: "counting", id },
    whyNot: async () => undefined,
  });
  expect(done).toMatchObject({ ok: true, value: { status: "completed", counted: 1 } });
  expect(seen).toEqual(["queued", "completed"]);
});

test("jobs that ended long ago are forgotten, however many they are", async () => {
  await fresh();
  await world.sql(
    `insert into jobs (space, id, kind, status, actor, plan, created_at, finished_at, due_at, closed)
       select $1, 'old' || n, 'counting', 'completed', 'key:x', '{}', now(), now() - interval '31 days', now(), true from generate_series(1, 50) n`,
    [space.uid],
  );
  const client = {
    call: (_: unknown, { text, params }: { text: string; params: unknown[] }) => world.sql(text, params),
  };
  const shard = { name: "own", residency: "us", primary: {}, readers: [] };
  const topology = { home: "own", shards: [shard] } as never;
  expect(await forgetExpired(topology, client as unknown as SqlClient, ["forget_jobs"])).toBeGreaterThanOrEqual(50);
  const left = await world.sql("select id from jobs where space = $1 and id like 'old%'", [space.uid]);
  expect(left).toEqual([]);
});
