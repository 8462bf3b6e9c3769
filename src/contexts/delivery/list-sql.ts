// The statements of a list: one for the page with its documents, one for each hop of include, all from the same page.
import { type SQL, sql } from "drizzle-orm";
import { hopsDeep, type IncludeStep } from "./include.ts";
import { includeSql } from "./include-sql.ts";
import { pageParts } from "./page-sql.ts";
import { HOP_MOST, hopsIn, type ListPlan } from "./plan.ts";
import { analysedDocumentOf, type DocumentSource, documentFacts, documentOf, withinBytes } from "./source.ts";
import { totalParts } from "./total-sql.ts";

/** A list ends early rather than grow past this; what is included counts. */
export const PAGE_BYTES = 6 * 1024 * 1024;

/** `analysis`: what is found about `page.id`, where that is asked for. */
export function listStatements(plan: ListPlan, steps: readonly IncludeStep[], analysis?: SQL): readonly SQL[] {
  const source: DocumentSource = {
    space: plan.rows.space,
    drafts: plan.drafts,
    ...(plan.pin === undefined ? {} : { pin: plan.pin }),
  };
  const parts = pageParts(plan);
  const depth = hopsDeep(steps);
  const most = plan.bytes ?? PAGE_BYTES;
  const share = depth === 0 ? most : most / 2;
  const bare = documentOf(source, sql`page.id`, plan.pin === undefined ? undefined : sql`page.from_pos`);
  const document = analysis === undefined ? bare : analysedDocumentOf(bare, plan.drafts, analysis);
  const hopBytes = Math.floor(share / depth);
  const included = { parts, document, source, limit: plan.limit, pageBytes: share, hopBytes };
  return [
    pageStatement(plan, parts, { document, more: analysis === undefined ? sql`` : sql`, analysis` }, share),
    ...Array.from({ length: depth }, (_, at) =>
      includeSql(
        included,
        steps.filter(({ hop }) => hop <= at + 1),
        at + 1,
      ),
    ),
  ];
}

/** Always at least one row: what is known of the whole list stands in each. */
function pageStatement(
  plan: ListPlan,
  parts: readonly SQL[],
  { document, more }: { readonly document: SQL; readonly more: SQL },
  bytes: number,
): SQL {
  const total = totalParts(plan);
  const over = sql.join(
    [
      ...hopsIn(plan).map(
        ({ at }) => sql`when (select n from ${sql.identifier(`hop${at}`)}) > ${HOP_MOST}::int then ${at}::int`,
      ),
      sql`when false then 0`,
    ],
    sql` `,
  );
  return sql`with ${sql.join([...parts, ...total.parts], sql`, `)},
    doc as materialized (select page.*, d.* from page left join lateral (${document}) d on not page.ended)
    select known.*, n, ph, key, id, ended, body, ${documentFacts(plan.drafts)}${more} from (select ${total.value} as total, ${total.exact} as exact, case ${over} end as too_many) known
    left join ${withinBytes(sql`doc`, bytes, sql`n = 1`)} x on true order by x.n`;
}
