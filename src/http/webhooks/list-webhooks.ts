// GET /v1/spaces/{space}/webhooks
import { listWebhooks as list } from "../../contexts/webhooks/webhooks.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { linkTo, pageQuery } from "../tenancy/page-query.ts";
import { spaceParams } from "../tenancy/space-schema.ts";
import { webhookListSchema } from "./webhook-schema.ts";

export const listWebhooks = read({
  id: "listWebhooks",
  tag: "Webhooks",
  summary: "List webhooks",
  description: "Oldest first, and never with a secret.",
  from: "primary",
  params: spaceParams,
  query: pageQuery,
  answers: [{ status: 200, description: "A page of webhooks.", schema: webhookListSchema, headers: ["Link"] }],
  faults: ["cursor-invalid"],
  async handle(scope, { params, query }) {
    const page = await list(scope, query);
    if (!page.ok) return page;
    const { next, ...answer } = page.value;
    return ok({ ...answer, headers: linkTo(`/v1/spaces/${params.space}/webhooks`, query, next) });
  },
});
