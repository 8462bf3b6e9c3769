// POST /v1/spaces/{space}/entries/{id}/archive
import { archiveEntry as archive } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { entryAnswer, entryParams } from "./entry-schema.ts";

export const archiveEntry = write({
  id: "archiveEntry",
  tag: "Entries",
  summary: "Archive an entry",
  description:
    "A published entry is withdrawn too, which needs the scope `content:publish`. An archived entry can be read, unarchived and deleted.",
  params: entryParams,
  answers: [entryAnswer("The entry, archived.")],
  faults: [
    "entry-archived",
    "scope-missing",
    "entry-missing",
    "precondition-failed",
    "precondition-required",
    "conflict",
  ],
  handle: (scope, { params, conditions }) => archive(scope, { id: params.id, conditions }),
});
