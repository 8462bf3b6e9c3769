// GET /v1/spaces/{space}/entries/{id}/analysis
import * as z from "zod";
import { getAnalysis as get } from "../../contexts/insight/insight.ts";
import { entryParams } from "../authoring/entry-schema.ts";
import { read } from "../operation.ts";
import { analysisSchema } from "./analysis-schema.ts";

export const getAnalysis = read({
  id: "getAnalysis",
  tag: "Entries",
  summary: "Read what was found about an entry's text",
  description:
    "Lengths, headings, readability, links, alternative texts and keywords of what is published, with a score. Made within moments of publishing; `analysedVersion` says of what. Names and limits in the content type decide which fields are looked at: see the guide.",
  from: "primary",
  params: entryParams,
  query: z.strictObject({
    locale: z
      .string()
      .max(40)
      .optional()
      .meta({ description: "A locale of the space. Absent: the default locale.", examples: ["fr"] }),
  }),
  answers: [{ status: 200, description: "The analysis.", schema: analysisSchema }],
  faults: ["entry-missing", "analysis-missing", "invalid-parameter"],
  async handle(scope, { params, query }) {
    return await get(scope, { id: params.id, locale: query.locale });
  },
});
