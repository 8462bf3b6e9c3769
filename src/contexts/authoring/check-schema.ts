// The job that saves a type with many entries: looks at each of them, drafts and published versions, and saves the type when none breaks it.
// What is written meanwhile satisfies both schemas (commit_refusal), so one walk is enough.
import type { JsonObject } from "../../kernel/json.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import type { Announcer } from "../../platform/event-log/open-writer.ts";
import { commitStep, type StepParts } from "../../platform/jobs/commit-step.ts";
import type { JobKind, Turn, TurnEnd } from "../../platform/jobs/job.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import { SCHEMA_CHECK } from "./ask-schema-check.ts";
import { violationsOf } from "./fields-judge.ts";
import { savedType } from "./save-type.ts";
import type { SchemaEngine } from "./schema-engine.ts";
import { isIndexedAlike, type Locales, shapeOf } from "./shape-of.ts";
import { asJson } from "./type-document.ts";
import { decodeLoadedType, type LoadedType, typeStatement } from "./type-row.ts";
import { conflict, conflictsOf, MAX_NAMED, surveyPage } from "./type-survey.ts";

export interface CheckParts extends Omit<StepParts, "announcer"> {
  readonly schemas: SchemaEngine;
  readerOf(space: SpaceRef): Reader;
  announcer(defer: (work: Promise<unknown>) => void): Announcer;
  /** The space's locales and where its settings and types stand; `undefined`: nobody may write in it any more. */
  settingsOf(reader: Reader): Promise<Settings | undefined>;
  sleep(ms: number): Promise<void>;
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
    async tidy({ space, id, plan }) {
      await parts.call(space, "drop_schema_check", { job: id, type: plan["type"] as string });
    },
  };
}

async function check(parts: CheckParts, turn: Turn): Promise<TurnEnd> {
  const { job, until } = turn;
  const reader = parts.readerOf(job.space);
  const type = String(job.plan["type"]);
  const settings = job.isAlive ? await parts.settingsOf(reader) : undefined;
  const found = decodeLoadedType((await read(reader, [typeStatement(reader.space.uid, type)]))[0]?.[0]);
  const next = found.current?.pending;
  if (settings === undefined || next?.job !== job.id) return OUTDATED;
  // Other locales ask other things of an entry: what was looked at before they came does not count.
  const isSame = job.state["settings"] === settings.known.settings;
  let after: string = isSame ? String(job.state["after"] ?? "") : "";
  let checked = isSame ? Number(job.state["checked"] ?? 0) : 0;
  let conflicts = isSame ? ((job.state["conflicts"] ?? []) as JsonObject[]) : [];
  const judge = (fields: JsonObject) =>
    violationsOf(parts.schemas, next.document.schema, settings.locales.locales, fields, 1)[0];
  for (;;) {
    const rows = (await read(reader, [surveyPage(reader.space.uid, type, after)]))[0] ?? [];
    if (rows.length === 0) break;
    let slice = 0;
    for (const row of rows) {
      conflicts = [...conflicts, ...(conflictsOf(row, { judge }) as unknown as JsonObject[])];
      slice += Number(row["size"]);
      if (slice < SLICE) continue;
      slice = 0;
      await parts.sleep(0);
    }
    after = String(rows.at(-1)?.["id"]);
    checked += rows.length;
    const state = { after, checked, conflicts: conflicts.slice(0, MAX_NAMED), settings: settings.known.settings };
    if (!(await turn.keep({ state, shown: { checked } }))) return { is: "over" };
    if (conflicts.length >= MAX_NAMED) break;
    if (parts.clock.now() >= until) return { is: "more" };
  }
  if (conflicts.length > 0) return broken(type, conflicts.slice(0, MAX_NAMED));
  return await save(parts, turn, type, found, settings);
}

async function save(
  parts: CheckParts,
  { job }: Turn,
  type: string,
  { revision, current }: LoadedType,
  { locales, known }: Settings,
): Promise<TurnEnd> {
  const document = current?.pending?.document;
  if (current === undefined || document === undefined) return OUTDATED;
  const shape = shapeOf(type, document, locales, revision + 1, current.shape);
  if (!shape.ok || !isIndexedAlike(current.shape, shape.value)) return OUTDATED;
  const behind: Promise<unknown>[] = [];
  const announcer = parts.announcer((work) => void behind.push(work));
  const { call, clock, uuid } = parts;
  const change = savedType(type, revision, asJson(document), shape.value);
  const stepped = await commitStep(
    { call, clock, uuid, announcer },
    job,
    "complete_schema_check",
    { type },
    { change, known },
  );
  await Promise.all(behind);
  if (stepped.is !== "refused") return { is: "over" };
  const { refused } = stepped.refused;
  // Settings have changed, or the type was saved by somebody who could not know of this.
  if (refused === "knowledge-outdated") return { is: "more" };
  if (refused === "types-too-large")
    return failed("types-too-large", "With this type the space's content types would take more than they may");
  return OUTDATED;
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

async function read(reader: Reader, statements: Parameters<Reader["read"]>[0]): Promise<readonly (readonly Row[])[]> {
  const answer = await reader.read(statements);
  if (!answer.ok) throw new Outage("postgres", "failed", { cause: answer.fault });
  return answer.value.rows;
}
