// GET /v1/spaces/{space}/content/{type}/{name}
import { getContent as get } from "../../contexts/delivery/delivery.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { oneQuery, sharedOf } from "./content-query.ts";
import { contentSchema, nameParams } from "./content-schema.ts";

export const getContent = read({
  id: "getContent",
  tag: "Content",
  summary: "Read one published entry",
  description: "By id or by slug. `include` costs one more statement for each hop and nothing for each target.",
  from: "nearest",
  params: nameParams,
  query: oneQuery,
  answers: [{ status: 200, description: "The entry, with what it refers to along `include`.", schema: contentSchema }],
  faults: ["content-missing", "type-missing", "unknown-field", "unsupported-parameter", "query-too-broad"],
  async handle(scope, { params, query }) {
    const got = await get(scope, { ...params, query });
    return got.ok ? ok({ ...got.value, ...sharedOf(query) }) : got;
  },
});
