// DELETE /v1/spaces/{space}
import { deleteSpace as end } from "../../contexts/tenancy/tenancy.ts";
import { operator } from "../operation.ts";
import { spaceParams } from "./space-schema.ts";

export const deleteSpace = operator({
  id: "deleteSpace",
  tag: "Spaces",
  summary: "Delete a space",
  description:
    "Its data stays until it is erased; everything about it answers 404 from now on, and its id is never given out again.",
  params: spaceParams,
  answers: [{ status: 204, description: "Deleted.", headers: ["Meridian-Position"] }],
  faults: ["space-missing", "precondition-failed", "conflict"],
  async handle(scope, { params, conditions }) {
    return await end(scope, { id: params.space, ifMatch: conditions.ifMatch });
  },
});
