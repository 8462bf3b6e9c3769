// Which value of a field a reader of one locale is given: that locale's own, else the default locale's.
import { isObject, type Json, type JsonObject, member } from "../../kernel/json.ts";
import type { FieldShape } from "./type-shape.ts";

/** `null` counts as absent, as merge-patch has it. */
export function valueAt(
  field: FieldShape,
  fields: JsonObject,
  locale: string,
  defaultLocale: string,
): Json | undefined {
  const value = member(fields, field.name) ?? undefined;
  if (!field.localized || value === undefined) return value;
  if (!isObject(value)) return undefined;
  return member(value, locale) ?? member(value, defaultLocale) ?? undefined;
}

/** The locales in which a field has values of its own: `""` stands for the one value of a field that is not localized. */
export function localesOf(field: FieldShape, locales: readonly string[]): readonly string[] {
  return field.localized ? locales : [""];
}

/** The slot that holds a field's values in a locale; none for lists, nor for values of several kinds, which have no order. */
export function findSlotName({ kind, array, slots }: FieldShape, locale: string): string | undefined {
  return array || kind === "other" ? undefined : slots?.[locale];
}
