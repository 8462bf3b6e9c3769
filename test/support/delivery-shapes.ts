// Content types as delivery's tests use them: shapes written out, so that no test depends on how schemas become shapes.
import type { FieldShape, TypeShape } from "../../src/contexts/delivery/type-shape.ts";

const plain = { array: false, localized: false, indexed: true, searchable: false } as const;

const fields: readonly FieldShape[] = [
  { ...plain, name: "name", kind: "text", localized: true, slots: { en: "t1", fr: "t2" } },
  { ...plain, name: "population", kind: "number", slots: { "": "n1" } },
  { ...plain, name: "capital", kind: "boolean", slots: { "": "n2" } },
  { ...plain, name: "founded", kind: "time", slots: { "": "n3" } },
  { ...plain, name: "country", kind: "text", reference: "country", slots: { "": "t3" } },
  { ...plain, name: "tags", kind: "text", array: true },
  { ...plain, name: "neighbours", kind: "text", array: true, reference: "city" },
  { ...plain, name: "note", kind: "text", indexed: false },
  // Equality only: values of several kinds have no order, and a slot given to them is not used.
  { ...plain, name: "code", kind: "other", slots: { "": "t9" } },
  { ...plain, name: "scores", kind: "number", array: true, localized: true },
];

/** Cities, sortable by name, population, capital, founded; `country` with `-population` together. */
export const citySearch: TypeShape = {
  type: "city",
  revision: 1,
  locales: ["en", "fr"],
  defaultLocale: "en",
  fields,
  composites: [{ keys: ["country", "-population"], slot: "k1" }],
};

/** The same, with composites that several sorts can use. */
export const cityComposed: TypeShape = {
  ...citySearch,
  composites: [
    { keys: ["country", "-population"], slot: "k1" },
    { keys: ["-capital", "name"], slot: "k2" },
    { keys: ["country", "capital", "founded"], slot: "k3" },
    { keys: ["population", "-name"], slot: "k4" },
  ],
};

export const country: TypeShape = {
  type: "country",
  revision: 1,
  locales: ["en", "fr"],
  defaultLocale: "en",
  fields: [
    { ...plain, name: "name", kind: "text", localized: true, slots: { en: "t1", fr: "t2" } },
    { ...plain, name: "region", kind: "text", slots: { "": "t3" } },
    { ...plain, name: "area", kind: "number", slots: { "": "n1" } },
    { ...plain, name: "borders", kind: "text", array: true, reference: "country" },
    { ...plain, name: "leader", kind: "text", localized: true, reference: "person", slots: { en: "t4", fr: "t5" } },
  ],
  composites: [],
};
