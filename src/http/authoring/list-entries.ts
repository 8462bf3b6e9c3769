// GET /v1/spaces/{space}/entries?type=…
import * as z from "zod";
import { listEntries as list } from "../../contexts/delivery/delivery.ts";
import { fault } from "../../kernel/fault.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { countOf, entriesQuery } from "../delivery/content-query.ts";
import { analysisInList, pageSchema } from "../delivery/content-schema.ts";
import { listAnswer } from "../delivery/list-answer.ts";
import { read } from "../operation.ts";
import { entrySchema } from "./entry-schema.ts";

const entryListSchema = z
  .object({
    data: z.array(entrySchema.extend({ analysis: analysisInList }).meta({ id: "ListedEntry" })),
    page: pageSchema,
    included: z
      .record(z.string(), entrySchema)
      .optional()
      .meta({ description: "Drafts that the entries refer to along `include`, by id." }),
  })
  .meta({ id: "EntryList" });

export const listEntries = read({
  id: "listEntries",
  tag: "Entries",
  summary: "List entries of a type",
  description:
    "Latest drafts, archived ones included, strongly consistent; with the query language of content. Pages after the first show the drafts as they are by then.",
  from: "primary",
  params: z.object({}),
  query: entriesQuery,
  answers: [
    {
      status: 200,
      description: "A page of entries.",
      schema: entryListSchema,
      headers: ["Link", "Preference-Applied"],
    },
  ],
  faults: [
    "type-missing",
    "unknown-field",
    "not-indexed",
    "unsupported-operator",
    "too-many-terms",
    "query-too-broad",
    "cursor-invalid",
    "position-conflict",
    "history-restored",
  ],
  async handle(scope, { query, prefer }) {
    if (query.type === undefined) return refuse(TYPE_NEEDED);
    const listed = await list(scope, { type: query.type, query, count: countOf(prefer) });
    return listed.ok ? ok(listAnswer(listed.value, `/v1/spaces/${scope.space.id}/entries`, query.sent)) : listed;
  },
});

const TYPE_NEEDED = fault("malformed", "missing-parameter", 'Cannot accept the query: parameter "type" is missing', {
  errors: [{ parameter: "type", code: "missing-parameter", detail: 'Parameter "type" is missing' }],
});
