// GET /v1/spaces/{space}/webhooks/{id}
import { getWebhook as get } from "../../contexts/webhooks/webhooks.ts";
import { read } from "../operation.ts";
import { webhookParams, webhookSchema } from "./webhook-schema.ts";

export const getWebhook = read({
  id: "getWebhook",
  tag: "Webhooks",
  summary: "Get a webhook",
  from: "primary",
  params: webhookParams,
  answers: [{ status: 200, description: "The webhook, without its secret.", schema: webhookSchema }],
  faults: ["webhook-missing"],
  async handle(scope, { params }) {
    return await get(scope, { id: params.id });
  },
});
