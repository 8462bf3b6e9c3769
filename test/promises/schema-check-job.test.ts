// The job that checks a schema: whatever dies in it, the type is saved once, when nothing breaks it; and whoever does not know of it cannot write.
import { afterAll, beforeAll, expect, test } from "vitest";
import { shapeOf } from "../../src/contexts/authoring/authoring.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { jobId } from "../../src/platform/jobs/ask-job.ts";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";

const MINUTE = 60_000;
let world: World;
let space: SpaceAddress;

beforeAll(async () => {
  world = await openWorld(stackHere().postgres["us-primary"] as string);
});
afterAll(() => world?.end());

const documentOf = (n: JsonObject) => ({
  ...{ name: "note", indexes: [], requireIfMatch: false },
  schema: { type: "object", properties: { n } },
});

/** A space with a type and some entries, whose `n` is 0. */
async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.marks.clear();
  world.state.calls = Number.POSITIVE_INFINITY;
  const document = documentOf({ type: "number" });
  const shape = shapeOf("note", document, { locales: ["en"], defaultLocale: "en" }, 1, undefined);
  if (!shape.ok) throw new Error(shape.fault.detail);
  const kept = shape.value as unknown as JsonObject;
  const data = { document, shape: kept };
  await world.commit(space, {
    streams: [{ i: 0, id: "type:note", x: 0, n: 1 }],
    events: [{ n: 1, stream: "type:note", version: 1, type: "TypeSaved", schema: 1, data, tags: [] }],
    types: [{ type: "note", n: 1, revision: 1, document, shape: kept }],
    moved: { schema: 1 },
  });
  for (const id of ["a", "b", "c"]) await world.write(space, id, "publish");
}

async function ask(n: JsonObject): Promise<string> {
  world.pass(1);
  const job = jobId(world.now(), crypto.getRandomValues(new Uint8Array(6)));
  const payload = {
    ...{ job, kind: "schema-check", of: "note", actor: "key:x", at: new Date(world.now()).toISOString() },
    ...{ plan: { type: "note", revision: 1 }, shown: { type: "note", checked: 0, position: null } },
    ...{ type: "note", revision: 1, document: documentOf(n) },
  };
  const [row] = await world.sql("select aside_schema_check($1, $2::jsonb) as answer", [
    space.uid,
    JSON.stringify(payload),
  ]);
  expect(row?.["answer"]).toEqual({});
  await world.mark(space);
  return job;
}
async function jobOf(id: string) {
  const [row] = await world.sql("select * from jobs where space = $1 and id = $2", [space.uid, id]);
  // biome-ignore lint/suspicious/noExplicitAny: a row whose members the test asserts
  return row as any;
}
async function typeOf() {
  const [row] = await world.sql("select revision, pending, document from types where space = $1", [space.uid]);
  // biome-ignore lint/suspicious/noExplicitAny: a row whose members the test asserts
  return row as any;
}

test("the consumer dies at every step: the type is saved once", async () => {
  for (let killAt = 1; ; killAt += 1) {
    await fresh();
    const job = await ask({ type: "number", minimum: 0 });
    await world.sweep();
    const [message] = world.due();
    if (message === undefined) throw new Error("the sweep has not woken it");
    const life = await world.invoke([world.take(message)], { killAt, steps: 0, dead: false });
    await world.settle(30 * MINUTE);
    expect(await jobOf(job), `killed at ${killAt}`).toMatchObject({
      status: "completed",
      closed: true,
      shown: { checked: 3 },
    });
    expect(await typeOf()).toMatchObject({
      revision: 2,
      pending: null,
      document: documentOf({ type: "number", minimum: 0 }),
    });
    if (!life.dead) break;
  }
}, 60_000);

test("entries that break it are named, drafts and published versions, and the type stays as it is", async () => {
  await fresh();
  const job = await ask({ type: "number", minimum: 1 });
  await world.settle();
  const { status, error } = await jobOf(job);
  expect([status, error.code, error.errors.length]).toEqual(["failed", "schema-conflict", 3]);
  expect(error.errors[0].detail).toContain('"a"');
  expect(await typeOf()).toMatchObject({ revision: 1, pending: null });
});

test("until it has ended, whoever writes without knowing of it is sent back, and a second one is not begun", async () => {
  await fresh();
  const job = await ask({ type: "number", minimum: 0 });
  await expect(world.write(space, "d", "publish")).rejects.toThrow("knowledge-outdated");
  await expect(world.write(space, "a", "update")).rejects.toThrow("knowledge-outdated");
  // What readers are not given any more breaks nothing.
  await world.write(space, "b", "unpublish");
  await expect(ask({ type: "number" })).rejects.toThrow();
  await world.settle();
  expect((await jobOf(job)).status).toBe("completed");
  await world.write(space, "d", "publish");
});

test("the primary goes away at every one of its calls, and comes back", async () => {
  for (let calls = 1; calls < 6; calls += 1) {
    await fresh();
    const job = await ask({ type: "number", minimum: 0 });
    await world.sweep();
    world.state.calls = calls;
    await world.settle(3 * MINUTE);
    world.state.calls = Number.POSITIVE_INFINITY;
    await world.mark(space);
    await world.settle(30 * MINUTE);
    expect(await jobOf(job), `away after ${calls} calls`).toMatchObject({ status: "completed", closed: true });
    expect(await typeOf()).toMatchObject({ revision: 2, pending: null });
  }
}, 60_000);

test("cancelled, nobody has to obey it any more", async () => {
  await fresh();
  const job = await ask({ type: "number", minimum: 0 });
  await world.sql("select aside_job_cancel($1, $2::jsonb)", [
    space.uid,
    JSON.stringify({ job, kind: "schema-check", at: new Date(world.now()).toISOString() }),
  ]);
  await world.settle();
  expect(await jobOf(job)).toMatchObject({ status: "cancelled", closed: true });
  expect(await typeOf()).toMatchObject({ revision: 1, pending: null });
  await world.write(space, "d", "publish");
});
