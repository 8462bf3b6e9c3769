// Content types as editors send and get them.
import * as z from "zod";
import { FIELD_NAME, TYPE_NAME } from "../../kernel/id.ts";
import { jsonObject } from "../input.ts";

const type = z
  .string()
  .regex(TYPE_NAME)
  .meta({ maxLength: 64, description: "Name of the content type.", examples: ["city"] });
const name = z
  .string()
  .min(1)
  .max(200)
  .meta({ description: "For people.", examples: ["City"] });
const schema = jsonObject.meta({
  description:
    "JSON Schema 2020-12 of `fields`, with `type: object` and `properties`. Supported: `type properties required additionalProperties items enum const " +
    "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern minItems maxItems uniqueItems format title description default anyOf oneOf` " +
    "(formats `date-time date uri email uuid`, asserted; patterns as RE2 and ECMA-262 both understand them) and, on fields, `x-localized x-indexed x-searchable x-reference`.",
  examples: [
    {
      type: "object",
      required: ["name"],
      additionalProperties: false,
      properties: {
        name: { type: "string", maxLength: 200, "x-localized": true, "x-indexed": true },
        population: { type: "integer", minimum: 0, "x-indexed": true },
        country: { type: "string", "x-reference": "country" },
      },
    },
  ],
});
const composite = z
  .array(z.string().meta({ pattern: `^-?${FIELD_NAME.source.slice(1)}`, maxLength: 65 }))
  .meta({ minItems: 1, maxItems: 4 });
const indexes = z.array(composite).meta({
  maxItems: 4,
  description: "Composite orders for filter and sort; `-` for descending.",
  examples: [[["country", "-population"]]],
});
const requireIfMatch = z
  .boolean()
  .meta({ description: "Entries of this type are changed with `If-Match` only: 428 without." });

export const typeParams = z.object({ type });

export const typeDocument = z
  .strictObject({ name, schema, indexes: indexes.optional(), requireIfMatch: requireIfMatch.optional() })
  .meta({ id: "ContentTypeDocument" });

const time = z.iso.datetime();

export const typeSchema = z
  .object({
    type,
    name,
    schema,
    indexes,
    requireIfMatch,
    createdAt: time,
    updatedAt: time,
    indexing: z
      .array(z.object({ field: z.string().regex(FIELD_NAME).meta({ maxLength: 64 }), state: z.enum(["ready"]) }))
      .meta({ maxItems: 250, description: "Fields that can be filtered by, and whether all entries are indexed yet." }),
  })
  .meta({ id: "ContentType" });

export const typeListSchema = z
  .object({
    data: z.array(typeSchema),
    page: z
      .object({ next: z.null(), size: z.int().min(0), at: z.int().min(0) })
      .meta({ description: "All types fit one page." }),
  })
  .meta({ id: "ContentTypeList" });
