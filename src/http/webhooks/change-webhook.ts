// PATCH /v1/spaces/{space}/webhooks/{id}
import { changeWebhook as change, type WebhookSettings } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { webhookParams, webhookPatch, webhookSchema } from "./webhook-schema.ts";

export const changeWebhook = write({
  id: "changeWebhook",
  tag: "Webhooks",
  summary: "Change a webhook",
  description:
    "A merge patch. `enabled: false` gives up what is not delivered yet; `enabled: true` begins anew, with what comes after it: replay what was missed.",
  params: webhookParams,
  body: { schema: webhookPatch, media: ["application/json", "application/merge-patch+json"] },
  answers: [{ status: 200, description: "The webhook as it is now.", schema: webhookSchema, headers: ["ETag"] }],
  faults: ["webhook-missing", "url-not-allowed", "precondition-failed", "conflict"],
  async handle(scope, { params, body, conditions }) {
    const patch = JSON.parse(JSON.stringify(body)) as Partial<WebhookSettings>;
    return await change(scope, { id: params.id, patch, ifMatch: conditions.ifMatch });
  },
});
