// POST /v1/spaces/{space}/entries/{id}/unarchive
import { unarchiveEntry as unarchive } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryParams } from "./entry-schema.ts";

export const unarchiveEntry = write({
  id: "unarchiveEntry",
  tag: "Entries",
  summary: "Unarchive an entry",
  description: "It is a draft again. Nothing changes when it is not archived.",
  params: entryParams,
  answers: [entryAnswer("The entry, a draft.")],
  faults: ["entry-missing", "precondition-failed", "precondition-required", "conflict"],
  handle: (scope, { params, conditions }) => unarchive(scope, { id: params.id, conditions }),
});
