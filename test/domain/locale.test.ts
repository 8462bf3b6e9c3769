// Locales: which value is shown, which targets are included, and how both fall back field by field.
import { describe, expect, test } from "vitest";
import { type Document, referencesOf, showContent, showEntry } from "../../src/contexts/delivery/document.ts";
import { planInclude } from "../../src/contexts/delivery/include.ts";
import { includedOf } from "../../src/contexts/delivery/included.ts";
import { valueAt } from "../../src/contexts/delivery/locale.ts";
import type { View } from "../../src/contexts/delivery/query.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { citySearch, country } from "../support/delivery-shapes.ts";

const field = (name: string, shape = citySearch) => shape.fields.find((each) => each.name === name)!;
const view = (more: Partial<View> = {}): View => ({
  shape: country,
  drafts: false,
  locale: "en",
  defaultLocale: "en",
  steps: [],
  ...more,
});
const document = (id: string, type: string, fields: JsonObject): Document => ({
  id,
  type,
  slug: null,
  version: 1,
  fields,
  createdAt: "c",
  updatedAt: "u",
  publishedAt: "p",
});

describe("a value", () => {
  test.each([
    [{ name: { en: "Rome", fr: "Rome (fr)" } }, "fr", "Rome (fr)"],
    [{ name: { en: "Rome" } }, "fr", "Rome"],
    [{ name: { en: "Rome", fr: null } }, "fr", "Rome"],
    [{ name: { en: "Rome", fr: "" } }, "fr", ""],
    [{ name: { fr: "Rome" } }, "en", undefined],
    [{ name: "Rome" }, "en", undefined],
    [{}, "en", undefined],
    [{ name: null }, "en", undefined],
  ])("of %j in %s is %j", (fields, locale, value) =>
    expect(valueAt(field("name"), fields as JsonObject, locale, "en")).toBe(value),
  );

  test("of a field that is not localized is the same in all", () => {
    expect(valueAt(field("population"), { population: 0 }, "fr", "en")).toBe(0);
    expect(valueAt(field("tags"), { tags: [] }, "fr", "en")).toEqual([]);
  });

  test("is not found among what every object has", () => {
    expect(valueAt({ ...field("name"), name: "constructor" }, {}, "en", "en")).toBeUndefined();
    expect(valueAt(field("name"), { name: {} }, "toString", "constructor")).toBeUndefined();
  });
});

describe("what is shown", () => {
  const belgium = document("be", "country", {
    name: { en: "Belgium", fr: "Belgique" },
    region: "Europe",
    leader: { fr: "bart" },
    gone: { en: 1 },
    extra: null,
  });

  test("is one locale's, with fallback; all of them with *", () => {
    expect(showContent(belgium, view({ locale: "fr" }))).toEqual({
      id: "be",
      type: "country",
      slug: null,
      locale: "fr",
      version: 1,
      publishedAt: "p",
      createdAt: "c",
      updatedAt: "u",
      fields: { name: "Belgique", region: "Europe", leader: "bart", gone: { en: 1 }, extra: null },
    });
    expect(showContent(belgium, view())["fields"]).toEqual({
      name: "Belgium",
      region: "Europe",
      gone: { en: 1 },
      extra: null,
    });
    expect(showContent(belgium, view({ locale: "*" }))).toMatchObject({ locale: "*", fields: belgium.fields });
  });

  test("is only the fields that were asked for", () => {
    expect(showContent(belgium, view({ fields: new Set(["region", "leader"]) }))["fields"]).toEqual({
      region: "Europe",
    });
  });

  test("of an entry is everything that editors know", () => {
    const draft = { status: "changed", publishedVersion: 2, createdBy: "key:a", updatedBy: "key:b" };
    expect(Object.keys(showEntry({ ...belgium, draft }, view({ locale: "*" })))).toEqual([
      "id",
      "type",
      "slug",
      "status",
      "fields",
      "version",
      "publishedVersion",
      "createdAt",
      "updatedAt",
      "publishedAt",
      "createdBy",
      "updatedBy",
    ]);
  });
});

describe("what is included", () => {
  const person = { ...country, type: "person", fields: [{ ...field("country"), name: "home" }] };
  const shapes = new Map([country, person].map((shape) => [shape.type, shape]));
  const { steps } = planInclude([["leader", "home"], ["borders"]], country, shapes);
  const targets = new Map(
    [
      document("ann", "person", { home: "fr" }),
      document("bart", "person", { home: "be" }),
      document("fr", "country", { name: { en: "France", fr: "La France" } }),
      document("be", "country", {}),
      document("x", "person", {}),
    ].map((each) => [each.id, each]),
  );
  const page = [
    document("be", "country", { leader: { en: "ann", fr: "bart" }, borders: ["fr", "fr", "x", "nowhere"] }),
  ];
  const included = (more: Partial<View>) => includedOf(page, targets, view({ steps, ...more }), showContent).included;

  test("follows the locale that is shown", () => {
    expect(Object.keys(included({}))).toEqual(["ann", "fr"]);
    expect(Object.keys(included({ locale: "fr" }))).toEqual(["bart", "fr", "be"]);
    expect(included({ locale: "fr" })["fr"]).toMatchObject({ locale: "fr", fields: { name: "La France" } });
    expect(Object.keys(included({ locale: "*" }))).toEqual(["ann", "bart", "fr", "be"]);
  });

  test("tells what was looked for, found or not", () => {
    const { asked } = includedOf(page, targets, view({ steps }), showContent);
    expect(asked).toEqual(
      new Map([
        ["person", new Set(["ann"])],
        ["country", new Set(["fr", "x", "nowhere"])],
      ]),
    );
  });

  test("does not depend on the fields that are shown, and shows targets whole", () => {
    const shown = included({ fields: new Set(["region"]) });
    expect(Object.keys(shown)).toEqual(["ann", "fr"]);
    expect(shown["fr"]).toMatchObject({ fields: { name: "France" } });
  });

  test("is what a field refers to, one or many, in any locale", () => {
    expect(referencesOf(page[0]!, field("leader", country), view({ locale: "*" }))).toEqual(["ann", "bart"]);
    expect(referencesOf(document("z", "country", { leader: "ann" }), field("leader", country), view())).toEqual([]);
    expect(referencesOf(document("z", "country", {}), field("borders", country), view())).toEqual([]);
  });
});
