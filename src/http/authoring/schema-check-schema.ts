// Checks of schemas as whoever saved a type with many entries gets them.
import * as z from "zod";
import { jobIdParam, jobSchema } from "../jobs/job-schema.ts";
import { spaceParams } from "../tenancy/space-schema.ts";
import { typeParams } from "./type-schema.ts";

export const checkParams = spaceParams.extend(typeParams.shape);
export const oneCheck = checkParams.extend({ job: jobIdParam });

const count = z.int().min(0);
export const checkSchema = jobSchema("schema-check")
  .extend({
    type: z.string(),
    checked: count.meta({ description: "Entries that were looked at." }),
    position: count.nullable().meta({ description: "At which the type was saved; null while it is not." }),
  })
  .meta({ id: "SchemaCheck" });

export const checkList = (page: z.ZodType) => z.object({ data: z.array(checkSchema), page });
