// GET /v1/spaces/{space}/keys
import { listKeys as list } from "../../contexts/tenancy/tenancy.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { keyListSchema } from "./key-schema.ts";
import { linkTo, pageQuery } from "./page-query.ts";
import { spaceParams } from "./space-schema.ts";

export const listKeys = read({
  id: "listKeys",
  tag: "Keys",
  summary: "List keys",
  description: "Oldest first, without those that were revoked, and never with a secret.",
  from: "primary",
  params: spaceParams,
  query: pageQuery,
  answers: [{ status: 200, description: "A page of keys.", schema: keyListSchema, headers: ["Link"] }],
  faults: ["cursor-invalid"],
  async handle(scope, { params, query }) {
    const page = await list(scope, query);
    if (!page.ok) return page;
    const { body, tagged, position, source, next } = page.value;
    return ok({ body, tagged, position, source, headers: linkTo(`/v1/spaces/${params.space}/keys`, query, next) });
  },
});
