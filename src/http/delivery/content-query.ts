// Query parameters of content and of lists of entries: read by delivery, documented here.
import * as z from "zod";
import {
  type Count,
  ENTRIES_PARAMETERS,
  LIST_PARAMETERS,
  ONE_PARAMETERS,
  OPERATORS,
  type QueryText,
  readQueryText,
} from "../../contexts/delivery/delivery.ts";
import { type Seconds, seconds } from "../../kernel/clock.ts";
import { TYPE_NAME } from "../../kernel/id.ts";
import type { Shared } from "../cache-control.ts";
import type { QueryReader } from "../operation.ts";

const text = (description: string, ...examples: readonly string[]) =>
  z
    .string()
    .optional()
    .meta({ description, examples: [...examples] });

const value = { type: "string", maxLength: 8_192 } as const;
const filter = z
  .record(z.string(), z.unknown())
  .optional()
  .meta({
    description:
      "At most 20 terms, and-ed. `filter[field]=v` is `eq`; `filter[field][operator]=v` otherwise. `in` and `nin` take lists separated by commas (`\\,` for a comma in a value); " +
      "`ne` and `nin` also match entries without the field; `exists` takes true or false; `contains`: a list holds the value; `startsWith` compares fewer than 256 characters. " +
      "`filter[or][0][field][operator]=v`: terms with one number are and-ed, numbers are or-ed. `filter[country.region]=v` follows one reference, to at most 1,000 entries. " +
      "Filters work on `x-indexed` and `x-reference` fields and on `id slug createdAt updatedAt publishedAt`, on entries also `status`.",
    param: { style: "deepObject", explode: true },
    override: {
      type: "object",
      maxProperties: 20,
      additionalProperties: {
        oneOf: [
          value,
          { type: "object", properties: Object.fromEntries(OPERATORS.map((operator) => [operator, value])) },
        ],
      },
      examples: [{ population: { gte: "1000000" }, country: "fr" }],
    },
  });

const include = text(
  "Reference fields to follow: at most 10 paths of at most 3 hops, separated by commas. `@analysis` adds what was found about each entry of the page, at most 60 s old.",
  "country,country.neighbours",
);
const fields = text("Names of the fields to give, separated by commas; all when absent.", "name,population");
const locale = (standing: string) =>
  text(
    `A locale of the space, falling back to the default locale field by field; \`*\` gives every locale. ${standing}`,
    "fr",
  );
export const perspective = z.enum(["published", "draft"]).optional().meta({
  description: "`draft`: latest drafts, archived ones left out; needs `content:preview`.",
  default: "published",
});

const list = {
  filter,
  sort: text(
    "Indexed field, or `id slug createdAt updatedAt publishedAt` (on entries also `status`); `-` for descending. Id is appended in the same direction, missing values come last either way. Several keys need a declared composite.",
    "-population",
  ),
  limit: z
    .string()
    .optional()
    .meta({ description: "How many at most.", override: { type: "integer", minimum: 1, maximum: 1_000, default: 20 } }),
  cursor: z
    .string()
    .optional()
    .meta({
      description: "`page.next` of the page before; everything but limit must stay as it was.",
      override: { type: "string", maxLength: 8_192 },
    }),
  fields,
  include,
};

const DEFAULT = "Absent: the default locale.";

export const listQuery: QueryReader<QueryText> = {
  documented: z.strictObject({ ...list, locale: locale(DEFAULT), perspective }),
  read: (query) => readQueryText(query, LIST_PARAMETERS),
};

export const oneQuery: QueryReader<QueryText> = {
  documented: z.strictObject({ fields, include, locale: locale(DEFAULT), perspective }),
  read: (query) => readQueryText(query, ONE_PARAMETERS),
};

export const entriesQuery: QueryReader<QueryText> = {
  documented: z.strictObject({
    type: z.string().regex(TYPE_NAME).meta({ description: "Content type of the entries." }),
    ...list,
    locale: locale("Absent: every locale, as with `*`; filters and sorts then look at the default locale."),
  }),
  read: (query) => readQueryText(query, ENTRIES_PARAMETERS),
};

/** `Prefer: count=exact|estimated`; anything else is no preference of ours. */
export function countOf(prefer: Readonly<Record<string, string>>): Count | undefined {
  const { count } = prefer;
  return count === "exact" || count === "estimated" ? count : undefined;
}

/** An analysis takes no position. */
const ANALYSIS_LIFE: Seconds = seconds(60);

/** Drafts are their readers' own; a page after the first stands at a fixed position. */
export function sharedOf({ perspective, cursor, analysis }: QueryText): {
  readonly shared?: Shared;
  readonly life?: Seconds;
} {
  if (perspective === "draft") return { shared: "tenant" };
  if (analysis === true) return { life: ANALYSIS_LIFE, ...(cursor === undefined ? {} : { shared: "content" }) };
  return cursor === undefined ? {} : { shared: "fixed" };
}
