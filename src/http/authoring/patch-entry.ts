// PATCH /v1/spaces/{space}/entries/{id}
import { patchEntry as patch } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryParams, entryPatch } from "./entry-schema.ts";

export const patchEntry = write({
  id: "patchEntry",
  tag: "Entries",
  summary: "Change parts of an entry",
  description:
    "A JSON Merge Patch (RFC 7396) over `slug` and `fields` of the draft. A patch that changes nothing takes no position.",
  params: entryParams,
  body: { schema: entryPatch, media: ["application/merge-patch+json"] },
  answers: [entryAnswer("The entry as it is now.")],
  faults: [
    "entry-missing",
    "entry-archived",
    "slug-taken",
    "schema-violation",
    "fields-too-large",
    "write-too-large",
    "precondition-failed",
    "precondition-required",
    "conflict",
  ],
  handle: (scope, { params, body: { slug, fields }, conditions }) =>
    patch(scope, {
      id: params.id,
      conditions,
      ...(slug === undefined ? {} : { slug }),
      ...(fields === undefined ? {} : { fields }),
    }),
});
