// GET /v1/spaces/{space}/imports, GET …/imports/{job}, POST …/imports/{job}/cancel
import { IMPORT } from "../../contexts/transfer/transfer.ts";
import { jobOperations } from "../jobs/job-operations.ts";
import { spaceParams } from "../tenancy/space-schema.ts";
import { importList, importSchema, oneImport } from "./import-schema.ts";

export const importJobs = jobOperations({
  kind: IMPORT,
  tag: "Transfer",
  named: { one: "Import", many: "Imports" },
  params: spaceParams,
  one: oneImport,
  schema: importSchema,
  listSchema: importList,
  path: () => "imports",
  cancels: "Lines that are through stay as they are; no further ones follow.",
});
