// POST /v1/spaces/{space}/webhooks
import { createWebhook as create } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { spaceParams } from "../tenancy/space-schema.ts";
import { newWebhook, webhookWithSecret } from "./webhook-schema.ts";

export const createWebhook = write({
  id: "createWebhook",
  tag: "Webhooks",
  summary: "Create a webhook",
  description:
    "It is told of what comes after it. The answer shows its secret once; a repetition under the same `Idempotency-Key` shows it again.",
  params: spaceParams,
  body: { schema: newWebhook, media: ["application/json"] },
  answers: [{ status: 201, description: "The webhook.", schema: webhookWithSecret, headers: ["ETag"] }],
  faults: ["url-not-allowed", "webhooks-too-many"],
  async handle(scope, { body }) {
    const { url, events, types = null, description = null, enabled = true } = body;
    return await create(scope, { url, events, types, description, enabled });
  },
});
