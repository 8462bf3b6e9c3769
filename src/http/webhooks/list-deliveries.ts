// GET /v1/spaces/{space}/webhooks/{id}/deliveries
import { listDeliveries as list } from "../../contexts/webhooks/webhooks.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { afterQuery, linkAfter } from "./after-query.ts";
import { deliveryListSchema, webhookParams } from "./webhook-schema.ts";

export const listDeliveries = read({
  id: "listDeliveries",
  tag: "Webhooks",
  summary: "List deliveries",
  description: "In the order in which they were made, each with its attempts. Kept for 30 days after they ended.",
  from: "primary",
  params: webhookParams,
  query: afterQuery,
  answers: [{ status: 200, description: "A page of deliveries.", schema: deliveryListSchema, headers: ["Link"] }],
  faults: ["webhook-missing", "cursor-invalid"],
  async handle(scope, { params, query }) {
    const page = await list(scope, { id: params.id, ...query });
    if (!page.ok) return page;
    const { next, ...answer } = page.value;
    const path = `/v1/spaces/${params.space}/webhooks/${params.id}/deliveries`;
    return ok({ ...answer, headers: linkAfter(path, query, next) });
  },
});
