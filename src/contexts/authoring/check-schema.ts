// The job that saves a type with many entries: looks at each of them, drafts and published versions, writes the rows of indexes that are new, and
// saves the type when none breaks it. What is written meanwhile satisfies both schemas, and has the rows of both (commit_refusal): one walk is enough.
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { Announcer } from "../../platform/event-log/open-writer.ts";
import { commitStep, type StepParts } from "../../platform/jobs/commit-step.ts";
import type { JobKind, Turn, TurnEnd } from "../../platform/jobs/job.ts";
import type { TypeShape } from "../delivery/delivery.ts";
import { SCHEMA_CHECK } from "./ask-schema-check.ts";
import { bothShapes } from "./both-shapes.ts";
import { cleanRows, readPage, readType } from "./clean-rows.ts";
import { type ContentType, underWay } from "./content-type.ts";
import { violationsOf } from "./fields-judge.ts";
import { savedType } from "./save-type.ts";
import type { SchemaEngine } from "./schema-engine.ts";
import { isIndexedAlike, type Locales, shapeOf } from "./shape-of.ts";
import { asJson } from "./type-document.ts";
import type { LoadedType } from "./type-row.ts";
import { conflict, conflictsOf, MAX_NAMED } from "./type-survey.ts";
import { type Pace, type WroteRows, writeRows } from "./write-rows.ts";

export interface CheckParts extends Omit<StepParts, "announcer"> {
  readonly schemas: SchemaEngine;
  readerOf(space: SpaceRef): Reader;
  announcer(defer: (work: Promise<unknown>) => void): Announcer;
  /** The space's locales and where its settings and types stand; `undefined`: nobody may write in it any more. */
  settingsOf(reader: Reader): Promise<Settings | undefined>;
  sleep(ms: number): Promise<void>;
  /** `last`: the head as it was when the job last held the space. */
  openPace(last: Position | undefined): Pace;
}

export interface Settings {
  readonly locales: Locales;
  readonly known: { readonly settings: number; readonly schema: number };
}

/** Bytes of documents judged in one go. */
const SLICE = 64 * 1024;

export function schemaCheckKind(parts: CheckParts): JobKind {
  return {
    name: SCHEMA_CHECK,
    run: (turn) => check(parts, turn),
    async tidy(job, until) {
      const type = job.plan["type"] as string;
      const dropped = await parts.call(job.space, "drop_schema_check", { job: job.id, type });
      if (dropped["isDirty"] !== true) return undefined;
      const cleaned = await cleanRows(
        { ...parts, pace: parts.openPace(undefined) },
        job,
        parts.readerOf(job.space),
        until,
      );
      if (cleaned === "all") await parts.call(job.space, "drop_schema_check", { job: job.id, type, isCleaned: true });
      return cleaned === "some" ? { is: "more" } : undefined;
    },
  };
}

interface Checking {
  readonly found: LoadedType;
  readonly current: ContentType;
  /** The type as it will be saved. */
  readonly next: TypeShape;
  readonly document: NonNullable<ContentType["pending"]>["document"];
  readonly rows: TypeShape | undefined;
  readonly settings: Settings;
}

async function check(parts: CheckParts, turn: Turn): Promise<TurnEnd> {
  const { job, until } = turn;
  const reader = parts.readerOf(job.space);
  const checking = await beginning(parts, turn, reader);
  if (checking === undefined) return OUTDATED;
  const { document, rows: shape, found, settings } = checking;
  const type = String(job.plan["type"]);
  const pace = parts.openPace(lastHead(job.state));
  // Other locales ask other things of an entry: what was looked at before they came does not count.
  const isSame = job.state["settings"] === settings.known.settings;
  let after: string = isSame ? String(job.state["after"] ?? "") : "";
  let checked = isSame ? Number(job.state["checked"] ?? 0) : 0;
  let conflicts = isSame ? ((job.state["conflicts"] ?? []) as JsonObject[]) : [];
  const judge = (fields: JsonObject) =>
    violationsOf(parts.schemas, document.schema, settings.locales.locales, fields, 1)[0];
  const note = (done: number, id: string) => ({
    state: { after: id, checked: checked + done, conflicts, settings: settings.known.settings },
    shown: { checked: checked + done },
  });
  for (;;) {
    const rows = await readPage(reader, type, after);
    const last = rows.at(-1);
    if (last === undefined) break;
    if (job.plan["judges"] !== false) {
      conflicts = [...conflicts, ...(await conflictsIn(rows, judge, parts))].slice(0, MAX_NAMED);
    }
    // A type that is not going to be saved needs no rows.
    if (shape !== undefined && conflicts.length === 0) {
      const of = { job, type, revision: found.revision, shape, phase: "fill", note } as const;
      const wrote = await writeRows({ ...parts, pace }, of, rows, until);
      if (wrote.is !== "on") return unwritten(wrote);
    } else {
      const kept = await turn.keep(note(rows.length, String(last["id"])));
      if (!kept) return { is: "over" };
    }
    after = String(last["id"]);
    checked += rows.length;
    if (conflicts.length >= MAX_NAMED) break;
    if (parts.clock.now() >= until) return { is: "more" };
  }
  if (conflicts.length > 0) return broken(type, conflicts);
  return await save(parts, turn, type, checking);
}

/** `undefined`: it is not what was asked to be checked (any more). */
async function beginning(parts: CheckParts, { job }: Turn, reader: Reader): Promise<Checking | undefined> {
  const type = String(job.plan["type"]);
  const settings = job.isAlive ? await parts.settingsOf(reader) : undefined;
  if (settings === undefined) return undefined;
  const found = await readType(reader, type);
  const { current, revision } = found;
  const pending = current && underWay(current);
  if (current === undefined || pending?.job !== job.id) return undefined;
  const { document, rows } = pending;
  // In the slots that were given when the check was asked for: a document that was kept has its fields in another order.
  const next = shapeOf(type, document, settings.locales, revision + 1, rows ?? current.shape);
  if (!next.ok) return undefined;
  const both = bothShapes(current.shape, next.value);
  // What others write meanwhile was settled when the check was asked for: it must be what the next type needs.
  const isHeld =
    rows === undefined ? isIndexedAlike(current.shape, next.value) : both.ok && isIndexedAlike(both.shape, rows);
  return isHeld ? { found, current, next: next.value, document, rows, settings } : undefined;
}

async function conflictsIn(
  rows: readonly Row[],
  judge: NonNullable<Parameters<typeof conflictsOf>[1]["judge"]>,
  { sleep }: Pick<CheckParts, "sleep">,
): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = [];
  let slice = 0;
  for (const row of rows) {
    found.push(...(conflictsOf(row, { judge }) as unknown as readonly JsonObject[]));
    slice += Number(row["size"]);
    if (slice < SLICE) continue;
    slice = 0;
    await sleep(0);
  }
  return found;
}

async function save(parts: CheckParts, { job }: Turn, type: string, checking: Checking): Promise<TurnEnd> {
  const { found, next, document, rows, settings } = checking;
  const behind: Promise<unknown>[] = [];
  const announcer = parts.announcer((work) => void behind.push(work));
  const { call, clock, uuid } = parts;
  const change = savedType(type, found.revision, asJson(document), next);
  // Rows that hold more than the type that is saved are put right afterwards.
  const leaves = rows !== undefined && !isIndexedAlike(rows, next);
  const payload = { type, leaves };
  const commit = { change, known: settings.known };
  const stepped = await commitStep({ call, clock, uuid, announcer }, job, "complete_schema_check", payload, commit);
  await Promise.all(behind);
  if (stepped.is !== "refused") return { is: "over" };
  const { refused } = stepped.refused;
  // Settings have changed, or the type was saved by somebody who could not know of this.
  if (refused === "knowledge-outdated") return { is: "more" };
  if (refused === "types-too-large")
    return failed("types-too-large", "With this type the space's content types would take more than they may");
  return OUTDATED;
}

function unwritten(wrote: WroteRows): TurnEnd {
  if (wrote.is === "too large") {
    const detail = `The index rows of entry "${wrote.id}" would take more than one call to the database carries`;
    return failed("schema-check-too-large", detail);
  }
  return wrote.is === "over" ? { is: "over" } : { is: "more" };
}

/** None while the job has not held the space. */
function lastHead({ head }: JsonObject): Position | undefined {
  return typeof head === "number" ? position(head) : undefined;
}

function broken(type: string, items: readonly JsonObject[]): TurnEnd {
  const { code, detail } = conflict(type, []);
  return { is: "failed", error: { code, detail, errors: items } };
}

function failed(code: string, detail: string): TurnEnd {
  return { is: "failed", error: { code, detail } };
}

const OUTDATED = failed(
  "schema-check-outdated",
  "The content type, its space's settings or the space itself changed while its entries were looked at: save the type again",
);
