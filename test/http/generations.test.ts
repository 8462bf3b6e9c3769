// Drafts that a provider writes, over HTTP: asked for, followed, listed, cancelled; how often, by whom, and what for.
import { beforeAll, describe, expect, test } from "vitest";
import { makeSpace, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { type InsistentSpace, insistent } from "../support/insist.ts";
import { DRAFT } from "../support/provider.ts";
import { expectRefusal, headOf } from "../support/witness.ts";

let space: InsistentSpace;
let briefs = 0;
const string = { type: "string" };

beforeAll(async () => {
  space = await made();
});

/** On a busy machine the counter may be too slow for a moment, and then nothing is begun. */
async function made(): Promise<InsistentSpace> {
  const one = insistent(await makeSpace());
  for (const [type, required] of [
    ["article", ["title"]],
    ["bound", ["title", "other"]],
  ] as const)
    await one.must("PUT", `types/${type}`, {
      body: {
        name: type,
        schema: {
          type: "object",
          required,
          properties: {
            title: { ...string, maxLength: 100, "x-localized": true },
            body: string,
            other: { ...string, "x-reference": "article" },
          },
        },
      },
    });
  return one;
}

const briefOf = (acts: string): string => {
  briefs += 1;
  return `${acts} ${process.pid}.${briefs}`;
};
const provider = (path: string, method = "GET") => fetch(`${stackHere().provider}${path}`, { method });
async function askedOf(brief: string): Promise<number> {
  const asked = (await (await provider(`/asked?brief=${encodeURIComponent(brief)}`)).json()) as unknown[];
  return asked.length;
}
const hangs = (brief: string) => until("the provider hangs", async () => (await askedOf(brief)) > 0, 60_000);
const release = () => provider("/release", "POST");
const generate = (acts: string, more: object = {}, headers: Record<string, string> = {}) =>
  space.ask("POST", "generations", { body: { type: "article", brief: briefOf(acts), ...more }, headers });
async function ended(id: string) {
  const read = async () => (await space.must("GET", `generations/${id}`)).body;
  await until("the job has ended", async () => !["queued", "running"].includes((await read()).status), 120_000);
  return await read();
}

describe("a generation", () => {
  test("is a job that ends with a draft; it takes no position, the draft does", async () => {
    const before = await headOf(space);
    const answer = await generate("ok", { locale: "fr" });
    expect([answer.status, answer.position]).toEqual([202, before]);
    expect(answer.headers.get("location")).toBe(`/v1/spaces/${space.id}/generations/${answer.body.id}`);
    expect(answer.headers.get("ratelimit-policy")).toBe('"generate";q=10;w=60');
    expect(answer.body).toMatchObject({
      kind: "generation",
      status: "queued",
      type: "article",
      locale: "fr",
      entry: null,
    });
    const job = await ended(answer.body.id);
    expect(job).toMatchObject({ status: "completed", usage: { requests: 1, totalTokens: 120 }, model: "scripted" });
    const entry = await space.must("GET", `entries/${job.entry}`);
    expect(entry.body).toMatchObject({
      status: "draft",
      fields: { title: { fr: DRAFT.title }, body: DRAFT.body },
      createdBy: "system:generation",
    });
    expect(await headOf(space)).toBe(before + 1);
    const listed = await space.must("GET", "generations?limit=1");
    expect(listed.body.data).toEqual([job]);
  });

  test("that the provider breaks off or answers wrongly says so", async () => {
    const jobs = await Promise.all(["wrong", "huge", "redirect"].map((acts) => generate(acts)));
    const brief = briefOf("hang ok");
    jobs.push(await generate("", { brief }));
    await hangs(brief);
    await release();
    const ends = await Promise.all(jobs.map(({ body }) => ended(body.id)));
    expect(ends.map(({ status, error }) => [status, error?.code])).toEqual([
      ["failed", "generation-invalid"],
      ["failed", "generation-invalid"],
      ["failed", "generation-refused"],
      ["completed", undefined],
    ]);
    expect(ends[0].error.errors[0].detail).toContain("/fields/title");
    expect(await askedOf("/elsewhere")).toBe(0);
  });

  test("is cancelled, and ends", async () => {
    const brief = briefOf("hang");
    const { body } = await generate("", { brief });
    await hangs(brief);
    const cancelled = await space.must("POST", `generations/${body.id}/cancel`);
    expect(cancelled.body.status).toBe("cancelled");
    await release();
    expect((await ended(body.id)).status).toBe("cancelled");
    expectRefusal(await space.ask("GET", `generations/${"0".repeat(24)}`), 404, "job-missing");
  });

  test("is refused before anybody is paid", async () => {
    space = await made();
    expectRefusal(await generate("ok", { type: "nothing" }), 422, "type-unknown");
    expectRefusal(await generate("ok", { type: "bound" }), 422, "type-not-draftable");
    expectRefusal(await generate("ok", { locale: "de" }), 422, "invalid-value");
    expectRefusal(await generate("ok", { brief: "" }), 422, "invalid-value");
    expectRefusal(await generate("ok", { brief: "x".repeat(4_001) }), 422, "invalid-value");
    const key = await space.keyWith(["content:read", "content:preview"]);
    expectRefusal(
      await space.ask("POST", "generations", { body: { type: "article", brief: "ok" }, key }),
      403,
      "scope-missing",
    );
  });

  test("repeated under one key is one job", async () => {
    const body = { type: "article", brief: briefOf("ok") };
    const headers = { "idempotency-key": "one-generation" };
    const [one, two] = [
      await space.ask("POST", "generations", { body, headers }),
      await space.ask("POST", "generations", { body, headers }),
    ];
    expect([two.text, two.headers.get("idempotency-replayed")]).toEqual([one.text, "true"]);
    await ended(one.body.id);
    expect(await askedOf(body.brief)).toBe(1);
  });
});

test("a provider that hangs holds up other generations, and nobody else: imports of that space and of others go through", async () => {
  const spaces = [await made(), await made()];
  const briefs: string[] = [];
  const drafts = await Promise.all(
    spaces.flatMap((one) =>
      Array.from({ length: 6 }, async () => {
        const brief = briefOf("hang");
        briefs.push(brief);
        const { body } = await one.must("POST", "generations", { body: { type: "article", brief } });
        return { one, path: `generations/${body.id}` };
      }),
    ),
  );
  const read = () => Promise.all(drafts.map(async ({ one, path }) => (await one.must("GET", path)).body));
  const asked = async (): Promise<number> => (await Promise.all(briefs.map(askedOf))).reduce((sum, n) => sum + n, 0);
  try {
    await until("the provider hangs", async () => (await asked()) > 0, 60_000);
    for (const one of spaces) {
      const raw = `${JSON.stringify({ type: "article", id: "imported", fields: { title: { en: "x" } }, publish: true })}\n`;
      const headers = { "content-type": "application/x-ndjson" };
      const path = `imports/${(await one.must("POST", "imports", { raw, headers })).body.id}`;
      await until("it is imported", async () => (await one.must("GET", path)).body.status === "completed");
      await one.must("GET", "entries/imported");
    }
    // All that while nobody was answered.
    const views = await read();
    expect(views.map(({ usage }) => usage.requests)).toEqual(Array(12).fill(0));
    expect(views.filter(({ status }) => status === "running").length).toBeGreaterThan(0);
    expect(new Set(views.map(({ status }) => status))).not.toContain("failed");
  } finally {
    await Promise.all(drafts.map(({ one, path }) => one.must("POST", `${path}/cancel`)));
    await release();
  }
});

test("ten a minute, exactly; while nobody can count, none", async () => {
  space = await made();
  const control = openControl(stackHere().control);
  // One window holds all of them.
  if (60_000 - (Date.now() % 60_000) < 20_000)
    await until("a window begins", async () => Date.now() % 60_000 < 5_000, 60_000);
  const answers = await Promise.all(Array.from({ length: 14 }, () => generate("ok", { type: "nothing" })));
  const admitted = answers.filter(({ status }) => status === 422).length;
  expect(answers.filter(({ status }) => status === 429).length).toBe(14 - admitted);
  // On a busy machine the counter's answer may come too late. Then nothing is begun, what was counted stays so, and it is asked again.
  const again = answers.reduce((sum, { tried }) => sum + tried.length - 1, 0);
  expect(admitted).toBeLessThanOrEqual(10);
  expect(admitted).toBeGreaterThanOrEqual(10 - again);
  const other = await makeSpace();
  try {
    await control.fault("redis", { mode: "down" });
    const closed = await other.ask("POST", "generations", { body: { type: "article", brief: "ok" } });
    expect([closed.status, closed.body.code, closed.headers.get("retry-after")]).toEqual([503, "overloaded", "5"]);
  } finally {
    await control.restore();
  }
});
