// POST /v1/spaces/{space}/webhooks/{id}/replay
import { replayWebhook as replay } from "../../contexts/webhooks/webhooks.ts";
import { write } from "../operation.ts";
import { replayRequest, replaySchema, webhookParams } from "./webhook-schema.ts";

export const replayWebhook = write({
  id: "replayWebhook",
  tag: "Webhooks",
  summary: "Tell a webhook of past events again",
  description:
    "By position, both ends included, with the webhook's filters as they are now. Messages keep their `webhook-id`, say `replayed: true`, and come in order per entry beside what is new.",
  params: webhookParams,
  body: { schema: replayRequest, media: ["application/json"] },
  answers: [{ status: 202, description: "The job.", schema: replaySchema, headers: ["Location"] }],
  faults: ["webhook-missing", "webhook-disabled", "replay-range", "precondition-failed"],
  async handle(scope, { params, body, conditions }) {
    const { fromPosition, toPosition } = body;
    return await replay(scope, { id: params.id, fromPosition, toPosition, ifMatch: conditions.ifMatch });
  },
});
