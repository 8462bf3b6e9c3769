// How many entries a list has in all: known for a whole type, counted while they are few, estimated beyond.
import { type SQL, sql } from "drizzle-orm";
import { columnsSql, probeSource } from "./page-sql.ts";
import { COUNT_EXACTLY, COUNT_SAMPLE, type ListPlan, probesOf } from "./plan.ts";
import { allOf, predicateOf } from "./predicate.ts";
import { ixOf } from "./source.ts";
import { stretchOf } from "./stretch.ts";

export interface TotalSql {
  readonly parts: readonly SQL[];
  readonly value: SQL;
  readonly exact: SQL;
}

const NOT_ASKED: TotalSql = { parts: [], value: sql`null::bigint`, exact: sql`null::boolean` };

export function totalParts(plan: ListPlan): TotalSql {
  if (!plan.count) return NOT_ASKED;
  const { rows, drafts, where, order } = plan;
  const ofType = sql`coalesce((select ${sql.raw(drafts ? "drafts" : "published")} from type_count where space = ${rows.space}::int and type = ${rows.type}::text), 0)`;
  // A walk's later pages are of the past, which nobody counted.
  if (where.length === 0) return { parts: [], value: ofType, exact: plan.pin === undefined ? sql`true` : sql`false` };
  const filter = allOf(where.map((each) => predicateOf(each, rows)));
  const columns = columnsSql(plan);
  const inType = sql`${ixOf(drafts)} where space = ${rows.space}::int and type = ${rows.type}::text`;
  const [probe] = probesOf(plan);
  const stretches = order.phases.map((phase) => sql`(${allOf(stretchOf(phase, order.descending, undefined))})`);
  const source = probe
    ? probeSource(probe, plan, COUNT_EXACTLY + 1)
    : sql`${inType} and (${stretches.length === 0 ? sql`false` : sql.join(stretches, sql` or `)})`;
  return {
    parts: [
      sql`counted as materialized (select count(*) as n, count(*) filter (where ${filter}) as m from (select ${columns} from ${source} limit ${COUNT_EXACTLY + 1}::int) z)`,
      sql`sampled as materialized (select count(*) as n, count(*) filter (where ${filter}) as m from (select ${columns} from ${inType} order by id limit ${COUNT_SAMPLE}::int) z)`,
    ],
    value: sql`(select case when c.n <= ${COUNT_EXACTLY}::int then c.m else greatest(c.m, (select ${ofType} * s.m / greatest(s.n, 1) from sampled s)) end from counted c)`,
    exact: sql`(select c.n <= ${COUNT_EXACTLY}::int from counted c)${plan.pin === undefined ? sql`` : sql` and false`}`,
  };
}
