// POST /v1/spaces/{space}/webhooks/{id}/test
import { testWebhook as test } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { sentTest, webhookParams } from "./webhook-schema.ts";

export const testWebhook = write({
  id: "testWebhook",
  tag: "Webhooks",
  summary: "Send a test message",
  description: "One `webhook.test`, whatever the webhook asks for. How it went is in its deliveries.",
  params: webhookParams,
  answers: [{ status: 202, description: "The delivery that was made.", schema: sentTest }],
  faults: ["webhook-missing", "webhook-disabled", "precondition-failed"],
  async handle(scope, { params, conditions }) {
    return await test(scope, { id: params.id, ifMatch: conditions.ifMatch });
  },
});
