// GET /v1/spaces/{space}/webhooks/{id}/replays
import { listReplays as list } from "../../contexts/webhooks/webhooks.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { afterQuery, linkAfter } from "./after-query.ts";
import { replayListSchema, webhookParams } from "./webhook-schema.ts";

export const listReplays = read({
  id: "listReplays",
  tag: "Webhooks",
  summary: "List replays",
  description: "Oldest first. Kept for 30 days.",
  from: "primary",
  params: webhookParams,
  query: afterQuery,
  answers: [{ status: 200, description: "A page of jobs.", schema: replayListSchema, headers: ["Link"] }],
  faults: ["webhook-missing", "cursor-invalid"],
  async handle(scope, { params, query }) {
    const page = await list(scope, { id: params.id, ...query });
    if (!page.ok) return page;
    const { next, ...answer } = page.value;
    const path = `/v1/spaces/${params.space}/webhooks/${params.id}/replays`;
    return ok({ ...answer, headers: linkAfter(path, query, next) });
  },
});
