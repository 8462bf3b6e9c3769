// One step of an import: the commit of some lines, together with what is known of them afterwards.
import type { JsonObject } from "../../kernel/json.ts";
import type { Change } from "../../platform/event-log/commit.ts";
import { commitStep, type StepParts, type Stepped } from "../../platform/jobs/commit-step.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import type { SpaceKnowledge } from "./import-state.ts";
import type { LineError } from "./prepare-lines.ts";

export interface Counts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
}

export interface Step {
  readonly pass: 1 | 2;
  readonly chunk: number;
  /** Lines of the chunk that were through before, and that are after. */
  readonly seen: number;
  readonly to: number;
  readonly change: Change | undefined;
  /** Lines whose entries are still to be published. */
  readonly pending: readonly (readonly [line: number, id: string, version: number, became: string])[];
  readonly errors: readonly LineError[];
  readonly counts: Counts;
  /** The job's own memory of where it is. */
  readonly next: { readonly pass: 1 | 2; readonly chunk: number };
}

export function stepImport(
  parts: StepParts,
  job: ClaimedJob,
  { known }: SpaceKnowledge,
  { change, ...rest }: Step,
): Promise<Stepped> {
  const commit = change && { change, known };
  return commitStep(parts, job, "import_step", rest as unknown as JsonObject, commit);
}
