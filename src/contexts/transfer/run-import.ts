// An import, chunk after chunk: first all drafts, then what refers to entries further down. Where it is stands in the job's row and the chunks';
// a step is one transaction, so whoever takes the next turn goes on from there.
import { sql } from "drizzle-orm";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { Announcer } from "../../platform/event-log/open-writer.ts";
import type { StepParts } from "../../platform/jobs/commit-step.ts";
import type { ClaimedJob, JobKind, Turn, TurnEnd } from "../../platform/jobs/job.ts";
import { LEASE_S } from "../../platform/jobs/run-job.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import type { SchemaEngine } from "../authoring/authoring.ts";
import { draftChunk, publishChunk } from "./import-chunks.ts";
import { learnSpace } from "./import-state.ts";
import type { ImportTurn } from "./import-turn.ts";
import { openPace } from "./pace.ts";
import type { BlobStore, ReadLine } from "./ports.ts";
import { IMPORT } from "./start-import.ts";

export interface ImportParts extends Omit<StepParts, "announcer"> {
  readonly blobs: BlobStore;
  readonly readLine: ReadLine;
  readonly schemas: SchemaEngine;
  readerOf(space: SpaceRef): Reader;
  announcer(defer: (work: Promise<unknown>) => void): Announcer;
  sleep(ms: number): Promise<void>;
  /** Much else is under way in this isolate. */
  isBusy(): boolean;
  /** When webhooks may be told of it, and waking their messages. */
  readonly told: {
    times(space: SpaceAddress, head: Position): Promise<JsonObject>;
    wake(space: SpaceAddress, wakes: JsonObject["wake"]): Promise<void>;
  };
}

/** Chunks whose rows are read at a time. */
const AHEAD = 20;

export function importKind(parts: ImportParts): JobKind {
  return {
    name: IMPORT,
    async run(turn) {
      const behind: Promise<unknown>[] = [];
      const ended = await runImport(parts, turn, behind);
      await Promise.all(behind);
      return ended;
    },
    async tidy({ plan }) {
      await parts.blobs.remove(String(plan["key"]));
      return undefined;
    },
  };
}

async function runImport(parts: ImportParts, turn: Turn, behind: Promise<unknown>[]): Promise<TurnEnd> {
  const { call, clock, uuid, sleep, schemas } = parts;
  const { job } = turn;
  const reader = parts.readerOf(job.space);
  const space = job.isAlive ? await learnSpace(reader) : undefined;
  if (space === undefined) return SPACE_GONE;
  const last = job.shown["position"];
  const pace = openPace(clock, parts.isBusy, typeof last === "number" ? position(last) : undefined);
  const step = { call, clock, uuid, announcer: parts.announcer((work) => void behind.push(work)) };
  const own: ImportTurn = { turn, reader, step, pace, clock, schemas, space, most: undefined, behind, sleep };
  let pass = job.state["pass"] === 2 ? 2 : 1;
  let chunk = Number(job.state["chunk"] ?? 0);
  for (;;) {
    const rows = await readChunks(reader, job.id, pass, chunk);
    if (rows.length === 0 && pass === 2) return await complete(parts, job, reader);
    if (rows.length === 0) [pass, chunk] = [2, 0];
    for (const row of rows) {
      const went = pass === 1 ? await draftChunk(own, row, parts) : await publishChunk(own, row);
      if (went === "later") return { is: "more" };
      if (went === "over") return { is: "over" };
      if (went === "gone") return SPACE_GONE;
      if (went === "lost") return FILE_LOST;
      // Somebody was faster: what its row says now is to be read again.
      if (went === "reread") break;
      chunk = Number(row["n"]) + 1;
    }
  }
}

async function readChunks(reader: Reader, job: string, pass: number, from: number): Promise<readonly Row[]> {
  const { uid } = reader.space;
  const mine = sql`from import_chunks c where c.space = ${uid} and c.job = ${job} and c.n >= ${from}`;
  const statement =
    pass === 1
      ? sql`select c.n, c.starts, c.bytes, c.first_line, c.done ${mine} order by c.n limit ${AHEAD}`
      : sql`select c.n, c.pending, c.published ${mine} and c.pending <> '[]' order by c.n limit ${AHEAD}`;
  const answer = await reader.read([statement]);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault });
  return answer.value.rows[0] ?? [];
}

/** The end and the webhooks' messages about it are one transaction. */
async function complete({ call, clock, told }: ImportParts, job: ClaimedJob, reader: Reader): Promise<TurnEnd> {
  const head = await reader.read([]);
  if (!head.ok) throw new Outage("postgres", "failed", { cause: head.fault });
  const times = await told.times(job.space, head.value.position);
  const at = new Date(clock.now()).toISOString();
  const answer = await call(job.space, "complete_import", {
    ...times,
    ...{ job: job.id, holder: job.holder, at, lease: LEASE_S },
  });
  if (answer["wake"] !== undefined) await told.wake(job.space, answer["wake"]);
  return { is: "over" };
}

const SPACE_GONE: TurnEnd = {
  is: "failed",
  error: { code: "space-missing", detail: "The space was deleted while its file was imported" },
};
const FILE_LOST: TurnEnd = {
  is: "failed",
  error: { code: "import-file-missing", detail: "The uploaded file is not there any more: import it again" },
};
