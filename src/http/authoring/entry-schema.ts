// Entries as editors send and get them.
import * as z from "zod";
import { ENTRY_ID, SLUG, TYPE_NAME } from "../../kernel/id.ts";
import { jsonObject } from "../input.ts";

const id = z
  .string()
  .regex(ENTRY_ID)
  .meta({ maxLength: 64, description: "Unique in the space.", examples: ["paris"] });
const type = z
  .string()
  .regex(TYPE_NAME)
  .meta({ maxLength: 64, description: "Name of the content type.", examples: ["city"] });
const slug = z
  .string()
  .regex(SLUG)
  .meta({ maxLength: 200 })
  .nullable()
  .meta({
    description: "A name for addresses, unique within the type among slugs and ids, drafts included.",
    examples: ["paris"],
  });
const fields = jsonObject.meta({
  description: 'Values as the content type asks; a localized field is `{"<locale>": value}`. At most 512 KiB as JSON.',
  examples: [{ name: { en: "Paris", fr: "Paris" }, population: 2102650, country: "fr" }],
});

export const entryParams = z.object({ id });

export const newEntry = z
  .strictObject({
    type,
    id: id.optional(),
    slug: slug.optional(),
    fields,
    publish: z
      .boolean()
      .optional()
      .meta({ description: "Publishes it in the same commit; needs the scope `content:publish`.", default: false }),
  })
  .meta({ id: "NewEntry" });

export const wholeEntry = z.strictObject({ type, slug: slug.optional(), fields }).meta({ id: "WholeEntry" });

export const entryPatch = z
  .strictObject({
    slug: slug.optional().meta({ description: "`null` removes it." }),
    fields: jsonObject.optional().meta({ description: "Merged member by member; `null` removes a member." }),
  })
  .meta({ id: "EntryPatch" });

const time = z.iso.datetime();
const version = z.int().min(1);
const actor = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: "`key:<id>` or `system:<name>`.", examples: ["key:8f2k1d"] });

export const entrySchema = z
  .object({
    id,
    type,
    slug,
    status: z
      .enum(["draft", "published", "changed", "archived"])
      .meta({ description: "`changed`: published, and the draft has changed since." }),
    fields,
    version: version.meta({ description: "States that the draft has had." }),
    publishedVersion: version.nullable().meta({ description: "The version that readers are given." }),
    createdAt: time,
    updatedAt: time,
    publishedAt: time.nullable(),
    createdBy: actor,
    updatedBy: actor,
  })
  .meta({ id: "Entry" });

export const entryAnswer = (description: string) => ({
  status: 200,
  description,
  schema: entrySchema,
  headers: ["ETag"],
});
export const entryCreated = {
  status: 201,
  description: "The entry that was created.",
  schema: entrySchema,
  headers: ["ETag", "Location"],
};
