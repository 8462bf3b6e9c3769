// What is found about a text: which fields are looked at, what each check says, and that no text however made keeps anybody busy.
import { describe, expect, test } from "vitest";
import { readMarkdown } from "../../src/adapters/markdown/read-markdown.ts";
import { english } from "../../src/adapters/readability/english.ts";
import { rolesOf } from "../../src/contexts/insight/domain/passages.ts";
import { SLICE, slicesOf } from "../../src/contexts/insight/domain/slices.ts";
import { type Analysed, analyse, followPublications, MOST_CHARACTERS } from "../../src/contexts/insight/insight.ts";
import { instant } from "../../src/kernel/clock.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";
import { ok } from "../../src/kernel/result.ts";

const string = { type: "string" };
const ARTICLE: JsonObject = {
  type: "object",
  properties: {
    title: { ...string, maxLength: 200, "x-localized": true },
    description: { ...string, "x-localized": true },
    body: { ...string, "x-localized": true },
    keywords: { type: "array", items: string },
  },
};

let pauses = 0;
const pause = async (): Promise<void> => {
  pauses += 1;
};
const parts = { readMarkdown, english, pause };
async function all(fields: JsonObject, schema = ARTICLE): Promise<readonly Analysed[]> {
  return (await analyse(parts, { schema, fields, locales: ["en", "fr"], defaultLocale: "en" })).analyses;
}
async function one(fields: JsonObject, schema = ARTICLE): Promise<Analysed> {
  return (await all(fields, schema))[0]!;
}
async function check(id: string, fields: JsonObject, schema = ARTICLE) {
  const found = (await one(fields, schema)).checks.find((each) => each.id === id);
  return `${found?.status}${found?.score === undefined ? "" : ` ${found.score}`}`;
}
const en = (text: string): JsonObject => ({ en: text });

describe("which fields are looked at", () => {
  test("by name and limit; references, formats and fixed values are no text", () => {
    const schema = {
      type: "object",
      properties: {
        Headline: { ...string, maxLength: 80 },
        meta_description: string,
        intro: { type: ["string", "null"], maxLength: 500 },
        text: string,
        code: { ...string, maxLength: 20 },
        website: { ...string, format: "uri" },
        colour: { ...string, enum: ["red"] },
        author: { ...string, "x-reference": "person" },
        tags: { type: "array", items: string },
        size: { type: "integer" },
        anything: {},
      },
    };
    const { title, description, bodies, keywords } = rolesOf(schema);
    expect([title, description, bodies, keywords]).toEqual(["Headline", "meta_description", ["intro", "text"], "tags"]);
  });

  test.each<{ schema: object }>([
    { schema: {} },
    { schema: { properties: null } },
    { schema: { properties: { constructor: string } } },
    { schema: { properties: { title: true } } },
  ])("a schema that says little: %j", async ({ schema }) => {
    expect((await one({}, schema as JsonObject)).checks.length).toBeGreaterThan(0);
  });

  test("a type without text has no score", async () => {
    expect((await one({ size: 1 }, { properties: { size: { type: "integer" } } })).score).toBeNull();
  });
});

describe("what is found", () => {
  const PLAIN = "The cat sat on the mat. It was warm there. The dog came in and lay down. ";
  const HARD =
    "Institutional interoperability notwithstanding, multidimensional organisational methodologies necessitate extraordinarily comprehensive instrumentation. ";

  test.each([
    ["title-length", { title: en("A guide to the old town of Paris") }, "good 100"],
    ["title-length", { title: en("Paris, a guide") }, "fair 50"],
    ["title-length", { title: en("Paris") }, "poor 0"],
    ["title-length", {}, "poor 0"],
    ["title-length", { title: en("👨‍👩‍👧‍👦".repeat(30)) }, "good 100"],
    ["description-length", { description: en("x".repeat(100)) }, "good 100"],
    ["description-length", { description: en("x".repeat(300)) }, "poor 0"],
    ["body-length", { body: en(PLAIN.repeat(20)) }, "good 100"],
    ["body-length", { body: en(PLAIN) }, "poor 0"],
    ["headings", { body: en(`# One\n\n${PLAIN}\n\n## Two\n\n${PLAIN}`) }, "good 100"],
    ["headings", { body: en(`## One\n\n#### Two\n\n${PLAIN}`) }, "fair 50"],
    ["headings", { body: en(PLAIN.repeat(40)) }, "poor 0"],
    ["headings", { body: en(PLAIN) }, "skipped"],
    ["headings", { body: en(`\`\`\`\n# no heading\n\`\`\`\n\n${PLAIN}`) }, "skipped"],
    ["readability", { body: en(PLAIN.repeat(5)) }, "good 100"],
    ["readability", { body: en(HARD.repeat(5)) }, "poor 0"],
    ["sentence-length", { body: en(PLAIN) }, "good 100"],
    ["sentence-length", { body: en(`${"word ".repeat(40)}. `.repeat(3)) }, "poor 0"],
    ["links", { body: en(`${PLAIN} [the story](https://a.example/)`) }, "good 100"],
    ["links", { body: en(`${PLAIN} [](https://a.example/)`) }, "poor 0"],
    ["links", { body: en(`${PLAIN} [![the story](b.png)](https://a.example/)`) }, "good 100"],
    ["links", { body: en(PLAIN.repeat(20)) }, "fair 50"],
    ["image-alternatives", { body: en("![a cat](a.png) ![](b.png)") }, "fair 50"],
    ["image-alternatives", { body: en(PLAIN) }, "skipped"],
    ["keyword-use", { title: en("The cat"), description: en("a cat"), body: en(PLAIN), keywords: ["Cat"] }, "good 100"],
    ["keyword-use", { title: en("The cat"), body: en(PLAIN), keywords: ["zebra", "cat"] }, "poor 33"],
    [
      "keyword-use",
      { title: en("cat"), description: en("cat"), body: en("cat ".repeat(50)), keywords: ["cat"] },
      "fair 50",
    ],
    ["keyword-use", { title: en("x") }, "skipped"],
    ["hidden-characters", { title: en("live\u202Elive") }, "poor 0"],
    ["hidden-characters", { title: en("live") }, "good"],
    ["body-length", { body: en(`<div>\n${PLAIN}\n</div>`) }, "skipped"],
  ] as readonly (readonly [string, JsonObject, string])[])("%s of %j", async (id, fields, expected) => {
    expect(await check(id, fields)).toBe(expected);
  });

  test("the score is the mean of what counts, by weight", async () => {
    const { score, checks } = await one(
      { title: en("A guide to the old town of Paris") },
      { properties: { title: { ...string, maxLength: 200, "x-localized": true } } },
    );
    expect([score, checks.filter(({ score: each }) => each !== undefined).map(({ id }) => id)]).toEqual([
      100,
      ["title-length"],
    ]);
    expect((await one({ title: en("A guide to the old town of Paris"), description: en("short") })).score).toBe(33);
  });

  test("no detail holds a word of the text", async () => {
    const secret = "Zanzibarine";
    const text = JSON.stringify(
      await one({ title: en(secret), description: en(secret), body: en(`# ${secret}`), keywords: [secret] }),
    );
    expect(text).not.toMatch(/zanzibarine/i);
  });
});

describe("locales", () => {
  test("the default one always, others that have text of their own; formulas only where they hold", async () => {
    const body = { en: "The cat sat on the mat.", fr: "Le chat est là." };
    const found = await all({ title: { en: "A guide to the old town of Paris", de: "nicht hier" }, body });
    expect(found.map(({ locale }) => locale)).toEqual(["en", "fr"]);
    const [english, french] = found.map(({ checks }) => checks.find(({ id }) => id === "readability"));
    expect(english?.status).toBe("good");
    expect([french?.status, french?.detail]).toEqual(["skipped", expect.stringContaining('"fr"')]);
    expect((await all({ title: { en: "x", fr: "" } })).map(({ locale }) => locale)).toEqual(["en"]);
  });

  test("text that readers of a locale are given from the default one is not measured as theirs", async () => {
    const [, french] = await all({ title: { fr: "Un guide" }, body: { en: "The cat sat on the mat." } });
    expect(french?.checks.find(({ id }) => id === "readability")?.status).toBe("good");
    expect(french?.locale).toBe("fr");
  });
});

describe("slices", () => {
  test("hold all of the text in order, none too large, none cutting a character", () => {
    for (const text of [
      "",
      "a",
      "a".repeat(10_000),
      "😀".repeat(5_000),
      `x${"😀".repeat(5_000)}`,
      "word ".repeat(3_000),
      "line\n\n".repeat(3_000),
    ]) {
      const { slices, cut } = slicesOf(text, 1e9);
      expect([slices.join("") === text, cut]).toEqual([true, false]);
      expect(slices.every((slice) => slice.length > 0 && slice.length <= SLICE && slice.isWellFormed())).toBe(true);
    }
  });

  test("no more than is asked for", () => {
    for (const most of [0, -5, 1, 1_501, 3_001]) {
      const { slices, cut } = slicesOf("😀".repeat(5_000), most);
      expect(cut).toBe(true);
      expect(slices.join("").length).toBeLessThanOrEqual(Math.max(0, most));
      expect(slices.join("").length).toBeGreaterThanOrEqual(Math.max(0, most - 1));
    }
  });
});

const LARGE = 512 * 1024;
const rep = (text: string): string => text.repeat(Math.ceil(LARGE / text.length)).slice(0, LARGE);

// Each takes minutes when it is read as one: square or worse in its length.
test.each([
  ["quotes", ">".repeat(LARGE)],
  ["nested lists", rep("- ")],
  ["emphasis", "*a ".repeat(LARGE / 6) + " a*".repeat(LARGE / 6)],
  ["underlined headings", rep("a\n=\n")],
  ["links in links", rep("[a](<b")],
  ["brackets", "[".repeat(LARGE)],
  ["HTML", rep("<!-- <a ")],
  ["no space at all", "a".repeat(LARGE)],
  ["turned around", "\u202e".repeat(LARGE)],
  ["emoji", rep("👨‍👩‍👧‍👦")],
  ["nothing but lines", "\n".repeat(LARGE)],
])("hostile text is looked at in slices, and only its beginning: %s", async (_, body) => {
  pauses = 0;
  const { score, checks } = await one({
    title: en(body),
    description: en(body),
    body: en(body),
    keywords: [body, body],
  });
  expect(score).not.toBeNull();
  expect(checks.length).toBeLessThan(20);
  expect(JSON.stringify(checks).length).toBeLessThan(4_000);
  expect(pauses).toBeGreaterThanOrEqual(MOST_CHARACTERS / SLICE - 1);
  expect(pauses).toBeLessThanOrEqual((4 * MOST_CHARACTERS) / SLICE);
});

test("many short bodies in many locales are no more slices than a long one", async () => {
  const names = Array.from({ length: 200 }, (_, i) => `text${i}`);
  const locales = Array.from({ length: 20 }, (_, i) => `x${String.fromCharCode(97 + i)}`);
  const schema = {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name, { ...string, "x-localized": true }])),
  };
  const text = Object.fromEntries(locales.map((locale) => [locale, "Short words. "]));
  const fields = Object.fromEntries(names.map((name) => [name, text]));
  pauses = 0;
  const { analyses, spent } = await analyse(parts, { schema, fields, locales, defaultLocale: "xa" });
  expect(analyses).toHaveLength(20);
  expect(pauses).toBeLessThanOrEqual(120);
  expect(spent).toBeGreaterThan(pauses * 300);
});

describe("a batch of events", () => {
  const clock = { now: () => instant(0) };
  const published = (id: number) => ({ position: position(id), stream: `entry:e${id}`, type: "EntryPublished" });
  const follower = (text: string) => {
    const read = async () =>
      ok({
        rows: [
          [{ locales: ["en"], default_locale: "en" }],
          [{ type: "note", schema: ARTICLE }],
          Array.from({ length: 10 }, (_, i) => ({
            id: `e${i + 1}`,
            type: "note",
            version: 1,
            from_pos: i + 1,
            fields: { body: en(text) },
          })),
        ],
        position: position(10),
        source: "primary",
      });
    return followPublications({ ...parts, clock, readerOf: () => ({ read }) as never });
  };

  test.each([
    ["x ".repeat(10_000), 3],
    ["*a_".repeat(20_000), 1],
    ["short", undefined],
  ])("is taken in as far as it costs no more than it may: %.6s…", async (text, upTo) => {
    const one = follower(text);
    const events = Array.from({ length: 10 }, (_, i) => published(i + 1)) as never;
    const prepared = await one.prepare({ uid: 1, epoch: 1, residency: "us" } as never, events);
    if (!prepared.ok || prepared.value === undefined) throw new Error("it refused");
    expect(one.reach?.(prepared.value)).toBe(upTo);
    expect((prepared.value["entries"] as readonly unknown[]).length).toBe(upTo ?? 10);
  });
});
