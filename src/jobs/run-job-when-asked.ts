// A message only wakes: whether the job may go on, and by whom, its row decides. The turn goes on behind the message, so that a long one keeps
// nobody else's message waiting; the row's lease stands in for the message then. A patient kind would not live long enough there.
import { fault } from "../kernel/fault.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import { claimJob, workOn } from "../platform/jobs/run-job.ts";
import type { Defer, JobAsked, ReactionTools } from "./reaction.ts";

/** A message waits no longer than that for its row: later ones are the sweep's. */
const SOON_S = 60;

export async function runJobWhenAsked(
  { jobs }: ReactionTools,
  { uid, epoch, residency, kind, job }: JobAsked,
  defer: Defer,
): Promise<Result<undefined>> {
  // Replays are rows of their own, with a reaction of their own.
  if (kind === "webhook-replay") return ok(undefined);
  const claimed = await claimJob(jobs, { uid, epoch, residency }, job);
  if (claimed.is === "mine") {
    const work = workOn(jobs, claimed.job);
    if (jobs.kinds.find(({ name }) => name === claimed.job.kind)?.isPatient === true) await work;
    else defer(work);
    return ok(undefined);
  }
  const { after } = claimed;
  if (after === undefined || after > SOON_S) return ok(undefined);
  return refuse(fault("unavailable", "too-early", `Job "${job}" is not due yet`, { retryAfter: after }));
}
