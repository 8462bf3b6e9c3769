// Conditions as SQL over one sort row. Columns stand bare: every part of a list's statement that is filtered has them by these names.
import { type SQL, sql } from "drizzle-orm";
import { type Column, type Key, keyParam, missingMark, nameOf } from "./column.ts";
import type { Condition, Same } from "./condition.ts";
import { termOf } from "./sort-row.ts";
import type { Rows } from "./source.ts";

export function allOf(predicates: readonly SQL[]): SQL {
  return predicates.length === 0 ? sql`true` : sql.join([...predicates], sql` and `);
}

export function predicateOf(condition: Condition, rows: Rows): SQL {
  switch (condition.is) {
    case "same": {
      const same = sameAs(condition, rows);
      return condition.not ? sql`(${same}) is not true` : same;
    }
    case "range": {
      const { column, low, high } = condition;
      const name = nameOf(column);
      const bounds = low ? [sql`${name} ${sql.raw(low.inclusive ? ">=" : ">")} ${keyParam(column, low.key)}`] : [];
      if (high) bounds.push(sql`${name} ${sql.raw(high.inclusive ? "<=" : "<")} ${keyParam(column, high.key)}`);
      else if (column.missing === "mark") bounds.push(isPresent(column));
      return sql`(${allOf(bounds)})`;
    }
    case "present":
      return condition.not ? isMissing(condition.column) : isPresent(condition.column);
    case "either":
      return sql`(${sql.join(
        condition.groups.map((group) => sql`(${allOf(group.map((each) => predicateOf(each, rows)))})`),
        sql` or `,
      )})`;
    case "hop": {
      const found = sql.identifier(`hop${condition.at}`);
      const refers = condition.column
        ? sql`${nameOf(condition.column)} = any((select ids from ${found})::text[])`
        : sql`terms && (select tokens from ${found})`;
      return condition.not ? sql`(${refers}) is not true` : refers;
    }
  }
}

export function isPresent(column: Column): SQL {
  if (column.missing === "never") return sql`true`;
  return column.missing === "null"
    ? sql`${nameOf(column)} is not null`
    : sql`${nameOf(column)} < ${keyParam(column, missingMark(column))}`;
}

export function isMissing(column: Column): SQL {
  if (column.missing === "never") return sql`false`;
  return column.missing === "null"
    ? sql`${nameOf(column)} is null`
    : sql`${nameOf(column)} = ${keyParam(column, missingMark(column))}`;
}

export function isOneOf(column: Column, keys: readonly Key[]): SQL {
  const [key] = keys;
  if (keys.length === 1 && key !== undefined) return sql`${nameOf(column)} = ${keyParam(column, key)}`;
  return sql`${nameOf(column)} = any(${sql.param(keys)}::${sql.raw(column.type)}[])`;
}

/** The tokens of terms, computed once a statement. */
export function tokensOf(terms: readonly string[], { space, type }: Rows): SQL {
  return sql`(select array_agg(term_token(${space}::int, ${type}::text, t)) from unnest(${sql.param(terms)}::text[]) as u(t))`;
}

/** The token of "this field refers to `id`", for ids that SQL finds. Ids hold nothing that JSON escapes. */
export function referenceToken(field: string, locale: string, id: SQL, { space, type }: Rows): SQL {
  return sql`term_token(${space}::int, ${type}::text, ${termOf(field, locale, "").slice(0, -1)}::text || ${id} || '"')`;
}

function sameAs({ terms, slot }: Same, rows: Rows): SQL {
  return slot?.exact ? isOneOf(slot.column, slot.keys) : sql`terms && ${tokensOf(terms, rows)}`;
}
