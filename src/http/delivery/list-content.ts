// GET /v1/spaces/{space}/content/{type}
import { listContent as list } from "../../contexts/delivery/delivery.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { countOf, listQuery, sharedOf } from "./content-query.ts";
import { contentListSchema, typeParams } from "./content-schema.ts";
import { listAnswer } from "./list-answer.ts";

export const listContent = read({
  id: "listContent",
  tag: "Content",
  summary: "List published entries",
  description:
    "Filtered, sorted, page by page. A walk shows one state: that of its first page. A filter and a sort that no declared composite serves together do bounded work: " +
    'a page may then be short, even empty, with `page.truncated: "work"` and a cursor that goes on.',
  from: "nearest",
  params: typeParams,
  query: listQuery,
  answers: [
    {
      status: 200,
      description: "A page of entries.",
      schema: contentListSchema,
      headers: ["Link", "Preference-Applied"],
    },
  ],
  faults: [
    "type-missing",
    "unknown-field",
    "not-indexed",
    "unsupported-operator",
    "unsupported-parameter",
    "too-many-terms",
    "query-too-broad",
    "cursor-invalid",
    "position-conflict",
    "history-restored",
  ],
  async handle(scope, { params, query, prefer }) {
    const listed = await list(scope, { type: params.type, query, count: countOf(prefer) });
    if (!listed.ok) return listed;
    const answer = listAnswer(listed.value, `/v1/spaces/${scope.space.id}/content/${params.type}`, query.sent);
    return ok({ ...answer, ...sharedOf(query) });
  },
});
