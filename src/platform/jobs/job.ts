// A job: what goes on behind an answer, turn by turn. Its row is the truth (migrations/0010_jobs.sql); whoever holds the row's lease has the turn.
import type { Instant, Seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { SpaceRef } from "../../kernel/scope.ts";

export const JOB_STATUSES = ["queued", "running", "completed", "cancelled", "failed"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export interface ClaimedJob {
  readonly space: SpaceRef;
  /** False: the space was deleted, and nothing is to be written in it any more. */
  readonly isAlive: boolean;
  readonly id: string;
  readonly kind: string;
  /** What it is about, within its kind. */
  readonly of: string;
  readonly status: JobStatus;
  /** On whose behalf, as events name actors. */
  readonly actor: string;
  /** What was asked. */
  readonly plan: JsonObject;
  /** How far it is: for its kind alone. */
  readonly state: JsonObject;
  /** Members that its view has besides the common ones. */
  readonly shown: JsonObject;
  /** Turns begun since it last got further, this one included. */
  readonly attempts: number;
  readonly createdAt: Instant;
  /** Names the turn: every step shows it. */
  readonly holder: string;
}

/** What a job failed with: public, as a fault is. */
export interface JobError {
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly JsonObject[];
}

/** How a turn ended. */
export type TurnEnd =
  | { readonly is: "more"; readonly after?: Seconds }
  | { readonly is: "completed"; readonly shown?: JsonObject }
  | { readonly is: "failed"; readonly error: JobError; readonly shown?: JsonObject }
  /** One of its steps has ended it, or found that it is not (or no longer) ours: cancelled, or somebody else's turn. */
  | { readonly is: "over" };

export interface Turn {
  readonly job: ClaimedJob;
  /** When to give the turn back: others wait. */
  readonly until: Instant;
  /** A step of which only the row knows; prolongs the lease. False: the job is not ours any more. Throws when the primary is away. */
  keep(what: { readonly state?: JsonObject; readonly shown?: JsonObject }): Promise<boolean>;
}

/** One kind of job: a file, and a line where kinds are listed (jobs/afterwards.ts). */
export interface JobKind {
  readonly name: string;
  /**
   * Goes on from where the row says that the job is. May be killed at any point, and run again from there. Throws when something that it needs
   * is away: that is not the job's fault, and it goes on when it is back. Whatever else it throws counts, and ends it after some attempts.
   */
  run(turn: Turn): Promise<TurnEnd>;
  /**
   * After the job has ended, whichever way: removes what it leaves behind. Done twice it is done once. What takes longer than `until` is gone on
   * with in a further turn (`more`), from where the job's row says; steps that move the row are turns that get further.
   */
  tidy?(job: ClaimedJob, until: Instant): Promise<Extract<TurnEnd, { readonly is: "more" }> | undefined>;
}
