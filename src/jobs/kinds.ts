// Every kind of job. To add one: a file that makes a JobKind, and a line here; its operations come from http/jobs/job-operations.ts.
import type { JobKind } from "../platform/jobs/job.ts";
import type { AfterwardsParts } from "./afterwards.ts";

export function jobKinds(_parts: AfterwardsParts): readonly JobKind[] {
  return [];
}
