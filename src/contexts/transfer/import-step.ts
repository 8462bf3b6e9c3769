// One step of an import: the commit of some lines, together with what is known of them afterwards; announced as every commit is.
import { type Clock, type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Change } from "../../platform/event-log/commit.ts";
import type { Committed, Refused } from "../../platform/event-log/commit-answer.ts";
import type { Announcer } from "../../platform/event-log/open-writer.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import { LEASE_S } from "../../platform/jobs/run-job.ts";
import type { SpaceCall } from "../../platform/relay/space-calls.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { SpaceKnowledge } from "./import-state.ts";
import type { LineError } from "./prepare-lines.ts";

export interface StepParts {
  readonly call: SpaceCall;
  readonly announcer: Announcer;
  readonly clock: Clock;
  uuid(): string;
}

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

export type Stepped =
  | { readonly is: "done"; readonly position: Position | undefined; readonly took: Millis }
  | { readonly is: "refused"; readonly refused: Refused }
  /** Somebody has done it: look again. */
  | { readonly is: "moved" }
  | { readonly is: "over" };

/** Throws when the primary is away: whether it was done is then not known, and asked again of the chunk's row. */
export async function stepImport(
  { call, announcer, clock, uuid }: StepParts,
  { space, id, holder, actor }: ClaimedJob,
  { known }: SpaceKnowledge,
  step: Step,
): Promise<Stepped> {
  const { change, ...rest } = step;
  const seen = change === undefined ? undefined : (await announcer.beforeCommit(space)).seen;
  const began = clock.now();
  const done = await attempt(() =>
    call(space, "import_step", {
      ...(rest as unknown as JsonObject),
      ...{ job: id, holder, at: new Date(began).toISOString(), lease: LEASE_S },
      ...(change === undefined
        ? {}
        : {
            change: {
              ...(change as unknown as JsonObject),
              ...{ space: space.uid, commit: uuid(), known, meta: { actor, requestId: id } },
              ...(seen === undefined ? {} : { seen }),
            },
          }),
    }),
  );
  const took = millis(clock.now() - began);
  if (!done.ok) {
    if (change !== undefined) announcer.afterUnknown(space);
    throw done.error;
  }
  const answer = done.value as JsonObject & { committed?: Committed };
  if (answer["gone"] === true || answer["held"] === false) return { is: "over" };
  if (answer["moved"] === false) return { is: "moved" };
  if (answer["refused"] !== undefined) return { is: "refused", refused: answer as unknown as Refused };
  const { committed } = answer;
  if (committed === undefined) return { is: "done", position: undefined, took };
  await announcer.afterCommit(space, {
    position: position(committed.position),
    recentFrom: position(committed.recentFrom ?? committed.position),
    recent: committed.recent ?? [],
  });
  return { is: "done", position: position(committed.position), took };
}
