// DELETE /v1/spaces/{space}/types/{type}
import { deleteType as remove } from "../../contexts/authoring/authoring.ts";
import { write } from "../operation.ts";
import { typeParams } from "./type-schema.ts";

export const deleteType = write({
  id: "deleteType",
  tag: "Types",
  summary: "Delete a content type",
  description: "Only while it has no entries, drafts and archived ones included.",
  params: typeParams,
  answers: [{ status: 204, description: "Deleted." }],
  faults: ["type-missing", "type-in-use", "precondition-failed", "conflict"],
  handle: (scope, { params, conditions }) => remove(scope, { type: params.type, conditions }),
});
