// PUT /v1/spaces/{space}/entries/{id}
import { replaceEntry as replace } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryCreated, entryParams, wholeEntry } from "./entry-schema.ts";

export const replaceEntry = write({
  id: "replaceEntry",
  tag: "Entries",
  summary: "Replace or create an entry",
  description:
    "Replaces the draft, or creates it under this id. A slug that is left out is removed. `If-None-Match: *` creates only. An equal draft changes nothing.",
  params: entryParams,
  body: { schema: wholeEntry, media: ["application/json"] },
  answers: [entryAnswer("The entry as it is now."), entryCreated],
  faults: [
    "type-mismatch",
    "entry-archived",
    "slug-taken",
    "type-unknown",
    "schema-violation",
    "fields-too-large",
    "write-too-large",
    "precondition-failed",
    "precondition-required",
    "conflict",
  ],
  handle: (scope, { params, body: { type, slug = null, fields }, conditions }) =>
    replace(scope, { id: params.id, type, slug, fields, conditions }),
});
