// A step of a job that commits: one function holds the job, calls commit_write and notes how far the job is, in one transaction; and the commit
// is announced as every commit is.
import { type Clock, type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Change } from "../event-log/commit.ts";
import type { Committed, Refused } from "../event-log/commit-answer.ts";
import type { Announcer } from "../event-log/open-writer.ts";
import type { SpaceCall } from "../relay/space-calls.ts";
import { attempt } from "../resilience/attempt.ts";
import type { ClaimedJob } from "./job.ts";
import { LEASE_S } from "./run-job.ts";

export interface StepParts {
  readonly call: SpaceCall;
  readonly announcer: Announcer;
  readonly clock: Clock;
  uuid(): string;
}

export interface StepCommit {
  readonly change: Change;
  /** Positions of settings and content types that the decision knew: the commit finds them unmoved, or refuses. */
  readonly known: { readonly settings: number; readonly schema: number };
}

export type Stepped =
  | { readonly is: "done"; readonly position: Position | undefined; readonly took: Millis }
  | { readonly is: "refused"; readonly refused: Refused }
  /** Somebody has done it: look again. */
  | { readonly is: "moved" }
  /** The job is not ours (any more), or its space is not there. */
  | { readonly is: "over" };

/** `name`: the step's function. Throws when the primary is away: whether it was done is then not known, and asked again of the job's rows. */
export async function commitStep(
  { call, announcer, clock, uuid }: StepParts,
  { space, id, holder, actor }: ClaimedJob,
  name: string,
  payload: JsonObject,
  commit: StepCommit | undefined,
): Promise<Stepped> {
  const seen = commit === undefined ? undefined : (await announcer.beforeCommit(space)).seen;
  const began = clock.now();
  const change = commit && {
    ...(commit.change as unknown as JsonObject),
    ...{ space: space.uid, commit: uuid(), known: commit.known, meta: { actor, requestId: id } },
    ...(seen === undefined ? {} : { seen }),
  };
  const held = { job: id, holder, at: new Date(began).toISOString(), lease: LEASE_S };
  const done = await attempt(() =>
    call(space, name, { ...payload, ...held, ...(change === undefined ? {} : { change }) }),
  );
  const took = millis(clock.now() - began);
  if (!done.ok) {
    if (commit !== undefined) announcer.afterUnknown(space);
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
