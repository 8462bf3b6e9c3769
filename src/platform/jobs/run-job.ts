// One turn at a job: claim its row, let its kind go on, give the turn back. Whoever dies in it leaves a lease behind, and the job goes on when it is over.
import { type Clock, instant, type Millis, millis, type Seconds, seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { isAway, isBusy } from "../database/outage.ts";
import type { SpaceAddress } from "../relay/dirty-set.ts";
import type { Report } from "../relay/relay.ts";
import type { SpaceCall } from "../relay/space-calls.ts";
import { attempt, nameOf } from "../resilience/attempt.ts";
import { Outage } from "../resilience/outage.ts";
import type { ClaimedJob, JobKind, JobStatus, TurnEnd } from "./job.ts";
import type { JobWake, JobWaker } from "./job-waker.ts";

export interface JobParts {
  readonly call: SpaceCall;
  readonly waker: JobWaker;
  readonly kinds: readonly JobKind[];
  readonly clock: Clock;
  readonly report: Report;
  uuid(): string;
  sleep(ms: number): Promise<void>;
}

export type ClaimedOrNot =
  | { readonly is: "mine"; readonly job: ClaimedJob }
  /** `after`: too early by so long. Otherwise whoever has to come will be told. */
  | { readonly is: "not-mine"; readonly why: string; readonly after?: Seconds };

export const LEASE_S = 60;
/** How long one turn goes on. */
const TURN: Millis = millis(20_000);
/** Turns that a job may begin without getting any further: whoever takes it dies of it. */
const ATTEMPTS = 8;
const FIRST_WAIT_S = 2;
/** For the end of a turn: what broke it off may have taken the way to its row with it. Longer than that, and the platform ends what goes on behind a message. */
const WAITS_MS = [1_000, 2_000, 4_000];
const LONGEST_WAIT_S = 60;
/** A kind that only the release before or after this one knows. */
const UNKNOWN_WAIT: Seconds = seconds(300);

/** Throws when the primary is away. */
export async function claimJob(
  { call, clock, uuid }: Pick<JobParts, "call" | "clock" | "uuid">,
  space: SpaceAddress,
  id: string,
): Promise<ClaimedOrNot> {
  const holder = uuid();
  const at = new Date(clock.now()).toISOString();
  const answer = await call(space, "claim_job", { job: id, holder, at, lease: LEASE_S });
  if (answer["gone"] === true) return { is: "not-mine", why: "gone" };
  if (answer["skip"] === undefined) return { is: "mine", job: jobOf(space, holder, answer) };
  const { skip, after } = answer;
  return { is: "not-mine", why: String(skip), ...(after === undefined ? {} : { after: after as Seconds }) };
}

/** Never throws: what it leaves is found by lease and sweep. */
export async function workOn(parts: JobParts, job: ClaimedJob): Promise<void> {
  const done = await attempt(() => takeTurn(parts, job));
  if (!done.ok)
    parts.report("job-left", { space: job.space.uid, kind: job.kind, job: job.id, why: nameOf(done.error) });
}

async function takeTurn(parts: JobParts, job: ClaimedJob): Promise<void> {
  const kind = parts.kinds.find(({ name }) => name === job.kind);
  if (kind === undefined) return await release(parts, job, { after: UNKNOWN_WAIT, spared: true });
  const hasEnded = job.status !== "running";
  if (job.attempts > ATTEMPTS) return await giveUp(parts, job, hasEnded);
  const turned = await attempt(async () => {
    if (!hasEnded) return await go(parts, kind, job);
    return await kind.tidy?.(job, instant(parts.clock.now() + TURN));
  });
  if (!turned.ok) {
    const { error } = turned;
    const spared = error instanceof Outage || isAway(error) || isBusy(error);
    const after = seconds(Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (job.attempts - 1)));
    report(parts, "job-turn-failed", job, { why: nameOf(error), spared });
    return await release(parts, job, { after, spared });
  }
  const end = turned.value;
  if (end === undefined) return await release(parts, job, { closes: true });
  if (end.is === "more") return await release(parts, job, { after: end.after ?? seconds(0) });
  if (end.is !== "over") {
    const error = end.is === "failed" ? (end.error as unknown as JsonObject) : null;
    await finish(parts, job, end.is, error, end.shown ?? {});
  }
  await release(parts, job, { closes: kind.tidy === undefined });
}

function go(parts: JobParts, kind: JobKind, job: ClaimedJob): Promise<TurnEnd> {
  const { call, clock } = parts;
  return kind.run({
    job,
    until: instant(clock.now() + TURN),
    async keep(what) {
      const at = new Date(clock.now()).toISOString();
      const kept = await call(job.space, "keep_job", { ...what, job: job.id, holder: job.holder, at, lease: LEASE_S });
      return kept["held"] === true;
    },
  });
}

/** Nobody came back from it, every time: it fails, and what cannot be tidied up after it is left. */
async function giveUp(parts: JobParts, job: ClaimedJob, hasEnded: boolean): Promise<void> {
  report(parts, "job-given-up", job, { hasEnded });
  if (hasEnded) return await release(parts, job, { closes: true });
  const detail = "The job could not be gone on with: every attempt broke off";
  await finish(parts, job, "failed", { code: "job-gave-up", detail }, {});
  await release(parts, job, {});
}

async function finish(
  parts: JobParts,
  job: ClaimedJob,
  status: JobStatus,
  error: JsonObject | null,
  shown: JsonObject,
): Promise<void> {
  const at = new Date(parts.clock.now()).toISOString();
  const end = { job: job.id, holder: job.holder, at, status, error, shown };
  await insist(parts, () => parts.call(job.space, "end_job", end));
}

interface Release {
  readonly after?: Seconds;
  readonly spared?: boolean;
  readonly closes?: boolean;
}

/** A database whose sessions were ended is back within seconds; a lease that nobody gives back keeps the job for a minute, and until the sweep comes. */
async function insist<T>({ sleep }: JobParts, work: () => Promise<T>): Promise<T> {
  for (const wait of WAITS_MS) {
    const done = await attempt(work);
    if (done.ok) return done.value;
    await sleep(wait);
  }
  return await work();
}

async function release(
  parts: JobParts,
  job: ClaimedJob,
  { after = seconds(0), spared = false, closes = false }: Release,
): Promise<void> {
  const dueAt = new Date(parts.clock.now() + after * 1_000).toISOString();
  const end = { job: job.id, holder: job.holder, dueAt, spared, closes };
  const answer = await insist(parts, () => parts.call(job.space, "release_job", end));
  const others = (answer["wake"] ?? []) as unknown as readonly JobWake[];
  const own = closes || after > LONGEST_WAIT_S ? [] : [{ kind: job.kind, id: job.id, delay: after }];
  if (answer["gone"] !== true) await parts.waker.jobs(job.space, [...own, ...others]);
}

function report(parts: JobParts, event: string, { space, kind, id, attempts }: ClaimedJob, facts: JsonObject): void {
  parts.report(event, { space: space.uid, kind, job: id, attempts, ...facts });
}

function jobOf(space: SpaceAddress, holder: string, row: JsonObject): ClaimedJob {
  const { spaceId, alive, ...rest } = row;
  const ref = { uid: space.uid, epoch: space.epoch, residency: space.residency, id: String(spaceId ?? "") };
  return { ...(rest as unknown as ClaimedJob), space: ref, isAlive: alive === true, holder };
}
