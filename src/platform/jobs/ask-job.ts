// Asking for jobs and about them: each kind's use cases are made of these.
import { type SQL, sql } from "drizzle-orm";
import type { Instant } from "../../kernel/clock.ts";
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import { actorName, type Scope } from "../../kernel/scope.ts";
import type { Reader, Row } from "../database/database.ts";
import type { Writer, Written } from "../event-log/writer.ts";
import type { JobWaker } from "./job-waker.ts";

export interface JobData {
  readonly writer: Writer;
  readonly secrets: { random(bytes: number): Uint8Array };
  readonly jobs: { readonly waker: JobWaker };
}

export interface NewJob {
  readonly kind: string;
  /** What it is about: lists are read by it. */
  readonly of?: string;
  /** Jobs of one lane run one after the other. */
  readonly lane?: string;
  readonly plan: JsonObject;
  readonly shown: JsonObject;
  /** Unfinished ones of this kind in the space. */
  readonly most?: number;
  /** Path under the space that its id follows: `imports`. */
  readonly path: string;
  /** Absent: one is made. */
  readonly id?: string;
  /** The function `aside_<does>` that writes the row and more; plain ones are written by `aside_job`. */
  readonly does?: string;
  readonly more?: JsonObject;
}

/** Sorts by time of making, which is the order of a lane. */
export function jobId(now: Instant, random: Uint8Array): string {
  const tail = Array.from(random.slice(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return Math.trunc(now).toString(16).padStart(12, "0").slice(-12) + tail;
}

/** 202 with the job. Refuses with `limited`/`jobs-too-many` and what the function refuses with. */
export async function askJob(scope: Scope<JobData>, asked: NewJob): Promise<Result<Written>> {
  const { writer, secrets, jobs } = scope.data;
  const { kind, of = "", lane = null, plan, shown, path, more = {} } = asked;
  const id = asked.id ?? jobId(scope.clock.now(), secrets.random(6));
  const effect = {
    ...{ job: id, kind, of, lane, plan, shown, actor: actorName(scope.actor) },
    ...(asked.most === undefined ? {} : { most: asked.most }),
    ...more,
  };
  const view = viewOf({ id, kind, status: "queued", created_at: writer.marks.at, shown });
  const outcome = { view, accepted: true, location: `${path}/${id}` } as const;
  const written = await writer.aside(asked.does ?? "job", effect, outcome);
  if (!written.ok) return written.fault.code === "jobs-too-many" ? refuse(tooMany(kind, written.fault)) : written;
  if (!written.value.replayed) await jobs.waker.jobs(scope.space, [{ kind, id }]);
  return written;
}

export interface OneJob {
  readonly kind: string;
  readonly id: string;
  readonly of?: string;
}

export interface Cancelling extends OneJob {
  whyNot(view: JsonObject): Promise<Fault | undefined>;
}

/** Queued, running, ended: a job moves no more often than this. */
const MOVES = 3;

/** A job that has ended stays as it ended. Refuses with `missing`/`job-missing`. */
export async function cancelJob(
  scope: Scope<Pick<JobData, "writer" | "jobs">>,
  asked: Cancelling,
): Promise<Result<Written>> {
  let written = await cancelOnce(scope, asked);
  // It ended between our look at it and our call: it is answered as it ended.
  for (let tried = 1; tried < MOVES && !written.ok && written.fault.code === "job-moved"; tried += 1)
    written = await cancelOnce(scope, asked);
  return written;
}

async function cancelOnce(
  { space, data: { writer, jobs } }: Scope<Pick<JobData, "writer" | "jobs">>,
  { kind, id, of = "", whyNot }: Cancelling,
): Promise<Result<Written>> {
  const loaded = await writer.load([jobStatement(space.uid, { kind, id, of })]);
  if (!loaded.ok) return loaded;
  const row = loaded.value.rows[0]?.[0];
  if (row === undefined) return refuse(jobMissing(id));
  const shown = viewOf(row);
  const stopped = await whyNot(shown);
  if (stopped !== undefined) return refuse(stopped);
  const isOpen = shown["status"] === "queued" || shown["status"] === "running";
  const view = isOpen ? { ...shown, status: "cancelled", finishedAt: writer.marks.at } : shown;
  const written = await writer.aside("job_cancel", { job: id, kind, seen: shown["status"] as string }, { view });
  if (!written.ok) return written.fault.code === "job-missing" ? refuse(jobMissing(id)) : written;
  if (!written.value.replayed) await jobs.waker.jobs(space, [{ kind, id }]);
  return written;
}

export interface JobRead {
  readonly body: JsonObject;
  readonly position: Position;
  readonly source: string;
}

/** Refuses with `missing`/`job-missing`. */
export async function getJob(
  { space, data: { reader } }: Scope<{ readonly reader: Reader }>,
  asked: OneJob,
): Promise<Result<JobRead>> {
  const answer = await reader.read([jobStatement(space.uid, asked)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const row = rows[0]?.[0];
  return row === undefined ? refuse(jobMissing(asked.id)) : ok({ body: viewOf(row), position, source });
}

export interface JobList extends JobRead {
  readonly tagged: Json;
  readonly next: string | null;
}

/** Newest first. Refuses with `malformed`/`cursor-invalid`. */
export async function listJobs(
  { space, data: { reader } }: Scope<{ readonly reader: Reader }>,
  { kind, of = "", limit, after }: { kind: string; of?: string; limit: number; after?: string | undefined },
): Promise<Result<JobList>> {
  if (after !== undefined && !JOB_ID.test(after)) return refuse(NOT_GIVEN);
  const answer = await reader.read([
    sql`select ${COLUMNS} from jobs j where j.space = ${space.uid} and j.kind = ${kind} and j.of = ${of}
        and (${after ?? ""} = '' or j.id < ${after ?? ""}) order by j.id desc limit ${limit + 1}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const found = rows[0] ?? [];
  const data = found.slice(0, limit).map(viewOf);
  const next = found.length > limit ? ((found[limit - 1]?.["id"] as string | undefined) ?? null) : null;
  return ok({ body: { data, page: { next, size: data.length, at: position } }, tagged: data, next, position, source });
}

export const JOB_ID = /^[0-9a-f]{24}$/;

const COLUMNS = sql`j.id, j.kind, j.status, j.created_at, j.started_at, j.finished_at, j.error, j.shown`;

export function jobStatement(uid: SpaceUid, { kind, id, of = "" }: OneJob): SQL {
  return sql`select ${COLUMNS} from jobs j where j.space = ${uid} and j.id = ${id} and j.kind = ${kind} and j.of = ${of}`;
}

export function viewOf(row: Row): JsonObject {
  const time = (name: string): string | null => (row[name] as string | null | undefined) ?? null;
  return {
    id: row["id"] as string,
    kind: row["kind"] as string,
    status: row["status"] as string,
    createdAt: row["created_at"] as string,
    startedAt: time("started_at"),
    finishedAt: time("finished_at"),
    ...(row["error"] == null ? {} : { error: row["error"] as Json }),
    ...(row["shown"] as JsonObject),
  };
}

export function jobMissing(id: string): Fault {
  return fault("missing", "job-missing", `There is no job ${quote(id)}`);
}

function tooMany(kind: string, { position }: Fault): Fault {
  const detail = `This space has as many unfinished jobs of kind ${quote(kind)} as it may have: wait until some have ended, or cancel them`;
  return fault("limited", "jobs-too-many", detail, {
    retryAfter: RETRY,
    ...(position === undefined ? {} : { position }),
  });
}

const RETRY = 30 as NonNullable<Fault["retryAfter"]>;

const NOT_GIVEN = fault("malformed", "cursor-invalid", "This cursor was not given by this list");
