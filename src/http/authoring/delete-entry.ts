// DELETE /v1/spaces/{space}/entries/{id}
import * as z from "zod";
import { deleteEntry as remove } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryParams } from "./entry-schema.ts";
import { typedQuery } from "./typed-query.ts";

export const deleteEntry = write({
  id: "deleteEntry",
  tag: "Entries",
  summary: "Delete an entry",
  description:
    "A published entry is withdrawn too, which needs the scope `content:publish`. Its id may be used again and goes on counting versions.",
  params: entryParams,
  query: typedQuery(
    z.strictObject({
      force: z
        .enum(["true", "false"])
        .optional()
        .meta({ description: "`true`: although others refer to it.", default: "false" }),
    }),
  ),
  answers: [{ status: 204, description: "Deleted." }],
  faults: [
    "entry-missing",
    "entry-referenced",
    "scope-missing",
    "precondition-failed",
    "precondition-required",
    "conflict",
  ],
  handle: (scope, { params, query, conditions }) =>
    remove(scope, { id: params.id, conditions, force: query.force === "true" }),
});
