// A phase of an order as SQL: which rows, in which direction, and where a cursor goes on.
import { type SQL, sql } from "drizzle-orm";
import { type Column, type ColumnType, ID, type Key, keyParam, nameOf } from "./column.ts";
import type { Bound } from "./condition.ts";
import { isFixed, type Order, type Phase } from "./order.ts";

/** The last entry of the page before, in its order. */
export interface Place {
  readonly phase: number;
  /** Absent in a phase that is ordered by id alone. */
  readonly key?: Key;
  readonly id: string;
}

export function isById(phase: Phase): boolean {
  return phase.column === ID || isFixed(phase);
}

/**
 * Rows of a phase, after `from`. On each side of an index one bound only, and after a cursor the cursor's: of two bounds
 * Postgres descends to the one that is written first, however far that is from the other. The partial indexes of slots
 * are used only where the text says `is not null`; a row comparison does not imply it.
 */
export function stretchOf(phase: Phase, descending: boolean, from: Place | undefined): readonly SQL[] {
  const { column, low, high, without } = phase;
  const name = nameOf(column);
  const beyond = sql.raw(descending ? "<" : ">");
  const parts: SQL[] = [];
  if (without !== undefined) parts.push(sql`${nameOf(without)} is null`);
  if (column !== ID) parts.push(sql`${name} is not null`);
  if (isFixed(phase) && low !== undefined) {
    parts.push(sql`${name} = ${keyParam(column, low.key)}`);
    if (from !== undefined) parts.push(sql`id ${beyond} ${from.id}::text`);
    return parts;
  }
  if (from !== undefined && column === ID) parts.push(sql`id ${beyond} ${from.id}::text`);
  else if (from?.key !== undefined)
    parts.push(sql`(${name}, id) ${beyond} (${keyParam(column, from.key)}, ${from.id}::text)`);
  if (low !== undefined && (from === undefined || descending)) parts.push(boundOf(column, ">", low));
  if (high !== undefined && (from === undefined || !descending)) parts.push(boundOf(column, "<", high));
  return parts;
}

function boundOf(column: Column, sign: "<" | ">", { key, inclusive }: Bound): SQL {
  return sql`${nameOf(column)} ${sql.raw(inclusive ? `${sign}=` : sign)} ${keyParam(column, key)}`;
}

export function inOrder(phase: Phase, descending: boolean): SQL {
  const direction = sql.raw(descending ? "desc" : "asc");
  return isById(phase) ? sql`id ${direction}` : sql`${nameOf(phase.column)} ${direction}, id ${direction}`;
}

/** What a cursor has to remember of a row besides its id; of one type in all phases. */
export function keyOf(phase: Phase, type: ColumnType): SQL {
  return isById(phase) ? sql`null::${sql.raw(type)}` : nameOf(phase.column);
}

export function keyTypeOf({ phases }: Order): ColumnType {
  return phases.find((phase) => !isById(phase))?.column.type ?? "text";
}
