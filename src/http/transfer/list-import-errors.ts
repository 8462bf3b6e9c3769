// GET /v1/spaces/{space}/imports/{job}/errors
import { readImportErrors } from "../../contexts/transfer/transfer.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { importErrors, oneImport } from "./import-schema.ts";

export const listImportErrors = read({
  id: "listImportErrors",
  tag: "Transfer",
  summary: "List what was wrong in an import's lines",
  description:
    "In the order of the file, as far as it is through; a line may have several. What could not be read to its end is broken off.",
  from: "primary",
  params: oneImport,
  answers: [{ status: 200, description: "The errors.", media: "application/x-ndjson", schema: importErrors }],
  faults: ["job-missing"],
  async handle(scope, { params }, live) {
    const found = await readImportErrors(scope, params.job, live.reader);
    if (!found.ok) return found;
    const { position, source, parts } = found.value;
    return ok({ media: "application/x-ndjson", parts, stop: () => undefined, position, source });
  },
});
