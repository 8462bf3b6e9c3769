// What a condition on referenced entries finds: ids and tokens, resolved before the list is read, and capped.
import { type SQL, sql } from "drizzle-orm";
import { nameOf } from "./column.ts";
import type { Hop } from "./condition.ts";
import { HOP_MOST, type ListPlan } from "./plan.ts";
import { predicateOf, referenceToken, tokensOf } from "./predicate.ts";
import { endedAfter, ixOf, probeOf, type Rows } from "./source.ts";

/** `hop<at>(ids, tokens, n)`: `n` is above HOP_MOST when there were more. */
export function hopSql(hop: Hop, plan: ListPlan): SQL {
  const { field, locale, at } = hop;
  const token = referenceToken(field.name, locale, sql`id`, plan.rows);
  return sql`${sql.identifier(`hop${at}`)} as materialized (
    select array_agg(id) filter (where stands) as ids, array_agg(${token}) filter (where stands) as tokens, count(*) as n
    from (${targets(hop, plan)} limit ${HOP_MOST + 1}::int) z)`;
}

function targets({ inner, target }: Hop, { rows, drafts, pin }: ListPlan): SQL {
  const of = { space: rows.space, type: target.type };
  const asked = predicateOf(inner, of);
  const stands = pin === undefined ? sql`true` : sql`from_pos <= ${pin}::bigint`;
  const source =
    inner.is === "same" && inner.slot === undefined && !inner.not
      ? sql`${probeOf(drafts)}(${of.type}::text, null::bigint[], ${tokensOf(inner.terms, of)}, ${HOP_MOST + 1}::int)`
      : sql`${ixOf(drafts)} where space = ${of.space}::int and type = ${of.type}::text and ${indexed(inner, of)}${asked}`;
  const current = sql`select id, ${stands} as stands from ${source}`;
  return pin === undefined
    ? current
    : sql`${current} union all select id, true from published_past where ${endedAfter(of, pin)} and ${asked}`;
}

/** What lets an index be used: its column is not null, and for whole values the slot that they begin like. */
function indexed(inner: Hop["inner"], of: Rows): SQL {
  if (inner.is === "same" && inner.slot && !inner.slot.exact && !inner.not) {
    return sql`${nameOf(inner.slot.column)} is not null and ${predicateOf({ ...inner, slot: { ...inner.slot, exact: true } }, of)} and `;
  }
  const column = inner.is === "same" ? inner.slot?.column : "column" in inner ? inner.column : undefined;
  return column === undefined || (inner.is === "present" && inner.not)
    ? sql``
    : sql`${nameOf(column)} is not null and `;
}
