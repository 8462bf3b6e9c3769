// DELETE /v1/spaces/{space}/webhooks/{id}
import { deleteWebhook as remove } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { webhookParams } from "./webhook-schema.ts";

export const deleteWebhook = write({
  id: "deleteWebhook",
  tag: "Webhooks",
  summary: "Delete a webhook",
  description: "It is told nothing more, not even what is not delivered yet.",
  params: webhookParams,
  answers: [{ status: 204, description: "Deleted." }],
  faults: ["webhook-missing", "precondition-failed", "conflict"],
  async handle(scope, { params, conditions }) {
    return await remove(scope, { id: params.id, ifMatch: conditions.ifMatch });
  },
});
