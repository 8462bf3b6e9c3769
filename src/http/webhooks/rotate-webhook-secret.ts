// POST /v1/spaces/{space}/webhooks/{id}/rotate-secret
import * as z from "zod";
import { rotateWebhookSecret as rotate, SECRET_OVERLAP_MOST } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { webhookParams, webhookWithSecret } from "./webhook-schema.ts";

const rotation = z
  .strictObject({
    overlapSeconds: z
      .int()
      .min(0)
      .max(SECRET_OVERLAP_MOST)
      .meta({ description: "How long messages are signed with the secret before as well; 0: not at all." }),
  })
  .meta({ id: "SecretRotation" });

export const rotateWebhookSecret = write({
  id: "rotateWebhookSecret",
  tag: "Webhooks",
  summary: "Rotate a webhook's secret",
  description: "A new secret, shown once. During the overlap every message carries two signatures.",
  params: webhookParams,
  body: { schema: rotation, media: ["application/json"] },
  answers: [{ status: 200, description: "The webhook.", schema: webhookWithSecret, headers: ["ETag"] }],
  faults: ["webhook-missing", "precondition-failed", "conflict"],
  async handle(scope, { params, body, conditions }) {
    return await rotate(scope, { id: params.id, overlapSeconds: body.overlapSeconds, ifMatch: conditions.ifMatch });
  },
});
