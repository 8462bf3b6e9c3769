// GET /v1/spaces/{space}/generations, GET and cancel of one
import * as z from "zod";
import { GENERATION } from "../../contexts/generation/generation.ts";
import { jobOperations } from "../jobs/job-operations.ts";
import { generationParams, generationSchema, generationsParams } from "./generation-schema.ts";

export const generations = jobOperations({
  kind: GENERATION,
  tag: "Generations",
  named: { one: "Generation", many: "Generations" },
  params: generationsParams,
  one: generationParams,
  schema: generationSchema,
  listSchema: (page) => z.object({ data: z.array(generationSchema), page }).meta({ id: "GenerationList" }),
  path: () => "generations",
  cancels:
    "No further request is sent; one that is under way is still paid for. A draft that is being saved at that moment may still appear.",
});
