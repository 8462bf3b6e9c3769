// POST /v1/spaces/{space}/entries/{id}/unpublish
import { unpublishEntry as unpublish } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryParams } from "./entry-schema.ts";

export const unpublishEntry = write({
  id: "unpublishEntry",
  tag: "Entries",
  summary: "Unpublish an entry",
  description: "Takes it from readers; the draft stays. Nothing changes when it is not published.",
  params: entryParams,
  answers: [entryAnswer("The entry, a draft.")],
  faults: ["entry-archived", "entry-missing", "precondition-failed", "precondition-required", "conflict"],
  handle: (scope, { params, conditions }) => unpublish(scope, { id: params.id, conditions }),
});
