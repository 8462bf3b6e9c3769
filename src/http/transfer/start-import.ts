// POST /v1/spaces/{space}/imports
import * as z from "zod";
import { startImport as start } from "../../contexts/transfer/transfer.ts";
import { write } from "../operation.ts";
import { spaceParams } from "../tenancy/space-schema.ts";
import { importFile, importSchema } from "./import-schema.ts";

export const startImport = write({
  id: "startImport",
  tag: "Transfer",
  summary: "Import entries from NDJSON",
  description:
    "The file is taken in whole, then imported behind the answer: follow the job at `Location`. `upsert` creates entries and replaces those that are there, as PUT does; `create` only creates. " +
    "Lines may refer to later lines. A line with errors fails alone; the job is `completed` all the same. Importing the same file again changes nothing. Imports of one space run one after the other.",
  params: spaceParams,
  query: z.strictObject({
    mode: z.enum(["upsert", "create"]).optional().meta({ description: "Default: `upsert`." }),
  }),
  body: { schema: importFile, media: ["application/x-ndjson"], upload: true },
  answers: [{ status: 202, description: "The job.", schema: importSchema, headers: ["Location"] }],
  faults: ["jobs-too-many"],
  handle: (scope, { query, body }) => start(scope, { upload: body, mode: query.mode ?? "upsert" }),
});
