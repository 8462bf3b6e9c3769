// The page of a list as common table expressions, ending in `page`: its rows in order, and where the work budget ended a walk.
// One statement chooses by itself between sorting a filter's few candidates and walking along the order.
import { type SQL, sql } from "drizzle-orm";
import { nameOf } from "./column.ts";
import { columnsOf, type Hop } from "./condition.ts";
import { hopSql } from "./hop-sql.ts";
import { hopsIn, type ListPlan, type Probe, probesOf } from "./plan.ts";
import { allOf, predicateOf, tokensOf } from "./predicate.ts";
import { endedAfter, ixOf, probeOf, type Rows } from "./source.ts";
import { inOrder, keyOf, keyTypeOf, stretchOf } from "./stretch.ts";

/** `with` parts in order; the last is `page(n, ph, key, id, ended, from_pos)`. `from_pos` tells a version that is no longer current. */
export function pageParts(plan: ListPlan): SQL[] {
  const { rows, drafts, order, limit, pin, budget } = plan;
  const most = limit + 1;
  const table = ixOf(drafts);
  const type = keyTypeOf(order);
  const filter = filterOf(plan);
  const probes = probesOf(plan);
  // Where only what changed since the pin is passed over, a short walk is enough, and stays one along the index.
  const steps = order.rest.length === 0 ? Math.min(budget.walk, 8 * most + 200) : budget.walk;
  const columns = columnsSql(plan);
  const parts: SQL[] = hopsIn(plan).map((hop) => hopSql(hop, plan));
  const found: SQL[] = [];
  probes.forEach((probe, at) => {
    parts.push(
      sql`probe${sql.raw(`${at}`)} as materialized (select ${columns} from ${probeSource(probe, plan, budget.probe + 1)} limit ${budget.probe + 1}::int)`,
    );
    parts.push(sql`size${sql.raw(`${at}`)} as materialized (select count(*) as n from probe${sql.raw(`${at}`)})`);
  });

  let before: number | undefined;
  order.phases.forEach((phase, ph) => {
    const from = plan.from?.phase === ph ? plan.from : undefined;
    if (plan.from !== undefined && ph < plan.from.phase) return;
    const stretch = stretchOf(phase, order.descending, from);
    const key = keyOf(phase, type);
    const along = inOrder(phase, order.descending);
    const [page, walk, last] = [`page${ph}`, `walk${ph}`, `last${ph}`].map((name) => sql.raw(name)) as [SQL, SQL, SQL];
    const gate = [
      ...probes.map((_, at) => isOver(at, budget.probe)),
      ...(before === undefined ? [] : [isUnfinished(before, most, filter !== undefined)]),
    ];
    const rowsOf = sql`from ${table} where space = ${rows.space}::int and type = ${rows.type}::text and ${allOf([...stretch, ...gate])} order by ${along}`;
    if (filter === undefined) {
      parts.push(
        sql`${page} as materialized (select ${sql.raw(`${ph}`)} as ph, ${key} as key, id ${rowsOf} limit ${most}::int)`,
      );
    } else {
      parts.push(sql`${walk} as materialized (select ${columns} ${rowsOf} limit ${steps}::int)`);
      parts.push(
        sql`${page} as materialized (select ${sql.raw(`${ph}`)} as ph, ${key} as key, id from ${walk} where ${filter} limit ${most}::int)`,
      );
      parts.push(
        sql`${last} as materialized (select ${key} as key, id from ${walk} where (select count(*) from ${page}) < ${most}::int offset ${steps - 1}::int limit 1)`,
      );
      found.push(sql`select ${sql.raw(`${ph}`)} as ph, key, id, true as ended, null::bigint as from_pos from ${last}`);
    }
    found.push(sql`select ph, key, id, false as ended, null::bigint as from_pos from ${page}`);
    const picked = (source: SQL, when: SQL, fromPos: SQL) =>
      sql`(select ${sql.raw(`${ph}`)} as ph, ${key} as key, id, false as ended, ${fromPos} as from_pos from ${source} where ${when} and ${allOf(stretch)} and ${filter ?? sql`true`} order by ${along} limit ${most}::int)`;
    probes.forEach((_, at) => {
      found.push(
        picked(
          sql`probe${sql.raw(`${at}`)}`,
          allOf([
            ...probes.slice(0, at).map((__, other) => isOver(other, budget.probe)),
            sql`not ${isOver(at, budget.probe)}`,
          ]),
          sql`null::bigint`,
        ),
      );
    });
    if (pin !== undefined) found.push(picked(sql`published_past`, endedAfter(rows, pin), sql`from_pos`));
    before = ph;
  });
  if (found.length === 0)
    found.push(
      sql`select 0 as ph, ${sql`null::${sql.raw(type)}`} as key, null::text as id, false as ended, null::bigint as from_pos where false`,
    );
  const direction = sql.raw(order.descending ? "desc" : "asc");
  const whole = sql`ph, key${sql.raw(type === "text" ? ' collate "C"' : "")} ${direction}, id collate "C" ${direction}, ended`;
  parts.push(
    sql`page as materialized (select row_number() over (order by ${whole}) as n, f.* from (${sql.join(found, sql` union all `)}) f order by n limit ${most + 1}::int)`,
  );
  return parts;
}

/** What the order does not already guarantee; undefined when it guarantees everything. */
function filterOf({ order: { rest }, rows, pin }: ListPlan): SQL | undefined {
  const predicates = rest.map((each) => predicateOf(each, rows));
  if (pin !== undefined) predicates.push(sql`from_pos <= ${pin}::bigint`);
  return predicates.length === 0 ? undefined : allOf(predicates);
}

/** What any part looks at: conditions, order, the position. */
export function columnsSql({ where, order, pin }: ListPlan): SQL {
  const names = new Set([
    "id",
    ...columnsOf(where),
    ...order.phases.flatMap(({ column, without }) => [column.name, ...(without ? [without.name] : [])]),
  ]);
  if (pin !== undefined) names.add("from_pos");
  return sql.join(
    [...names].map((name) => sql`${sql.identifier(name)}`),
    sql`, `,
  );
}

/** Rows among which all that fulfil the probed conditions are, unless there are more than `most`. */
export function probeSource(probe: Probe, { rows, drafts }: ListPlan, most: number): SQL {
  if (probe.by === "index") {
    const { condition } = probe;
    // A slot's index is a hint for the whole value; whether it is the same is asked again afterwards.
    const asked =
      condition.is === "same" && condition.slot
        ? predicateOf({ ...condition, slot: { ...condition.slot, exact: true } }, rows)
        : predicateOf(condition, rows);
    const column =
      "column" in condition && condition.column
        ? condition.column
        : condition.is === "same"
          ? condition.slot?.column
          : undefined;
    return sql`${ixOf(drafts)} where space = ${rows.space}::int and type = ${rows.type}::text${column ? sql` and ${nameOf(column)} is not null` : sql``} and ${asked}`;
  }
  const all = probe.all.length === 0 ? sql`null::bigint[]` : tokensOf(probe.all, rows);
  return sql`${probeOf(drafts)}(${rows.type}::text, ${all}, ${anyOf(probe.any, rows)}, ${most}::int)`;
}

function anyOf(any: readonly string[] | Hop | undefined, rows: Rows): SQL {
  if (any === undefined) return sql`null::bigint[]`;
  return "is" in any
    ? sql`(select coalesce(tokens, '{}') from ${sql.identifier(`hop${any.at}`)})`
    : tokensOf(any, rows);
}

function isOver(at: number, most: number): SQL {
  return sql`((select n from size${sql.raw(`${at}`)}) > ${most}::int)`;
}

/** The phase before was walked to its end and left room. */
function isUnfinished(before: number, most: number, walked: boolean): SQL {
  const room = sql`(select count(*) from ${sql.raw(`page${before}`)}) < ${most}::int`;
  return walked ? sql`${room} and not exists (select from ${sql.raw(`last${before}`)})` : room;
}
