// One entry as readers are given it, by id or slug: one statement, and one more for each hop of include.
import { type SQL, sql } from "drizzle-orm";
import { fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { SelfBinding } from "../../platform/database/database.ts";
import { askAbout, type DeliveryData } from "./asking.ts";
import { readDocument, showContent } from "./document.ts";
import { findingsOf } from "./findings.ts";
import { hopsDeep } from "./include.ts";
import { includeSql } from "./include-sql.ts";
import { includedOf } from "./included.ts";
import { PAGE_BYTES } from "./list-sql.ts";
import { readView, type View } from "./query.ts";
import type { QueryText } from "./query-text.ts";
import { type ReadFrom, readsOfOne } from "./reads.ts";
import { type DocumentSource, documentFacts, documentOf } from "./source.ts";

export interface GetContent {
  readonly type: string;
  /** Id or slug; an id wins. */
  readonly name: string;
  readonly query: QueryText;
}

export interface Got extends ReadFrom {
  readonly body: JsonObject;
}

/** Refuses with 404 `content-missing` or `type-missing`, 403 `scope-missing`, 400 for what the query cannot ask. */
export async function getContent(scope: Scope<DeliveryData>, { type, name, query }: GetContent): Promise<Result<Got>> {
  const asking = askAbout(scope, type, query.perspective);
  if (!asking.ok) return asking;
  const view = readView(query, asking.value);
  if (!view.ok) return view;
  const answer = await scope.data.reader.read(statementsOf(scope.space.uid, name, view.value));
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const [row] = rows[0] ?? [];
  // What binds the space itself has a row in any case.
  if (row === undefined || row["id"] === null) {
    const what = query.perspective === "draft" ? "entry" : "published entry";
    return refuse(
      fault("missing", "content-missing", `There is no ${what} of type ${quote(type)} with id or slug ${quote(name)}`, {
        position,
      }),
    );
  }
  const document = readDocument(row, row["fields"]);
  const body = showContent(document, view.value);
  const from = { position, source };
  if (view.value.steps.length === 0)
    return ok({ ...from, body, reads: view.value.drafts ? [] : readsOfOne(view.value, name, document.id, undefined) });
  const targets = new Map(
    rows
      .slice(1)
      .flat()
      .filter((each) => each["body"] !== null)
      .map((each) => [each["id"] as string, readDocument(each, each["body"])]),
  );
  const included = includedOf([document], targets, view.value, showContent);
  return ok({
    ...from,
    body: { ...body, included: included.included },
    reads: readsOfOne(view.value, name, document.id, included),
  });
}

function statementsOf(space: number, name: string, view: View): readonly SQL[] | SelfBinding {
  const { shape, drafts, steps } = view;
  if (steps.length === 0 && view.analysis === undefined) {
    const read = sql.raw(drafts ? "read_draft" : "read_published");
    return { binding: (own) => sql`select * from ${read}(${own}::int, ${shape.type}::text, ${name}::text)` };
  }
  const one = oneSql(space, shape.type, name, drafts);
  const findings = findingsOf(space, view, sql`one.id`);
  const first = findings === undefined ? one : sql`select one.*, ${findings} as analysis from (${one}) one`;
  const depth = hopsDeep(steps);
  const source: DocumentSource = { space, drafts };
  const parts = [sql`page as materialized (select 1 as n, id, false as ended from (${one}) one)`];
  const hopBytes = Math.floor(PAGE_BYTES / depth);
  const document = documentOf(source, sql`page.id`);
  const included = { parts, document, source, limit: 1, pageBytes: PAGE_BYTES, hopBytes };
  return [
    first,
    ...Array.from({ length: depth }, (_, at) =>
      includeSql(
        included,
        steps.filter(({ hop }) => hop <= at + 1),
        at + 1,
      ),
    ),
  ];
}

/** Within its type no entry has the id of another as its slug, so at most one row is found. */
function oneSql(space: number, type: string, name: string, drafts: boolean): SQL {
  const find = sql.raw(drafts ? "find_draft" : "find_published");
  return sql`select id, fields, ${documentFacts(drafts)} from ${find}(${space}::int, ${type}::text, ${name}::text)`;
}
