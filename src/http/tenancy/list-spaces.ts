// GET /v1/spaces
import * as z from "zod";
import { listSpaces as list } from "../../contexts/tenancy/tenancy.ts";
import { ORIGIN } from "../../kernel/position.ts";
import { ok } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { linkTo, pageQuery } from "./page-query.ts";
import { spaceListSchema } from "./space-schema.ts";

export const listSpaces = operator({
  id: "listSpaces",
  tag: "Spaces",
  summary: "List spaces",
  description: "By id. A page may be shorter than its limit; it is the last one when `page.next` is null.",
  params: z.object({}),
  query: pageQuery,
  answers: [{ status: 200, description: "A page of spaces.", schema: spaceListSchema, headers: ["ETag", "Link"] }],
  faults: ["cursor-invalid"],
  async handle(scope, { query }) {
    const page = await list(scope, query);
    if (!page.ok) return page;
    const { data, next } = page.value;
    const body = { data, page: { next, size: data.length } };
    return ok({
      body,
      tagged: data,
      position: ORIGIN,
      source: "directory",
      headers: linkTo("/v1/spaces", query, next),
    });
  },
});
