// What a page refers to, hop by hop, as one statement for each hop. Every statement finds the page anew in the same snapshot.
import { type SQL, sql } from "drizzle-orm";
import type { IncludeStep } from "./include.ts";
import { type DocumentSource, documentFacts, documentOf, withinBytes } from "./source.ts";

export interface IncludeSource {
  /** Ends in `page(n, id, ended, …)`. */
  readonly parts: readonly SQL[];
  /** The document of `page.id`. */
  readonly document: SQL;
  readonly source: DocumentSource;
  readonly limit: number;
}

/** Targets of the steps of hop `last`, each once, with the first row of the page that needs it; `steps` are those up to there. */
export function includeSql(
  { parts, document, source, limit }: IncludeSource,
  steps: readonly IncludeStep[],
  last: number,
  bytes: number,
): SQL {
  const all = [
    ...parts,
    sql`doc0 as materialized (select ''::text as path, page.n, d.fields from page cross join lateral (${document}) d where page.n <= ${limit}::int and not page.ended)`,
  ];
  for (let hop = 1; hop <= last; hop += 1) {
    const [refs, before, doc] = [`ref${hop}`, `doc${hop - 1}`, `doc${hop}`].map((name) => sql.raw(name)) as [
      SQL,
      SQL,
      SQL,
    ];
    const follow = sql.join(
      steps
        .filter((step) => step.hop === hop)
        .map(
          ({ parent, field, path, target }) =>
            sql`(${parent}::text, ${field.name}::text, ${path}::text, ${target.type}::text)`,
        ),
      sql`, `,
    );
    // Whatever its shape (one, many, one for each locale), a reference field's texts are ids.
    all.push(sql`${refs} as materialized (select s.path, s.target, r.id, min(b.n) as n from (values ${follow}) s(parent, field, path, target)
      join ${before} b on b.path = s.parent
      cross join lateral (select jsonb_path_query(b.fields -> s.field, 'strict $.** ? (@.type() == "string")') #>> '{}' as id) r
      group by s.path, s.target, r.id)`);
    all.push(
      sql`${doc} as materialized (select r.path, r.id, r.n, d.* from ${refs} r cross join lateral (${documentOf(source, sql`r.id`)}) d where d.type = r.target)`,
    );
  }
  const found = sql.raw(`doc${last}`);
  return sql`with ${sql.join(all, sql`, `)},
    target as materialized (select distinct on (id) n, id, fields, ${documentFacts(source.drafts)} from ${found} order by id, n)
    select n, id, body, ${documentFacts(source.drafts)} from ${withinBytes(sql`target`, bytes, sql`false`)} x order by n, id`;
}
