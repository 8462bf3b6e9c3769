// Content as readers are given it.
import * as z from "zod";
import { ENTRY_ID, SLUG, TYPE_NAME } from "../../kernel/id.ts";
import { jsonObject } from "../input.ts";
import { analysisSchema } from "../insight/analysis-schema.ts";

export const type = z
  .string()
  .regex(TYPE_NAME)
  .meta({ maxLength: 64, description: "Name of the content type.", examples: ["city"] });
const time = z.iso.datetime();

export const typeParams = z.object({ type });

export const nameParams = z.object({
  type,
  name: z
    .string()
    .regex(SLUG)
    .meta({ maxLength: 200, description: "Id or slug of the entry; an id wins.", examples: ["paris"] }),
});

export const members = {
  id: z
    .string()
    .regex(ENTRY_ID)
    .meta({ maxLength: 64, examples: ["paris"] }),
  type,
  slug: z.string().regex(SLUG).nullable().meta({ maxLength: 200 }),
  locale: z
    .string()
    .meta({ maxLength: 40, description: "The locale that was asked for; `*` for all.", examples: ["fr"] }),
  fields: jsonObject.meta({
    description:
      'Values in that locale, else in the default locale; with `*` a localized field is `{"<locale>": value}`. Reference fields hold ids.',
    examples: [{ name: "Paris", population: 2102650, country: "fr" }],
  }),
  version: z.int().min(1),
  publishedAt: time.nullable().meta({ description: "Null only for drafts that were never published." }),
  createdAt: time,
  updatedAt: time,
};

/** Of the page's own entries. */
export const analysisInList = analysisSchema.nullable().optional().meta({
  description: "With `include=@analysis`; null: it was not looked at yet, or is not published.",
});

const includedSchema = z.record(z.string(), z.object(members).meta({ id: "IncludedContent" })).meta({
  description:
    "What the entries refer to along `include`, by id, each once. Targets that are not published are absent. A hop follows about 5,000 references: a list ends its page before what would need more, one entry is given what they lead to.",
});

export const contentSchema = z
  .object({ ...members, analysis: analysisInList, included: includedSchema.optional() })
  .meta({ id: "Content" });

export const pageSchema = z
  .object({
    next: z
      .string()
      .nullable()
      .meta({ maxLength: 8_192, description: "Cursor of the next page; null on the last one." }),
    size: z.int().min(0),
    at: z.int().min(0).meta({ description: "Position of the walk's first page; the same on every page." }),
    truncated: z.enum(["bytes", "work"]).optional().meta({
      description:
        "Why the page is shorter than its limit although there may be more: 6 MiB were reached, or the work that one page may cost.",
    }),
    total: z
      .int()
      .min(0)
      .optional()
      .meta({ description: "Only with `Prefer: count=exact` or `estimated`; Preference-Applied says which it is." }),
  })
  .meta({ id: "Page" });

export const contentListSchema = z
  .object({
    data: z.array(z.object({ ...members, analysis: analysisInList }).meta({ id: "ListedContent" })),
    page: pageSchema,
    included: includedSchema.optional(),
  })
  .meta({ id: "ContentList" });
