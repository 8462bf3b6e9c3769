// Declared composites as orders: equality on the first keys and the sort on the rest are one range of one index.
import { within } from "./bounds.ts";
import { type Column, findSlot, type Key } from "./column.ts";
import { fitsSlot } from "./comparable.ts";
import { above, encodeKey, hexOf, keyOf, textLimitOf } from "./composite.ts";
import type { Bound, Condition } from "./condition.ts";
import { findSlotName } from "./locale.ts";
import type { Order, Phase, SortKey } from "./order.ts";
import type { CompositeShape, TypeShape } from "./type-shape.ts";

const PRESENT = Uint8Array.of(0x01);
const MISSING = encodeKey(undefined, false, 0);

/** The composite that fixes the most keys and then has exactly the sort; `sort` empty is by id, which a wholly fixed composite has. */
export function findComposed(
  sort: readonly SortKey[],
  descending: boolean,
  where: readonly Condition[],
  shape: TypeShape,
): Order | undefined {
  const orders = shape.composites
    .toSorted((left, right) => right.keys.length - left.keys.length)
    .map((composite) => composedBy(composite, sort, descending, where, shape));
  return orders.find((order) => order !== undefined);
}

function composedBy(
  composite: CompositeShape,
  sort: readonly SortKey[],
  descending: boolean,
  where: readonly Condition[],
  shape: TypeShape,
): Order | undefined {
  const column = findSlot(composite.slot);
  const keys = composite.keys.map(keyOf).map((key) => ({ ...key, column: columnOf(shape, key.field) }));
  const fixed = keys.length - sort.length;
  const tail = keys.slice(fixed);
  // One key would be a single column's work, which has an index of its own.
  if (column === undefined || fixed < 0 || keys.length < 2) return undefined;
  const matches = (reversed: boolean) =>
    tail.every(
      (key, at) =>
        sort[at]?.subject.column !== undefined &&
        sort[at].subject.column === key.column &&
        sort[at].descending === (key.descending !== reversed),
    );
  // Backwards, missing values would come first: that can be set right for one key, not for several.
  const backwards = !matches(false);
  if (backwards && !(tail.length === 1 && matches(true))) return undefined;

  const limit = textLimitOf(composite);
  let prefix = new Uint8Array();
  let rest = where;
  for (const key of keys.slice(0, fixed)) {
    const found = key.column && fixedBy(key.column, rest);
    if (found === undefined) return undefined;
    prefix = Uint8Array.of(...prefix, ...encodeKey(found.key, key.descending, limit));
    if (found.exact && (typeof found.key === "number" || fitsSlot(found.key, limit)))
      rest = rest.filter((each) => each !== found.condition);
  }
  const by = `${column.name}:${composite.keys.join(",")}`;
  if (fixed === keys.length) return { by, descending, phases: [{ column, ...exactly(prefix) }], rest };
  return {
    by,
    descending: backwards,
    ...phasesOf({ column, prefix, tail: tail as readonly Tail[], backwards, limit }, rest),
  };
}

interface Tail {
  readonly column: Column;
  readonly descending: boolean;
}

interface Stretch {
  readonly column: Column;
  readonly prefix: Uint8Array;
  readonly tail: readonly Tail[];
  readonly backwards: boolean;
  readonly limit: number;
}

function phasesOf(
  { column, prefix, tail, backwards, limit }: Stretch,
  where: readonly Condition[],
): { readonly phases: readonly Phase[]; readonly rest: readonly Condition[] } {
  const first = tail[0] as Tail;
  const asked = within(first.column, where);
  // Text bounds are cut to what the composite holds, which is less than the slot: the condition itself stays.
  const rest = first.column.type === "text" ? where : asked.rest;
  const join = (...parts: readonly Uint8Array[]) => Uint8Array.of(...prefix, ...parts.flatMap((part) => [...part]));
  const at = ({ key }: Bound) => join(encodeKey(key, first.descending, limit));
  const from = (bound: Bound) => (bound.inclusive || first.column.type === "text" ? at(bound) : above(at(bound)));
  const to = (bound: Bound) => (bound.inclusive || first.column.type === "text" ? above(at(bound)) : at(bound));
  const [start, end] = first.descending ? [asked.high, asked.low] : [asked.low, asked.high];
  const present = between(column, start ? from(start) : join(PRESENT), end ? to(end) : above(join(PRESENT)));
  if (asked.present === true) return { phases: [present], rest };
  const missing = between(column, join(MISSING), above(join(MISSING)));
  if (asked.present === false) return { phases: [missing], rest };
  if (backwards) return { phases: [present, { column, ...exactly(join(MISSING)) }], rest };
  return { phases: [between(column, prefix.length === 0 ? undefined : prefix, above(prefix))], rest };
}

function between(column: Column, low: Uint8Array | undefined, end: Uint8Array | undefined): Phase {
  return {
    column,
    ...(low ? { low: { key: hexOf([low]), inclusive: true } } : {}),
    ...(end ? { high: { key: hexOf([end]), inclusive: false } } : {}),
  };
}

function exactly(bytes: Uint8Array): { readonly low: Bound; readonly high: Bound } {
  const bound: Bound = { key: hexOf([bytes]), inclusive: true };
  return { low: bound, high: bound };
}

interface Fixed {
  readonly key: Key;
  readonly exact: boolean;
  readonly condition: Condition;
}

function fixedBy(column: Column, where: readonly Condition[]): Fixed | undefined {
  for (const condition of where) {
    if (condition.is !== "same" || condition.not || condition.slot?.column !== column) continue;
    const [key, ...others] = condition.slot.keys;
    if (key !== undefined && others.length === 0) return { key, exact: condition.slot.exact, condition };
  }
  return undefined;
}

/** A localized field stands in a composite with its default locale: another locale's slot is another column and does not match. */
function columnOf(shape: TypeShape, name: string): Column | undefined {
  const field = shape.fields.find((each) => each.name === name);
  return findSlot(field && findSlotName(field, field.localized ? shape.defaultLocale : ""));
}
