// What is found about published text, over HTTP: on its own and with content, in time, for each locale, for nobody else's entries.
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { ask, makeSpace, PLACES, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { expectRefusal, headOf } from "../support/witness.ts";

const control = openControl(stackHere().control);
let space: Space;
let made = 0;

const string = { type: "string" };
const GOOD = { en: "A guide to the old town of Paris", fr: "Paris" };

beforeAll(async () => {
  space = await typed();
});

async function typed(): Promise<Space> {
  const one = insistent(await makeSpace());
  await one.must("PUT", "types/article", {
    body: {
      name: "Article",
      schema: {
        type: "object",
        properties: {
          title: { ...string, maxLength: 200, "x-localized": true },
          body: { ...string, "x-localized": true },
          author: { ...string, "x-reference": "article" },
        },
      },
    },
  });
  return one;
}
afterEach(() => control.restore());

async function publish(fields: object = { title: GOOD }, inside = space): Promise<string> {
  made += 1;
  const id = `a${made}`;
  await inside.must("POST", "entries", { body: { type: "article", id, fields, publish: true } });
  return id;
}
async function analysed(
  id: string,
  version = 1,
  path = "",
  inside = space,
): Promise<Awaited<ReturnType<Space["ask"]>>["body"]> {
  const read = () => inside.ask("GET", `entries/${id}/analysis${path}`);
  await until(`${id} is analysed`, async () => (await read()).body?.analysedVersion === version, 60_000);
  return (await read()).body;
}

// Each waits some seconds for what happens behind: together they wait once.
describe.concurrent("an analysis", () => {
  test("comes after publishing, says why, takes no position", async () => {
    const own = await typed();
    const id = await publish(undefined, own);
    const head = await headOf(own);
    const found = await analysed(id, 1, "", own);
    expect(found).toEqual({
      score: expect.any(Number),
      checks: expect.arrayContaining([{ id: "title-length", status: "good", score: 100, detail: expect.any(String) }]),
      analysedVersion: 1,
      locale: "en",
      analysedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    expect(await headOf(own)).toBe(head);
    const french = await analysed(id, 1, "?locale=fr", own);
    expect([french.locale, french.checks.find((each: { id: string }) => each.id === "title-length").status]).toEqual([
      "fr",
      "poor",
    ]);
  });

  test("is made anew with each version, goes with the publication, and comes again", async () => {
    const id = await publish({ title: { en: "Paris" } });
    const before = (await analysed(id)).score;
    // Whoever reads French is given English text, and what was found about it.
    expect((await analysed(id, 1, "?locale=fr")).locale).toBe("en");
    await space.must("PATCH", `entries/${id}`, {
      body: { fields: { title: GOOD } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    await space.must("POST", `entries/${id}/publish`);
    expect((await analysed(id, 2)).score).toBeGreaterThan(before);
    expect((await analysed(id, 2, "?locale=fr")).locale).toBe("fr");
    await space.must("POST", `entries/${id}/unpublish`);
    const gone = () => space.ask("GET", `entries/${id}/analysis`);
    await until("it is gone", async () => (await gone()).status === 404, 60_000);
    expectRefusal(await gone(), 404, "analysis-missing");
    await space.must("POST", `entries/${id}/publish`);
    await analysed(id, 2);
    await space.must("DELETE", `entries/${id}`);
    expectRefusal(await gone(), 404, "entry-missing");
  });

  test("of drafts, strangers, other spaces and odd questions there is none", async () => {
    await space.must("POST", "entries", { body: { type: "article", id: "draft", fields: { title: GOOD } } });
    expectRefusal(await space.ask("GET", "entries/draft/analysis"), 404, "analysis-missing");
    expectRefusal(await space.ask("GET", "entries/nothing/analysis"), 404, "entry-missing");
    const id = await publish();
    await analysed(id);
    expectRefusal(await space.ask("GET", `entries/${id}/analysis?locale=de`), 400, "invalid-parameter");
    const reader = await space.keyWith(["content:read"]);
    expectRefusal(await space.ask("GET", `entries/${id}/analysis`, { key: reader }), 403, "scope-missing");
    const other = await makeSpace();
    expectRefusal(await other.ask("GET", `entries/${id}/analysis`), 404, "entry-missing");
  });

  test("of hostile text comes as well, and of what follows it", async () => {
    const hostile = await publish({
      title: { en: "\u202e".repeat(200) },
      body: { en: "> ".repeat(60_000), fr: "a\n=\n".repeat(30_000) },
    });
    const next = await publish();
    expect((await analysed(hostile)).checks.map((each: { id: string }) => each.id)).toContain("coverage");
    await analysed(next);
  });
});

describe("with content", () => {
  const path = (rest: string) => `/v1/spaces/${space.id}/${rest}`;

  test("one, many, drafts and entries have it beside their members; who does not ask has not", async () => {
    const author = await publish();
    const id = await publish({ title: GOOD, author });
    const found = await analysed(id);
    const { body } = await ask("GET", path(`content/article/${id}?include=@analysis,author`));
    expect(body.analysis).toEqual(found);
    expect(Object.keys(body.included)).toEqual([author]);
    expect(body.included[author]).not.toHaveProperty("analysis");
    await analysed(author);
    const lists = [
      ["content/article?include=@analysis&limit=1000", undefined],
      ["content/article?include=@analysis&perspective=draft&limit=1000", space.key],
      ["entries?type=article&include=author,@analysis&limit=1000", space.key],
    ] as const;
    for (const [list, key] of lists) {
      const listed = await ask("GET", path(list), key === undefined ? {} : { key });
      expect(listed.status, listed.text).toBe(200);
      expect(listed.body.data.find((each: { id: string }) => each.id === id).analysis).toEqual(found);
    }
    const drafts = await space.must("GET", "content/article?include=@analysis&perspective=draft&limit=1000");
    expect(drafts.body.data.find((each: { id: string }) => each.id === "draft").analysis).toBeNull();
    const french = await ask("GET", path(`content/article/${id}?include=@analysis&locale=fr`));
    expect(french.body.analysis.locale).toBe("fr");
    expect((await ask("GET", path(`content/article/${id}`))).body).not.toHaveProperty("analysis");
    expectRefusal(await ask("GET", path(`content/article/${id}?include=author.@analysis`)), 400, "invalid-parameter");
  });

  test("it costs no statement more, is kept at the edge, and by no client unasked", async () => {
    const id = await publish();
    await analysed(id);
    await publish();
    const questions = [
      [`content/article/${id}?include=@analysis`, 1],
      [`content/article/${id}?include=@analysis,author`, 2],
      ["content/article?include=@analysis,author.author&limit=2", 3],
    ] as const;
    for (const [question, statements] of questions) {
      // Asked for the first time: by names that nobody has used.
      await ask("GET", path(`content/article/${id}`), { cf: PLACES.iad });
      await control.resetCounters();
      const answer = await ask("GET", path(question), { cf: PLACES.iad });
      const { postgres } = await control.countersByCaller();
      expect(answer.status, answer.text).toBe(200);
      const sent = Object.values(postgres).flatMap(({ request }) => (request === undefined ? [] : [request]));
      expect(sent.map((one) => one.statements)).toEqual([statements]);
      expect(answer.headers.get("cache-control")).toBe("public, no-cache");
      const again = await ask("GET", path(question), { cf: PLACES.iad });
      expect(again.headers.get("cache-status")).toMatch(/^Meridian; hit; ttl=[1-6]?\d$/);
    }
    const first = await ask("GET", path("content/article?include=@analysis&limit=1"));
    const next = await ask("GET", first.headers.get("link")?.match(/<(.*)>/)?.[1] ?? "");
    expect(next.body.data[0]).toHaveProperty("analysis");
    expect(next.headers.get("cache-control")).toBe("public, no-cache");
  });
});
