// PUT /v1/spaces/{space}/types/{type}
import * as z from "zod";
import { saveType as save } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { checkSchema } from "./schema-check-schema.ts";
import { typeDocument, typeParams, typeSchema } from "./type-schema.ts";
import { typedQuery } from "./typed-query.ts";

export const saveType = write({
  id: "saveType",
  tag: "Types",
  summary: "Create or replace a content type",
  description:
    "Existing entries, drafts and published versions, are checked against a changed schema, and indexed again when indexed fields change. " +
    "A type with more than 1,000 entries, or much content, is checked, indexed and then saved by a job (202): until then readers find the type as it was, and what is written meanwhile has to satisfy both schemas. " +
    "An index of so many entries cannot become another one at once (409): leave it out in one save, and declare it anew in another. An equal type changes nothing.",
  params: typeParams,
  query: typedQuery(
    z.strictObject({
      validate: z.enum(["strict", "lenient"]).optional().meta({
        description: "`lenient`: existing entries may break the new schema until they are next changed or published.",
        default: "strict",
      }),
    }),
  ),
  body: { schema: typeDocument, media: ["application/json"] },
  answers: [
    { status: 200, description: "The content type as it is now.", schema: typeSchema, headers: ["ETag"] },
    {
      status: 201,
      description: "The content type that was created.",
      schema: typeSchema,
      headers: ["ETag", "Location"],
    },
    {
      status: 202,
      description: "The job that checks, indexes and saves it.",
      schema: checkSchema,
      headers: ["Location"],
    },
  ],
  faults: [
    "schema-check-running",
    "schema-unsupported",
    "schema-conflict",
    "schema-check-too-large",
    "types-too-large",
    "precondition-failed",
    "conflict",
  ],
  handle: (scope, { params, query, body: { name, schema, indexes, requireIfMatch }, conditions }) => {
    const document = {
      name,
      schema,
      ...(indexes === undefined ? {} : { indexes }),
      ...(requireIfMatch === undefined ? {} : { requireIfMatch }),
    };
    return save(scope, { type: params.type, document, lenient: query.validate === "lenient", conditions });
  },
});
