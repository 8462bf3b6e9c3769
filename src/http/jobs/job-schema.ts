// Jobs as whoever asked for them gets them: the members that all kinds have.
import * as z from "zod";
import { JOB_ID } from "../../platform/jobs/ask-job.ts";
import { JOB_STATUSES } from "../../platform/jobs/job.ts";

const time = z.iso.datetime();

export const jobIdParam = z.string().regex(JOB_ID).meta({ description: "Id of the job." });

const jobError = z
  .object({
    code: z.string().meta({ description: "Explained at `/problems/{code}`." }),
    detail: z.string(),
    errors: z.array(z.record(z.string(), z.string())).optional(),
  })
  .meta({ id: "JobError" });

/** A kind adds its own members with `extend`. */
export function jobSchema<K extends string>(kind: K) {
  return z.object({
    id: z.string().regex(JOB_ID),
    kind: z.literal(kind),
    status: z.enum(JOB_STATUSES),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    error: jobError.optional().meta({ description: "Why it failed." }),
  });
}

export const jobPage = z.object({ next: z.string().nullable(), size: z.int().min(0), at: z.int().min(0) });
