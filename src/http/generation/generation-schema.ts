// Generations as clients ask for them and get them.
import * as z from "zod";
import { BRIEF_MOST, GENERATION } from "../../contexts/generation/generation.ts";
import { ENTRY_ID, TYPE_NAME } from "../../kernel/id.ts";
import { jobIdParam, jobSchema } from "../jobs/job-schema.ts";
import { spaceParams } from "../tenancy/space-schema.ts";

const type = z
  .string()
  .regex(TYPE_NAME)
  .meta({ maxLength: 64, description: "Content type of the draft.", examples: ["article"] });
const locale = z
  .string()
  .min(1)
  .max(40)
  .meta({ description: "Language to write in: a locale of the space.", examples: ["en"] });
const count = z.int().min(0);

export const generationsParams = spaceParams;
export const generationParams = spaceParams.extend({ job: jobIdParam });

export const generationRequest = z
  .strictObject({
    type,
    brief: z
      .string()
      .min(1)
      .max(BRIEF_MOST)
      .meta({ description: "What is to be written.", examples: ["A short guide to the old town, for families"] }),
    locale: locale.optional().meta({ description: "Absent: the default locale." }),
  })
  .meta({ id: "NewGeneration" });

export const generationSchema = jobSchema(GENERATION)
  .extend({
    type,
    locale,
    model: z
      .string()
      .meta({ maxLength: 200, description: "As the operator configured it when the job was asked for." }),
    entry: z.string().regex(ENTRY_ID).nullable().meta({ description: "Id of the draft, once there is one." }),
    usage: z.object({ requests: count, promptTokens: count, completionTokens: count, totalTokens: count }).meta({
      description: "What the provider says that it used. A request that it never answered is not among them.",
    }),
  })
  .meta({ id: "Generation" });
