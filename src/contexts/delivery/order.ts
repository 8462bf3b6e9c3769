// In which order a list comes, and which stretch of which index that is: phases one after the other, each a range of one column.
// Missing values come last in either direction, so a column that has missing values is two phases.
import { within } from "./bounds.ts";
import { type Column, ID, missingMark } from "./column.ts";
import { findComposed } from "./composite-order.ts";
import type { Bound, Condition } from "./condition.ts";
import type { Subject } from "./read-condition.ts";
import type { TypeShape } from "./type-shape.ts";

export interface Phase {
  /** Ordered by this column, then id; ID alone where the phase is ordered by nothing else. */
  readonly column: Column;
  readonly low?: Bound;
  readonly high?: Bound;
  /** Only those that have no value in this column. */
  readonly without?: Column;
}

export interface Order {
  /** Names the index, so that a cursor of another order is not taken for one of this. */
  readonly by: string;
  /** Of the column and of id. */
  readonly descending: boolean;
  readonly phases: readonly Phase[];
  /** The conditions that being in a phase does not already fulfil. */
  readonly rest: readonly Condition[];
}

export interface SortKey {
  readonly name: string;
  readonly descending: boolean;
  readonly subject: Subject;
}

/** Undefined when no index has this order. `sort` is without a last `id`; empty is by id. */
export function planOrder(
  sort: readonly SortKey[],
  descending: boolean,
  where: readonly Condition[],
  shape: TypeShape,
): Order | undefined {
  const composed = findComposed(sort, descending, where, shape);
  if (composed !== undefined) return composed;
  const [first, ...others] = sort;
  if (others.length > 0) return undefined;
  if (first !== undefined) return first.subject.column && byColumn(first.subject.column, descending, where);
  // Within one value of an indexed column the index is in order of id.
  const fixed = where.filter(
    (each) => each.is === "same" && !each.not && each.slot?.keys.length === 1 && each.slot.column !== ID,
  );
  const best = fixed.find((each) => each.is === "same" && each.slot?.column.type === "text") ?? fixed[0];
  return byColumn(best?.is === "same" && best.slot ? best.slot.column : ID, descending, where);
}

function byColumn(column: Column, descending: boolean, where: readonly Condition[]): Order {
  const { low, high, present, rest } = within(column, where);
  const phases: Phase[] = [];
  if (present !== false) {
    const top = high ?? (column.missing === "mark" ? { key: missingMark(column), inclusive: false } : undefined);
    phases.push({ column, ...(low ? { low } : {}), ...(top ? { high: top } : {}) });
  }
  if (present !== true && column.missing !== "never" && !low && !high) {
    const mark: Bound = { key: missingMark(column), inclusive: true };
    phases.push(column.missing === "mark" ? { column, low: mark, high: mark } : { column: ID, without: column });
  }
  return { by: column.name, descending, phases, rest };
}

/** A phase of one value: ordered by id. */
export function isFixed({ column, low, high }: Phase): boolean {
  return (
    column !== ID && low !== undefined && high !== undefined && low.inclusive && high.inclusive && low.key === high.key
  );
}
