// POST /v1/spaces/{space}/entries/{id}/publish
import { publishEntry as publish } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryParams } from "./entry-schema.ts";

export const publishEntry = write({
  id: "publishEntry",
  tag: "Entries",
  summary: "Publish an entry",
  description:
    "Gives readers the draft as it is. Every reference must lead to an existing entry of the right type. Publishing what is published already changes nothing.",
  params: entryParams,
  answers: [entryAnswer("The entry, published.")],
  faults: [
    "entry-archived",
    "reference-missing",
    "schema-violation",
    "entry-missing",
    "precondition-failed",
    "precondition-required",
    "conflict",
  ],
  handle: (scope, { params, conditions }) => publish(scope, { id: params.id, conditions }),
});
