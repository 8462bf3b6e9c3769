// A list of content or of entries: one snapshot, one statement and one more for each hop of include.
import { sql } from "drizzle-orm";
import { quote } from "../../kernel/fault.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import { aboutType, askAbout, type DeliveryData, previewOnly } from "./asking.ts";
import type { Condition } from "./condition.ts";
import { type Cursor, readCursor, writeCursor } from "./cursor.ts";
import { type Show, showContent, showEntry } from "./document.ts";
import { findingsOf } from "./findings.ts";
import { type Page, readPage } from "./list-page.ts";
import { listStatements } from "./list-sql.ts";
import { HOP_MOST, hopsIn, type ListPlan, WORK } from "./plan.ts";
import { type Asking, type Query, readQuery } from "./query.ts";
import { complaint, refuseQuery } from "./query-fault.ts";
import type { QueryText } from "./query-text.ts";
import { type ReadFrom, readsOfList } from "./reads.ts";

export type Count = "exact" | "estimated";

export interface ListContent {
  readonly type: string;
  readonly query: QueryText;
  /** What `Prefer: count=` asked for. */
  readonly count?: Count | undefined;
}

/** Its position is that of the walk's first page. */
export interface Listed extends ReadFrom {
  readonly body: JsonObject;
  /** Equal for equal data, whatever page it stood on. */
  readonly tagged: Json;
  readonly next: string | null;
  /** The count that was given, when one was asked for. */
  readonly counted?: Count;
}

/** Refuses with 400 (see `readQuery`, `readCursor`), 403 `scope-missing`, 404 `type-missing`. */
export async function listContent(
  scope: Scope<DeliveryData>,
  { type, query, count }: ListContent,
): Promise<Result<Listed>> {
  const asking = askAbout(scope, type, query.perspective);
  return asking.ok
    ? await list(scope, asking.value, query, { also: previewOnly(asking.value.drafts), show: showContent, count })
    : asking;
}

/** Entries as editors see them, archived ones included; `scope.data.reader` is the primary's. */
export async function listEntries(
  scope: Scope<DeliveryData>,
  { type, query, count }: ListContent,
): Promise<Result<Listed>> {
  const asking = aboutType(scope, type, true, "*");
  return asking.ok ? await list(scope, asking.value, query, { also: [], show: showEntry, count }) : asking;
}

interface Manner {
  readonly also: readonly Condition[];
  readonly show: Show;
  readonly count: Count | undefined;
}

async function list(
  scope: Scope<DeliveryData>,
  asking: Asking,
  text: QueryText,
  { also, show, count }: Manner,
): Promise<Result<Listed>> {
  const { space, data } = scope;
  const understood = readQuery(text, asking, also);
  if (!understood.ok) return understood;
  const query = understood.value;
  const binding = JSON.stringify(query.canonical);
  const cursor = text.cursor === undefined ? ok(undefined) : await readCursor(text.cursor, space, binding, data.signer);
  if (!cursor.ok) return cursor;

  const plan: ListPlan = {
    ...planOf(space.uid, query, cursor.value),
    limit: text.limit,
    count: count !== undefined,
    budget: data.budget ?? WORK,
  };
  const answer = await data.reader.read(
    listStatements(plan, query.steps, findingsOf(space.uid, query, sql`page.id`)),
    cursor.value?.at,
  );
  if (!answer.ok) return answer;
  const { rows, source } = answer.value;
  // Drafts have no history to be read at an earlier position.
  const at = cursor.value?.at ?? answer.value.position;
  const page = readPage(rows[0] ?? [], rows.slice(1), text.limit, query, show);
  if (page.tooMany !== undefined) return tooMany(plan, page.tooMany);
  const next =
    page.next === undefined ? null : await writeCursor({ at, place: page.next }, space, binding, data.signer);
  return ok(listed(page, { at, next, source, query }));
}

function planOf(space: number, { shape, drafts, where, order }: Query, cursor: Cursor | undefined) {
  const rows = { space, type: shape.type };
  const pin = cursor && !drafts ? { pin: cursor.at } : {};
  return { rows, shape, drafts, where, order, ...(cursor ? { from: cursor.place } : {}), ...pin };
}

function tooMany(plan: ListPlan, at: number): Result<never> {
  const hop = hopsIn(plan).find((each) => each.at === at);
  const name = hop?.parameter ?? "filter";
  return refuseQuery([
    complaint(
      name,
      "query-too-broad",
      `Filter ${quote(name)} finds more than ${HOP_MOST} entries of type ${quote(hop?.target.type)}`,
    ),
  ]);
}

interface Around {
  readonly at: Position;
  readonly next: string | null;
  readonly source: string;
  readonly query: Query;
}

function listed({ data, included, truncated, total, exact }: Page, { at, next, source, query }: Around): Listed {
  const page = {
    next,
    size: data.length,
    at,
    ...(truncated ? { truncated } : {}),
    ...(total === undefined ? {} : { total }),
  };
  const shown = included ? { included: included.included } : {};
  return {
    body: { data, page, ...shown },
    // The place in the order is not part of the question; the data says it. A count is: who has no total is not told that nothing changed.
    tagged: { query: query.canonical, data, ...shown, ...(total === undefined ? {} : { total }) },
    position: at,
    source,
    reads: readsOfList(query, included),
    next,
    ...(exact === undefined ? {} : { counted: exact ? "exact" : "estimated" }),
  };
}
