// DELETE /v1/spaces/{space}/keys/{id}
import { revokeKey as revoke } from "../../contexts/tenancy/tenancy.ts";
import { write } from "../operation.ts";
import { keyParams } from "./key-schema.ts";

export const revokeKey = write({
  id: "revokeKey",
  tag: "Keys",
  summary: "Revoke a key",
  description: "Dead everywhere within five seconds, and for good.",
  params: keyParams,
  answers: [{ status: 204, description: "Revoked." }],
  faults: ["key-missing", "precondition-failed"],
  async handle(scope, { params, conditions }) {
    return await revoke(scope, { id: params.id, ifMatch: conditions.ifMatch });
  },
});
