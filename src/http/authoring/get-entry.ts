// GET /v1/spaces/{space}/entries/{id}
import { getEntry as get } from "../../contexts/authoring/authoring.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { entryAnswer, entryParams } from "./entry-schema.ts";

export const getEntry = read({
  id: "getEntry",
  tag: "Entries",
  summary: "Read an entry",
  description: "Its latest draft, strongly consistent.",
  from: "primary",
  params: entryParams,
  answers: [entryAnswer("The entry.")],
  faults: ["entry-missing"],
  async handle(scope, { params }) {
    const found = await get(scope, params.id);
    if (!found.ok) return found;
    const { view, etag, position, source } = found.value;
    return ok({ body: view, etag, position, source });
  },
});
