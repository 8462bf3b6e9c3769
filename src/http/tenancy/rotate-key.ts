// POST /v1/spaces/{space}/keys/{id}/rotate
import * as z from "zod";
import { OVERLAP_MOST, rotateKey as rotate } from "../../contexts/tenancy/tenancy.ts";
import { write } from "../operation.ts";
import { keyParams, keyWithSecret } from "./key-schema.ts";

const rotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(OVERLAP_MOST)
      .meta({ description: "How long the secret before goes on being accepted; 0: not at all." }),
  })
  .meta({ id: "Rotation" });

export const rotateKey = write({
  id: "rotateKey",
  tag: "Keys",
  summary: "Rotate a key",
  description:
    "A new secret under the same id, shown once. Like making a key: nobody can rotate one that holds scopes beyond their own.",
  params: keyParams,
  body: { schema: rotation, media: ["application/json"] },
  answers: [{ status: 200, description: "The key.", schema: keyWithSecret, headers: ["ETag"] }],
  faults: ["key-missing", "key-expired", "scope-exceeded", "precondition-failed"],
  async handle(scope, { params, body, conditions }) {
    return await rotate(scope, { id: params.id, overlapSeconds: body.overlapSeconds, ifMatch: conditions.ifMatch });
  },
});
