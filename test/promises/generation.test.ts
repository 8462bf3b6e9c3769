// One draft or none, and never paid for more often than is written down, whatever the provider does and wherever an isolate dies: the real
// machinery on a database of its own, with a real provider over HTTP that does what it is told.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chatProvider } from "../../src/adapters/openai/chat-provider.ts";
import { shapeOf } from "../../src/contexts/authoring/authoring.ts";
import { millis } from "../../src/kernel/clock.ts";
import { jobId } from "../../src/platform/jobs/ask-job.ts";
import type { SpaceAddress } from "../../src/platform/relay/dirty-set.ts";
import { guard } from "../../src/platform/resilience/guard.ts";
import { openWorld, type World } from "../support/afterworld.ts";
import { stackHere } from "../support/here.ts";
import { wallClock } from "../support/isolates.ts";
import { DRAFT, openProvider, PROVIDER_KEY, type ScriptedProvider } from "../support/provider.ts";

const LOCALES = { locales: ["en", "fr"], defaultLocale: "en" };
const string = { type: "string" };
const DOCUMENT = {
  name: "Article",
  schema: {
    type: "object",
    required: ["title"],
    additionalProperties: false,
    properties: {
      title: { ...string, maxLength: 100, "x-localized": true },
      body: string,
      size: { type: "integer" },
      other: { ...string, "x-reference": "article" },
      anything: {},
    },
  },
};

let provider: ScriptedProvider;
let world: World;
let space: SpaceAddress;
beforeAll(async () => {
  provider = await openProvider();
  // A breaker that hardly opens: how it keeps others from a provider that is away has a test of its own.
  const asked = guard("provider", {
    timeout: millis(50_000),
    breakAfter: 1_000,
    halfOpenAfter: millis(1),
    bulkhead: 8,
    clock: wallClock,
  });
  const chat = chatProvider(
    { url: `${provider.url}/v1`, key: PROVIDER_KEY, model: "scripted", timeout: millis(1_500) },
    asked,
  );
  world = await openWorld(stackHere().postgres["us-primary"] as string, () => [], chat);
});
afterAll(async () => {
  await world?.end();
  await provider?.close();
});

async function fresh(): Promise<void> {
  space = await world.space();
  world.queue.length = 0;
  world.lines.length = 0;
  world.marks.clear();
  const shape = shapeOf("article", DOCUMENT, LOCALES, 1, undefined);
  await world.sql("update spaces set settings = $2::jsonb where space = $1", [space.uid, JSON.stringify(LOCALES)]);
  await world.sql(
    "insert into types (space, type, revision, position, document, shape, created_at, updated_at) values ($1, 'article', 1, 1, $2::jsonb, $3::jsonb, now(), now())",
    [space.uid, JSON.stringify(DOCUMENT), JSON.stringify(shape.ok && shape.value)],
  );
}

let briefs = 0;
interface Asked {
  readonly id: string;
  readonly brief: string;
}
async function ask(acts: string, locale = "en", queue = "generation"): Promise<Asked> {
  world.pass(1);
  briefs += 1;
  const brief = `${acts} #${briefs}`;
  const id = jobId(world.now(), crypto.getRandomValues(new Uint8Array(6)));
  const shown = { type: "article", locale, model: "scripted", entry: null };
  await world.sql("select start_job($1, $2::jsonb)", [
    space.uid,
    JSON.stringify({
      job: id,
      kind: "generation",
      plan: { type: "article", brief, locale },
      shown,
      actor: "key:x",
      at: new Date(world.now()).toISOString(),
    }),
  ]);
  await world.mark(space);
  world.queue.push({
    queue,
    id: `w${briefs}`,
    body: { ...space, kind: "generation", job: id },
    due: world.now(),
    attempts: 0,
  });
  return { id, brief };
}
// biome-ignore lint/suspicious/noExplicitAny: tests look into rows whose shape they assert
const rowOf = async (id: string): Promise<any> =>
  (await world.sql("select * from jobs where space = $1 and id = $2", [space.uid, id]))[0];
const drafts = async () =>
  await world.sql("select id, status, fields, created_by from entries where space = $1 order by id", [space.uid]);

async function outcome(acts: string, locale?: string) {
  await fresh();
  const { id, brief } = await ask(acts, locale);
  await world.settle(60 * 60_000);
  const job = await rowOf(id);
  return {
    id,
    job,
    asked: provider.asked(brief),
    drafts: await drafts(),
    end: `${job.status} ${job.error?.code ?? ""}`.trim(),
  };
}

describe("a draft comes of", () => {
  test("an answer that satisfies: it is nobody's but the job's, unpublished, with what it cost", async () => {
    const { id, job, asked, drafts: made, end } = await outcome("ok", "fr");
    expect(end).toBe("completed");
    expect(made).toEqual([
      {
        id: `gen-${id}`,
        status: "draft",
        fields: { title: { fr: DRAFT.title }, body: DRAFT.body },
        created_by: "system:generation",
      },
    ]);
    expect(job.shown).toMatchObject({
      entry: `gen-${id}`,
      usage: { requests: 1, promptTokens: 100, completionTokens: 20, totalTokens: 120 },
    });
    const [event] = await world.sql("select meta from events where space = $1 and stream = $2", [
      space.uid,
      `entry:gen-${id}`,
    ]);
    expect(event?.["meta"]).toMatchObject({ actor: "system:generation", requestId: `generation-${id}` });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.authorization).toBe(`Bearer ${PROVIDER_KEY}`);
    expect(asked[0]?.body).toMatchObject({ model: "scripted", response_format: { type: "json_schema" } });
    expect(JSON.stringify(asked[0]?.body)).not.toContain("x-reference");
  });

  test.each([
    ["a wrapped answer", "fenced", 1, 120],
    ["a slow one", "slow", 1, 120],
    ["a second attempt, when the first is no JSON", "text ok", 2, 240],
    ["… or was cut off", "cut ok", 2, 240],
    ["… or breaks the schema", "wrong ok", 2, 240],
    ["a provider that takes no schema", "schemaless", 2, 120],
    ["one that was in trouble", "500 500 ok", 3, 120],
    ["one that was busy", "429 ok", 2, 120],
    ["one that hung once", "hang ok", 2, 120],
    ["one that dripped once", "drip ok", 2, 120],
    ["one that broke off once", "reset ok", 2, 120],
  ])("%s", async (_, acts, requests, tokens) => {
    const { job, asked, drafts: made, end } = await outcome(acts);
    expect([end, made.length, asked.length, job.shown.usage.totalTokens]).toEqual(["completed", 1, requests, tokens]);
  });

  test("an answer that tries to be more than an answer: only the type's own fields are taken", async () => {
    const { drafts: made, end } = await outcome("polluted");
    expect([end, made[0]?.["fields"]]).toEqual(["completed", { title: { en: "clean" } }]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test("a message in the queue of all other jobs is sent on, and keeps none of them waiting", async () => {
  await fresh();
  const { id, brief } = await ask("ok", "en", "work");
  await world.invoke(world.due().map((message) => world.take(message)));
  expect(provider.asked(brief)).toHaveLength(0);
  expect(world.queue.map(({ queue, body }) => [queue, (body as { job: string }).job])).toEqual([["generation", id]]);
  await world.settle();
  expect([(await rowOf(id)).status, provider.asked(brief).length]).toEqual(["completed", 1]);
});

describe("no draft comes of, and no more is paid for", () => {
  test.each([
    ["two answers that do not satisfy", "wrong", "failed generation-invalid", 2],
    ["no JSON twice", "text", "failed generation-invalid", 2],
    ["something else than an object", "list", "failed generation-invalid", 2],
    ["nesting without end", "deep", "failed generation-invalid", 2],
    ["characters that cannot be stored", "nul", "failed generation-invalid", 2],
    ["characters that are cut in halves when they are quoted", "halves", "failed generation-invalid", 2],
    ["ten megabytes", "huge", "failed generation-invalid", 1],
    ["a page instead of an answer", "html", "failed generation-invalid", 1],
    ["an answer of another form", "strange", "failed generation-invalid", 1],
    ["a wrong key", "401", "failed generation-refused", 1],
    ["being sent elsewhere", "redirect", "failed generation-refused", 1],
    ["trouble again and again", "500", "failed generation-unavailable", 4],
    ["silence", "hang", "failed generation-unanswered", 2],
    ["drops without end", "drip", "failed generation-unanswered", 2],
  ])("%s", async (_, acts, expected, requests) => {
    const { asked, drafts: made, end } = await outcome(acts);
    expect([end, made.length, asked.length]).toEqual([expected, 0, requests]);
    expect(provider.asked("/elsewhere")).toEqual([]);
  });

  test("a type that is gone, or that changed so that the answer no longer satisfies", async () => {
    await fresh();
    const { id, brief } = await ask("ok");
    await world.sql("delete from types where space = $1", [space.uid]);
    await world.settle();
    expect([(await rowOf(id)).error.code, provider.asked(brief).length]).toEqual(["type-missing", 0]);
  });

  test("a job that was cancelled before or while the provider writes", async () => {
    await fresh();
    const { id, brief } = await ask("slow");
    const cancel = () =>
      world.sql("select aside_job_cancel($1, $2::jsonb)", [
        space.uid,
        JSON.stringify({ job: id, kind: "generation", at: new Date(world.now()).toISOString() }),
      ]);
    const running = world.invoke(world.due().map((message) => world.take(message)));
    while (provider.asked(brief).length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await cancel();
    await running;
    await world.settle();
    expect([(await rowOf(id)).status, await drafts()]).toEqual(["cancelled", []]);
  });
});

test("a draft that cannot be saved, for a reason that nobody foresaw, is given up after some attempts and paid for once", async () => {
  await fresh();
  await world.sql(`create or replace function poison() returns trigger language plpgsql as $$
    begin raise exception 'poison'; end $$`);
  await world.sql("create trigger poison before insert on entries for each row execute function poison()");
  const { id, brief } = await ask("ok");
  await world.settle(60 * 60_000);
  await world.sql("drop trigger poison on entries");
  const job = await rowOf(id);
  expect([job.status, job.error.code, provider.asked(brief).length]).toEqual(["failed", "job-gave-up", 1]);
  expect(job.shown.usage.totalTokens).toBe(120);
});

test("an entry of that id that somebody else wrote is not touched", async () => {
  await fresh();
  const { id } = await ask("ok");
  await world.write(space, `gen-${id}`);
  await world.settle();
  expect((await rowOf(id)).error.code).toBe("entry-exists");
  expect(await drafts()).toMatchObject([{ id: `gen-${id}`, fields: { n: 0 } }]);
});

test("wherever the consumer dies: one draft, and at most one request more", async () => {
  for (let n = 1; ; n += 1) {
    await fresh();
    const { id, brief } = await ask("ok");
    const life = { killAt: n, steps: 0, dead: false };
    await world.invoke(
      world.due().map((message) => world.take(message)),
      life,
    );
    await world.settle();
    const job = await rowOf(id);
    expect([n, job.status, (await drafts()).map((draft) => draft["id"])]).toEqual([n, "completed", [`gen-${id}`]]);
    expect(provider.asked(brief).length, `killed at ${n}`).toBeLessThanOrEqual(2);
    if (!life.dead) break;
  }
});

test("wherever it dies twice: no second draft, no third request", async () => {
  for (const [first, second] of [
    [4, 4],
    [4, 5],
    [5, 4],
    [6, 4],
    [6, 6],
    [8, 3],
  ] as const) {
    await fresh();
    const { brief } = await ask("ok");
    for (const killAt of [first, second]) {
      await world.invoke(
        world.due().map((message) => world.take(message)),
        { killAt, steps: 0, dead: false },
      );
      world.pass(90_000);
      if (world.due().length === 0) await world.sweep();
      world.pass(3_000);
    }
    await world.settle();
    expect((await drafts()).length).toBeLessThanOrEqual(1);
    expect(provider.asked(brief).length).toBeLessThanOrEqual(2);
  }
});

test("a provider that is away is not asked by everybody: the breaker opens, and jobs wait for it", async () => {
  const gone = guard("provider", {
    timeout: millis(1_000),
    breakAfter: 2,
    halfOpenAfter: millis(60_000),
    bulkhead: 8,
    clock: wallClock,
  });
  const chat = chatProvider({ url: `${provider.url}/v1`, key: "k", model: "m", timeout: millis(1_000) }, gone);
  const messages = [
    { role: "system", content: "" },
    { role: "user", content: "500 breaker" },
  ] as const;
  for (let n = 0; n < 2; n += 1)
    expect(await chat.complete({ messages, maxTokens: 1 })).toEqual({ is: "busy", status: 500 });
  await expect(chat.complete({ messages, maxTokens: 1 })).rejects.toMatchObject({ name: "Outage", reason: "open" });
  expect(provider.asked("500 breaker")).toHaveLength(2);
});
