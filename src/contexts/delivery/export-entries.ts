// Everything that is published, or every draft, as lines that imports take: page after page in order of type and id, in flat memory.
// Published content is walked as it stood at the position of the first page; drafts have no history and are read as they are by then.
import { type SQL, sql } from "drizzle-orm";
import { type Millis, millis, seconds } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Answer, Reader, Row } from "../../platform/database/database.ts";
import { aboutType, type DeliveryData, maySee, previewOnly } from "./asking.ts";
import { compareText } from "./comparable.ts";
import type { Show } from "./document.ts";
import { readPage } from "./list-page.ts";
import { listStatements } from "./list-sql.ts";
import { WORK } from "./plan.ts";
import { type Query, readQuery } from "./query.ts";
import type { QueryText } from "./query-text.ts";
import type { Place } from "./stretch.ts";

export interface ExportEntries {
  /** Absent: all types. */
  readonly type?: string | undefined;
  readonly perspective: "published" | "draft";
}

export interface Export {
  /** Published content: the one that every line stands at. Drafts: none is older. */
  readonly position: Position;
  readonly source: string;
  /** How many a whole export has; not known of drafts, which come and go meanwhile. */
  readonly lines?: number;
  /** NDJSON. A refusal is the last part of an export that could not be finished. */
  readonly parts: AsyncGenerator<Result<string>, void>;
}

export interface Later {
  readonly reader: Reader;
  /** False: nobody wants it any more. */
  wait(time: Millis): Promise<boolean>;
}

const PAGE = { limit: 1_000, bytes: 2 * 1024 * 1024 };
/** Half of the requests that the platform lets one request make. */
const PAGES_MOST = 5_000;
/** Before a page is asked for again when nobody answered; then the export is given up. */
const PATIENCE: readonly Millis[] = [millis(500), millis(1_500), millis(4_000)];

const BY_ID: QueryText = {
  sent: new URLSearchParams(),
  terms: [],
  groups: [],
  sort: [],
  limit: PAGE.limit,
  include: [],
  perspective: "published",
};

/** Refuses with 403 `scope-missing`, 404 `type-missing`. `later`: for the pages after the first, minutes from now. */
export async function exportEntries(
  scope: Scope<DeliveryData>,
  { type, perspective }: ExportEntries,
  later: Later,
): Promise<Result<Export>> {
  const seen = maySee(scope.actor, perspective);
  if (!seen.ok) return seen;
  const drafts = perspective === "draft";
  const names = type === undefined ? [...scope.data.types.keys()].sort(compareText) : [type];
  const queries: Query[] = [];
  for (const name of names) {
    const asking = aboutType(scope, name, drafts, "*");
    if (!asking.ok) return asking;
    const query = readQuery(BY_ID, asking.value, previewOnly(drafts));
    if (!query.ok) return query;
    queries.push(query.value);
  }
  const [first] = queries;
  const { uid } = scope.space;
  const page = first === undefined ? [] : pageSql(uid, first);
  const answer = await scope.data.reader.read([linesSql(uid, type), ...page]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  return ok({
    position,
    source,
    ...(drafts ? {} : { lines: rows[0]?.[0]?.["lines"] as number }),
    parts: linesOf({ space: uid, queries, later, position }, rows[1] ?? []),
  });
}

interface Walk {
  readonly space: number;
  readonly queries: readonly Query[];
  readonly later: Later;
  readonly position: Position;
}

async function* linesOf(
  { space, queries, later, position }: Walk,
  first: readonly Row[],
): AsyncGenerator<Result<string>, void> {
  let rows: readonly Row[] | undefined = first;
  let at = position;
  let pages = 1;
  for (const query of queries) {
    for (let from: Place | undefined, done = false; !done; ) {
      if (rows === undefined) {
        pages += 1;
        const statements = pageSql(space, query, from, query.drafts ? undefined : position);
        const answer: Result<Answer> =
          pages > PAGES_MOST ? refuse(TOO_LONG) : await insist(later, statements, at, query.drafts);
        if (!answer.ok) {
          yield answer;
          return;
        }
        rows = answer.value.rows[0] ?? [];
        // Drafts: no page is older than the one before it, whoever answers.
        if (query.drafts) at = answer.value.position;
      }
      const page = readPage(rows, [], PAGE.limit, query, showLine);
      rows = undefined;
      if (page.data.length > 0) yield ok(page.data.map((line) => `${JSON.stringify(line)}\n`).join(""));
      from = page.next;
      done = from === undefined;
    }
  }
}

/** Databases start anew and connections break: an export of minutes outlives seconds of that. */
async function insist(
  { reader, wait }: Later,
  statements: readonly SQL[],
  at: Position,
  drafts: boolean,
): Promise<Result<Answer>> {
  const ask = () => reader.read(statements, at, drafts ? "starts" : "stands");
  let answer = await ask();
  for (const time of PATIENCE) {
    if (answer.ok || answer.fault.kind !== "unavailable" || !(await wait(time))) return answer;
    answer = await ask();
  }
  return answer;
}

function pageSql(space: number, query: Query, from?: Place, pin?: Position): readonly SQL[] {
  const { shape, drafts, where, order } = query;
  const rows = { space, type: shape.type };
  const place = { ...(from === undefined ? {} : { from }), ...(pin === undefined ? {} : { pin }) };
  return listStatements({ rows, shape, drafts, where, order, ...PAGE, ...place, count: false, budget: WORK }, []);
}

function linesSql(space: number, type: string | undefined): SQL {
  const typed = type === undefined ? sql`` : sql` and type = ${type}::text`;
  return sql`select coalesce(sum(published), 0)::int8 as lines from type_count where space = ${space}::int${typed}`;
}

/** Of a draft only what is published as it stands is to be published again: what it was published as before, a line has no place for. */
const showLine: Show = ({ type, id, slug, fields, draft }) => ({
  type,
  id,
  ...(slug === null ? {} : { slug }),
  fields,
  ...(draft === undefined || draft.status === "published" ? { publish: true } : {}),
});

const TOO_LONG = fault("unavailable", "overloaded", "The export is too long for one request; export type by type", {
  retryAfter: seconds(60),
});
