// What a page refers to, hop by hop, as one statement for each hop. Every statement finds the page anew in the same snapshot, and each hop
// is bounded on its way, in references and in bytes, so that what one page asks for cannot grow with what its entries refer to.
import { type SQL, sql } from "drizzle-orm";
import type { IncludeStep } from "./include.ts";
import { type DocumentSource, documentFacts, documentOf, withinBytes } from "./source.ts";

/** References that one hop follows; those of the document that crosses it are still followed. Ten times what a usual page of 500 has. */
export const INCLUDE_MOST = 5_000;

export interface IncludeSource {
  /** Ends in `page(n, id, ended, …)`. */
  readonly parts: readonly SQL[];
  /** The document of `page.id`. */
  readonly document: SQL;
  readonly source: DocumentSource;
  readonly limit: number;
  /** Of the page's own documents: those that do not fit are not shown, so nothing of theirs is followed. */
  readonly pageBytes: number;
  /** Of the documents of each hop. */
  readonly hopBytes: number;
}

/**
 * Targets of the steps of hop `last`, each once, with the first row of the page that needs it; `steps` are those up to there. Where not all
 * could be given, one row more with neither id nor body, whose `n` is the first row of the page that lacks something and `cut` says of what
 * there was too much: `bytes` or `work`.
 */
export function includeSql(from: IncludeSource, steps: readonly IncludeStep[], last: number): SQL {
  const { parts, document, source, limit, pageBytes } = from;
  const all = [
    ...parts,
    sql`doc as materialized (select page.n, page.id, d.* from page cross join lateral (${document}) d where page.n <= ${limit}::int and not page.ended)`,
    sql`doc0 as materialized (select ''::text as path, n, id, body as fields, true as fits from ${withinBytes(sql`doc`, pageBytes, sql`n = 1`)} x where body is not null)`,
  ];
  for (let hop = 1; hop <= last; hop += 1) all.push(...hopParts(from, steps, hop));
  const [facts, found, asked] = [documentFacts(source.drafts), sql.raw(`doc${last}`), sql.raw(`asked${last}`)];
  // The columns of `documentFacts`, of no document.
  const none = sql.raw(Array.from({ length: source.drafts ? 10 : 6 }, () => "null").join(", "));
  return sql`with ${sql.join(all, sql`, `)}
    select * from (
      (select distinct on (id) n, id, fields as body, null::text as cut, ${facts} from ${found} where fits order by id, n)
      union all select min(n), null, null, 'bytes', ${none} from ${found} where not fits having min(n) is not null
      union all select min(n), null, null, 'work', ${none} from ${asked} where not isFollowed having min(n) is not null) z
    order by n, id`;
}

/** `asked`: which document asks for how many by which step. `ref`: what is followed. `doc`: what is there, and whether it still fits. */
function hopParts({ source, hopBytes }: IncludeSource, steps: readonly IncludeStep[], hop: number): readonly SQL[] {
  const [asked, ref, got, sized, doc] = ["asked", "ref", "got", "sized", "doc"].map((name) =>
    sql.raw(`${name}${hop}`),
  ) as [SQL, SQL, SQL, SQL, SQL];
  const before = sql.raw(`doc${hop - 1}`);
  const most = sql`${INCLUDE_MOST}::int`;
  const follow = sql.join(
    steps
      .filter((step) => step.hop === hop)
      .map(
        ({ parent, field, path, target }) =>
          sql`(${parent}::text, ${field.name}::text, ${path}::text, ${target.type}::text)`,
      ),
    sql`, `,
  );
  return [
    sql`${asked} as materialized (select *, upto - own < ${most} and own <= ${most} as isFollowed from (
      select *, sum(own) over (order by n, id, path) as upto from (
        select s.path, s.target, b.n, b.id, v.value, case jsonb_typeof(v.value) when 'array' then jsonb_array_length(v.value) when 'string' then 1 else 0 end as own
        from (values ${follow}) s(parent, field, path, target) join ${before} b on b.path = s.parent and b.fits
        cross join lateral (select b.fields -> s.field as value offset 0) v) c) u)`,
    // A reference field holds an id, or a list of them.
    sql`${ref} as materialized (select a.path, a.target, r.id, min(a.n) as n from ${asked} a
      cross join lateral (select e #>> '{}' as id from jsonb_path_query(a.value, '$[*] ? (@.type() == "string")') e limit ${most}) r
      where a.upto - a.own < ${most} group by a.path, a.target, r.id)`,
    sql`${got} as materialized (select r.path, r.id, r.n, d.* from ${ref} r cross join lateral (${documentOf(source, sql`r.id`)}) d where d.type = r.target)`,
    sql`${sized} as materialized (select id, sum(size) over (order by n, id) as upto from (select id, min(n) as n, min(size) as size from ${got} group by id) z)`,
    sql`${doc} as materialized (select g.*, z.upto <= ${hopBytes}::bigint as fits from ${got} g join ${sized} z on z.id = g.id)`,
  ];
}
