// What conditions say of one column, as one range of it.
import type { Column, Key } from "./column.ts";
import { compareText } from "./comparable.ts";
import type { Bound, Condition } from "./condition.ts";

export interface Within {
  readonly low?: Bound;
  readonly high?: Bound;
  /** Whether the conditions ask for a value, or for none. */
  readonly present?: boolean;
  readonly rest: readonly Condition[];
}

/** What the conditions say of one column, as one range; on each side the tightest bound, because an index starts at the first it is given. */
export function within(column: Column, where: readonly Condition[]): Within {
  let low: Bound | undefined;
  let high: Bound | undefined;
  let present: boolean | undefined;
  const rest: Condition[] = [];
  for (const condition of where) {
    // What contradicts `exists=false` stays, and lets nothing through.
    if (present !== false && condition.is === "range" && condition.column.name === column.name) {
      low = tighter(low, condition.low, 1);
      high = tighter(high, condition.high, -1);
      present ??= true;
    } else if (
      present !== false &&
      condition.is === "same" &&
      !condition.not &&
      condition.slot?.column.name === column.name &&
      condition.slot.keys.length === 1
    ) {
      const bound: Bound = { key: condition.slot.keys[0] as Key, inclusive: true };
      low = tighter(low, bound, 1);
      high = tighter(high, bound, -1);
      present ??= true;
      if (!condition.slot.exact) rest.push(condition);
    } else if (condition.is === "present" && condition.column.name === column.name && present === undefined) {
      present = !condition.not;
    } else rest.push(condition);
  }
  return { ...(low ? { low } : {}), ...(high ? { high } : {}), ...(present === undefined ? {} : { present }), rest };
}

function tighter(one: Bound | undefined, other: Bound | undefined, sign: 1 | -1): Bound | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const order = sign * compareKeys(one.key, other.key);
  if (order === 0) return one.inclusive ? other : one;
  return order > 0 ? one : other;
}

function compareKeys(left: Key, right: Key): number {
  return typeof left === "number" && typeof right === "number"
    ? left - right
    : compareText(String(left), String(right));
}
