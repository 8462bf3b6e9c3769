// A message only wakes: whether the job may go on, and by whom, its row decides. The turn goes on behind the message, so that a long one keeps
// nobody else's message waiting; the row's lease stands in for the message then.
import { fault } from "../kernel/fault.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import { claimJob, type JobParts, workOn } from "../platform/jobs/run-job.ts";
import { queueOfJob } from "./messages.ts";
import type { Defer, JobAsked, ReactionTools } from "./reaction.ts";

/** A message waits no longer than that for its row: later ones are the sweep's. */
const SOON_S = 60;

export async function runJobWhenAsked(
  { jobs }: ReactionTools,
  asked: JobAsked,
  defer: Defer,
): Promise<Result<undefined>> {
  const { kind, job } = asked;
  // Replays are rows of their own, with a reaction of their own.
  if (kind === "webhook-replay") return ok(undefined);
  if (queueOfJob(kind) !== "work") {
    // Sent by a release that knew of one queue for all jobs, or put back from a dead letter of that time.
    await jobs.waker.jobs(asked, [{ kind, id: job }]);
    return ok(undefined);
  }
  return await takeTurn(jobs, asked, defer);
}

/** One turn, if it is ours to take. `goOn`: within the message, or behind it. */
export async function takeTurn(
  jobs: JobParts,
  { uid, epoch, residency, job }: JobAsked,
  goOn: (turn: Promise<void>) => Promise<void> | void,
): Promise<Result<undefined>> {
  const claimed = await claimJob(jobs, { uid, epoch, residency }, job);
  if (claimed.is === "mine") {
    await goOn(workOn(jobs, claimed.job));
    return ok(undefined);
  }
  const { after } = claimed;
  if (after === undefined || after > SOON_S) return ok(undefined);
  return refuse(fault("unavailable", "too-early", `Job "${job}" is not due yet`, { retryAfter: after }));
}
