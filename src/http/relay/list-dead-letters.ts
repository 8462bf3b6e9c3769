// GET /v1/dead-letters
import * as z from "zod";
import { fault } from "../../kernel/fault.ts";
import { ORIGIN } from "../../kernel/position.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { linkTo, pageQuery } from "../tenancy/page-query.ts";
import { letterListSchema, letterView } from "./dead-letter-schema.ts";

/** Time with microseconds, and id, of the last one of the page before. */
const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([\w-]{1,64})$/;

export const listDeadLetters = operator({
  id: "listDeadLetters",
  tag: "Dead letters",
  summary: "List dead letters",
  description: "Messages that gave up, and events that a subscriber could not take in; oldest first, of all shards.",
  params: z.object({}),
  query: pageQuery,
  answers: [
    { status: 200, description: "A page of dead letters.", schema: letterListSchema, headers: ["ETag", "Link"] },
  ],
  faults: ["cursor-invalid"],
  async handle({ data: { deadLetters } }, { query }) {
    const [, at, id] = CURSOR.exec(query.cursor ?? "") ?? [];
    if (query.cursor !== undefined && (at === undefined || id === undefined || Number.isNaN(Date.parse(at))))
      return refuse(fault("malformed", "cursor-invalid", "This cursor was not given by this list"));
    const after = at === undefined || id === undefined ? undefined : { at, id };
    const [found, total] = await Promise.all([
      deadLetters.letters.list(after, query.limit + 1),
      deadLetters.letters.count(),
    ]);
    const shown = found.slice(0, query.limit);
    const last = shown.at(-1);
    const next = found.length > query.limit && last ? `${last.at}_${last.id}` : null;
    const data = shown.map(letterView);
    return ok({
      body: { data, page: { next, size: data.length, total } },
      tagged: data,
      position: ORIGIN,
      source: "shards",
      headers: linkTo("/v1/dead-letters", query, next),
    });
  },
});
