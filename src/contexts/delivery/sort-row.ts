// The sort row of an entry: what its type's slots hold and the terms that equality looks for. Written with every draft,
// asked by every list; publishing copies it inside Postgres.
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { SortRow } from "../../platform/event-log/commit.ts";
import { type Comparable, comparableOf, slotOf } from "./comparable.ts";
import { tupleOf } from "./composite.ts";
import { findSlotName, localesOf, valueAt } from "./locale.ts";
import type { FieldShape, TypeShape } from "./type-shape.ts";

/**
 * The canonical text of "this field, in this locale, has this value"; Postgres hashes it together with space and type.
 * Lengths before names keep it injective. `value` is as `comparableOf` gives it: a time is its milliseconds.
 */
export function termOf(field: string, locale: string, value: Comparable): string {
  return `${prefixOf(field, locale)}${(typeof value)[0]}:${JSON.stringify(value)}`;
}

/** "This field, in this locale, has a value at all": for fields without a slot, which lists do not have. */
export function presenceOf(field: string, locale: string): string {
  return `${prefixOf(field, locale)}p:`;
}

function prefixOf(field: string, locale: string): string {
  return `${field.length}:${field}${locale.length}:${locale}`;
}

/** Slots hold values with the fallback to the default locale already made, so that a list of one locale never looks elsewhere. */
export function sortRowOf(shape: TypeShape, fields: JsonObject): SortRow {
  const tokens = new Set<string>();
  const slots: Record<string, string | number> = {};
  for (const field of shape.fields.filter((each) => each.indexed)) {
    for (const locale of localesOf(field, shape.locales)) {
      const value = valueAt(field, fields, locale, shape.defaultLocale);
      for (const term of termsOf(field, locale, value)) tokens.add(term);
      const slot = findSlotName(field, locale);
      if (slot !== undefined) slots[slot] = slotOf(field.kind, comparableOf(field.kind, value));
    }
  }
  for (const composite of shape.composites) {
    slots[composite.slot] = tupleOf(composite, (name) => composedValue(shape, fields, name));
  }
  return { ...slots, tokens: [...tokens] };
}

function termsOf(field: FieldShape, locale: string, value: Json | undefined): string[] {
  if (value === undefined) return [];
  const terms = (Array.isArray(value) ? value : [value])
    .map((each) => comparableOf(field.kind, each))
    .filter((each) => each !== undefined)
    .map((each) => termOf(field.name, locale, each));
  return findSlotName(field, locale) === undefined ? [presenceOf(field.name, locale), ...terms] : terms;
}

/** A localized field takes part in a composite with its value in the default locale. */
function composedValue(shape: TypeShape, fields: JsonObject, name: string): Comparable | undefined {
  const field = shape.fields.find((each) => each.name === name);
  return field && comparableOf(field.kind, valueAt(field, fields, shape.defaultLocale, shape.defaultLocale));
}
