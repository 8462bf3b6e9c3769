// Looks at every entry of a type that is about to change: which ones would break its schema, and the rows that its slots then hold.
import { type SQL, sql } from "drizzle-orm";
import type { Clock } from "../../kernel/clock.ts";
import { type Fault, type FaultItem, fault, quote } from "../../kernel/fault.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Row } from "../../platform/database/database.ts";
import type { Reindex, SortRow } from "../../platform/event-log/commit.ts";
import type { Writer } from "../../platform/event-log/writer.ts";
import { sortRowOf, type TypeShape } from "../delivery/delivery.ts";
import { utf8Length } from "./domain/field-rules.ts";
import { referencesOf } from "./references.ts";

/** Entries that one request looks at: more are looked at by a job (check-schema.ts). */
export const MAX_SURVEYED = 1_000;
/** Bytes of them, as they travel, and how long it may take to look at them: a request has both bounded. */
export const MAX_SURVEYED_BYTES = 96 * 1024 * 1024;
const MAX_SURVEY_MS = 10_000;
/** Rows of references and equality terms that one commit writes again, which are what takes the time: it holds the space's lock, and has 2.2 s. */
const MAX_REINDEXED_VALUES = 20_000;
/** Bytes of the rows as they travel: one call carries no more than 8 MiB with everything else. */
const MAX_REINDEXED_BYTES = 4 * 1024 * 1024;
/** Conflicts that are named. */
export const MAX_NAMED = 20;
/** Rows and bytes of one page; a page has at least one entry, whatever its size. */
const PAGE_ROWS = 250;
const PAGE_BYTES = 4 * 1024 * 1024;

export interface Survey {
  readonly type: string;
  readonly shape: TypeShape;
  /** Why an entry's fields would break the schema; `undefined`: nobody asks. */
  readonly judge: ((fields: JsonObject) => FaultItem | undefined) | undefined;
  /** Sort rows are written again, references too when asked. */
  readonly reindex: "nothing" | "rows" | "rows and references";
  readonly clock: Clock;
}

/**
 * Reads page by page: the commit must check `typeEntries`, or an entry that changed meanwhile goes unseen. Too much: for one request or, when
 * rows are written again, for one commit. Refuses with `conflict`/`schema-conflict`, naming up to 20, before anything is written.
 */
export async function surveyEntries(writer: Writer, survey: Survey): Promise<Result<readonly Reindex[] | "too much">> {
  const end = survey.clock.now() + MAX_SURVEY_MS;
  const conflicts: FaultItem[] = [];
  const reindex: Reindex[] = [];
  const seen = { bytes: 0, reindexBytes: 0, values: 0 };
  let after: string | undefined = "";
  while (after !== undefined && conflicts.length < MAX_NAMED) {
    const page = await writer.load([surveyPage(writer.space.uid, survey.type, after)]);
    if (!page.ok) return page;
    const rows: readonly Row[] = page.value.rows[0] ?? [];
    for (const row of rows) {
      seen.bytes += Number(row["size"]);
      conflicts.push(...conflictsOf(row, survey));
      if (survey.reindex === "nothing") continue;
      const again = reindexOf(row, survey);
      seen.values += valuesIn(again);
      seen.reindexBytes += travelSize(again);
      reindex.push(again);
    }
    const isOver = isTooMuch(seen) || survey.clock.now() > end;
    if (isOver && conflicts.length === 0) return ok("too much");
    if (isOver) break;
    after = rows.length === 0 ? undefined : String(rows.at(-1)?.["id"]);
  }
  if (conflicts.length > 0) return refuse(conflict(survey.type, conflicts.slice(0, MAX_NAMED)));
  return ok(reindex);
}

function isTooMuch({ bytes, reindexBytes, values }: { bytes: number; reindexBytes: number; values: number }): boolean {
  return bytes > MAX_SURVEYED_BYTES || values > MAX_REINDEXED_VALUES || reindexBytes > MAX_REINDEXED_BYTES;
}

function valuesIn({ draft, published, refs = [] }: Reindex): number {
  return termsIn(draft) + termsIn(published) + refs.length;
}

export function termsIn(row: SortRow | undefined): number {
  return (row?.["tokens"] as readonly string[] | undefined)?.length ?? 0;
}

/** A call carries its rows as JSON inside JSON: quotes and backslashes of what is indexed are escaped twice. */
export function travelSize(row: object): number {
  return utf8Length(JSON.stringify(JSON.stringify(row)));
}

/**
 * By the sort rows' key, where a type's entries lie together; the published version only where it differs from the draft.
 * `offset 0` keeps the planner from reading all entries of the space to join a page of them. What does not fit is not unpacked.
 */
export function surveyPage(uid: SpaceUid, type: string, after: string): SQL {
  return sql`select id, fields, version, published_fields, published_version, is_published, size from (
      select d.id, e.fields, e.version, p.version as published_version, p.version is not null as is_published, case when p.version <> e.version then p.fields end as published_fields,
        s.size, row_number() over (order by d.id) as n, sum(s.size) over (order by d.id) as bytes
      from (select i.id from draft_ix i where i.space = ${uid} and i.type = ${type} and i.id > ${after} order by i.id limit ${PAGE_ROWS}) d
      cross join lateral (select e.fields, e.version, e.size from entries e where e.space = ${uid} and e.id = d.id offset 0) e
      left join lateral (select p.fields, p.version, p.size from published p where p.space = ${uid} and p.id = d.id offset 0) p on true
      cross join lateral (select coalesce(e.size, travel_size(e.fields)) + case when p.version <> e.version then coalesce(p.size, travel_size(p.fields)) else 0 end as size offset 0) s) page
    where n = 1 or bytes <= ${PAGE_BYTES} order by id`;
}

export interface Versions {
  readonly id: string;
  readonly draft: JsonObject;
  /** `undefined`: not published. */
  readonly published: JsonObject | undefined;
  readonly differs: boolean;
}

export function versionsOf(row: Row): Versions {
  const draft = row["fields"] as JsonObject;
  const differs = row["published_fields"] != null;
  const published = differs ? (row["published_fields"] as JsonObject) : draft;
  return { id: String(row["id"]), draft, published: row["is_published"] === true ? published : undefined, differs };
}

export function conflictsOf(row: Row, { judge }: Pick<Survey, "judge">): readonly FaultItem[] {
  if (judge === undefined) return [];
  const { id, draft, published, differs } = versionsOf(row);
  const of = (fields: JsonObject, what: string) => {
    const item = judge(fields);
    return item === undefined
      ? []
      : [
          {
            pointer: "/schema",
            code: "schema-conflict",
            detail: `Entry ${quote(id)}${what}: ${item.pointer} ${item.detail}`,
          },
        ];
  };
  return [...of(draft, ""), ...(differs && published !== undefined ? of(published, " (published version)") : [])];
}

function reindexOf(row: Row, { type, shape, reindex }: Survey): Reindex {
  const { id, draft, published } = versionsOf(row);
  const rows = {
    id,
    type,
    draft: sortRowOf(shape, draft),
    ...(published === undefined ? {} : { published: sortRowOf(shape, published) }),
  };
  if (reindex !== "rows and references") return rows;
  const side = (fields: JsonObject | undefined, name: "d" | "p") =>
    fields === undefined ? [] : referencesOf(shape, fields).map((each) => ({ ...each, side: name }));
  return { ...rows, refs: [...side(draft, "d"), ...side(published, "p")] };
}

export function conflict(type: string, items: readonly FaultItem[]): Fault {
  const detail = `Cannot save content type ${quote(type)}: existing entries break the schema (named are up to ${MAX_NAMED}). Change them first, or save with ?validate=lenient`;
  return fault("conflict", "schema-conflict", detail, { errors: items });
}
