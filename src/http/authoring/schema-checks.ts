// GET /v1/spaces/{space}/types/{type}/checks, GET …/checks/{job}, POST …/checks/{job}/cancel
import { SCHEMA_CHECK } from "../../contexts/authoring/authoring.ts";
import { jobOperations } from "../jobs/job-operations.ts";
import { checkList, checkParams, checkSchema, oneCheck } from "./schema-check-schema.ts";

export const schemaChecks = jobOperations({
  kind: SCHEMA_CHECK,
  tag: "Types",
  named: { one: "SchemaCheck", many: "SchemaChecks" },
  params: checkParams,
  one: oneCheck,
  schema: checkSchema,
  listSchema: checkList,
  path: ({ type }) => `types/${type}/checks`,
  of: ({ type }) => type,
  cancels: "The type stays as it is.",
});
