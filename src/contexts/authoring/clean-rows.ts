// Sort rows and references of a type lose what a check of its indexes has left in them: of indexes that were taken away, or never came.
import type { SQL } from "drizzle-orm";
import type { Instant } from "../../kernel/clock.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { ClaimedJob } from "../../platform/jobs/job.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import { decodeLoadedType, type LoadedType, typeStatement } from "./type-row.ts";
import { surveyPage } from "./type-survey.ts";
import { type RowParts, writeRows } from "./write-rows.ts";

/**
 * Goes on from where the job's row says. `all`: nothing is left in them. `some`: it is to be gone on with. `none`: it is not this job's any more:
 * the type is gone, or another check of it has begun, which writes every row anyway.
 */
export async function cleanRows(
  parts: RowParts,
  job: ClaimedJob,
  reader: Reader,
  until: Instant,
): Promise<"all" | "some" | "none"> {
  const type = String(job.plan["type"]);
  const { current } = await readType(reader, type);
  if (current?.pending?.job !== job.id) return "none";
  const { revision, shape } = current;
  for (let after = String(job.state["cleaned"] ?? ""); ; ) {
    const rows = await readPage(reader, type, after);
    const last = rows.at(-1);
    if (last === undefined) return "all";
    const note = (_: number, id: string) => ({ state: { cleaned: id } });
    const wrote = await writeRows(parts, { job, type, revision, shape, phase: "clean", note }, rows, until);
    if (wrote.is === "over") return "none";
    if (wrote.is === "moved" || wrote.is === "late") return "some";
    if (wrote.is === "too large")
      throw new Error(`Rows of entry ${wrote.id} that were written once cannot be written again`);
    after = String(last["id"]);
    if (parts.clock.now() >= until) return "some";
  }
}

export async function readType(reader: Reader, type: string): Promise<LoadedType> {
  return decodeLoadedType((await read(reader, typeStatement(reader.space.uid, type)))[0]);
}

/** Entries after `after`, by id, with their fields; none: there are no more. */
export function readPage(reader: Reader, type: string, after: string): Promise<readonly Row[]> {
  return read(reader, surveyPage(reader.space.uid, type, after));
}

async function read(reader: Reader, statement: SQL): Promise<readonly Row[]> {
  const answer = await reader.read([statement]);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault });
  return answer.value.rows[0] ?? [];
}
