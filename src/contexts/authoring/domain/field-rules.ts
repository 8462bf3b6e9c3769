// What every content type asks of an entry's `fields`, whatever its schema says: names, locales, sizes, references.
import { type Fault, type FaultItem, fault, quote } from "../../../kernel/fault.ts";
import { ENTRY_ID } from "../../../kernel/id.ts";
import { isObject, isStorable, type Json, type JsonObject, member } from "../../../kernel/json.ts";
import { whyNotField } from "./dialect.ts";
import type { FieldFacts } from "./field-facts.ts";
import { pointerTo } from "./pointer.ts";

/** UTF-8 bytes of `fields` as JSON. */
export const MAX_FIELDS_BYTES = 512 * 1024;
/** Values that one entry's indexed lists and references may hold together: each is a row or a token written under the space's lock. */
export const MAX_INDEXED_VALUES = 2_000;

const ROOT = "/fields";

/** Refuses with `invalid`/`fields-too-large`. */
export function whyTooLarge(fields: JsonObject): Fault | undefined {
  const text = JSON.stringify(fields);
  // Postgres writes numbers out in full: 1e308 comes back as 309 digits.
  const bytes = utf8Length(text) + (/\de[+-]\d/.test(text) ? writtenOut(fields) : 0);
  if (bytes <= MAX_FIELDS_BYTES) return undefined;
  const detail = `The fields take ${bytes} bytes as JSON; an entry may have ${MAX_FIELDS_BYTES}`;
  return fault("invalid", "fields-too-large", detail, {
    errors: [{ pointer: ROOT, code: "fields-too-large", detail }],
  });
}

/** How many characters exponents stand for. */
export function writtenOut(value: Json): number {
  if (typeof value === "number") return Math.abs(Number(/e([+-]\d+)$/.exec(String(value))?.[1] ?? 0));
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, each: Json) => sum + writtenOut(each), 0);
}

/** Beyond what `storedSchema` can say. `required`: names of fields that must be there. */
export function checkFields(
  facts: readonly FieldFacts[],
  required: readonly string[],
  locales: readonly string[],
  fields: JsonObject,
): readonly FaultItem[] {
  const items: FaultItem[] = [];
  for (const [name, value] of Object.entries(fields)) {
    const why = whyNotField(name);
    if (why !== undefined) items.push({ pointer: pointerTo(ROOT, name), code: "field-name", detail: why });
    checkStorable(value, pointerTo(ROOT, name), items);
  }
  let indexed = 0;
  for (const fact of facts) {
    const value = member(fields, fact.name);
    if (value === undefined) continue;
    const pointer = pointerTo(ROOT, fact.name);
    if (fact.localized) items.push(...checkLocales(value, pointer, locales, required.includes(fact.name)));
    if (fact.reference !== undefined) items.push(...checkReferences(value, pointer));
    if (fact.indexed && fact.array) indexed += countOf(value, fact.localized);
  }
  if (indexed > MAX_INDEXED_VALUES) {
    items.push({
      pointer: ROOT,
      code: "too-many-indexed",
      detail: `Indexed lists and references may hold ${MAX_INDEXED_VALUES} values together; found ${indexed}`,
    });
  }
  return items;
}

function checkLocales(value: Json, pointer: string, locales: readonly string[], required: boolean): FaultItem[] {
  if (!isObject(value)) return [];
  const known = locales.map((locale) => quote(locale)).join(", ");
  const names = Object.keys(value);
  if (required && names.length === 0) {
    return [
      {
        pointer,
        code: "required",
        detail: `The field is required, and has no value in any locale; locales are ${known}`,
      },
    ];
  }
  return names
    .filter((name) => !locales.includes(name))
    .map((name) => ({
      pointer: pointerTo(pointer, name),
      code: "locale-unknown",
      detail: `${quote(name)} is not a locale of this space; they are ${known}`,
    }));
}

/** Whether the entry exists is asked when the referring one is published; an id it must be at once. */
function checkReferences(value: Json, pointer: string): FaultItem[] {
  const wrong = (id: Json) => typeof id === "string" && !ENTRY_ID.test(id);
  const complaint = (at: string, id: Json) => ({
    pointer: at,
    code: "x-reference",
    detail: `Must be the id of an entry; found ${quote(id)}`,
  });
  if (!Array.isArray(value)) return wrong(value) ? [complaint(pointer, value)] : [];
  return value.flatMap((id: Json, i) => (wrong(id) ? [complaint(pointerTo(pointer, String(i)), id)] : []));
}

function countOf(value: Json, localized: boolean): number {
  if (Array.isArray(value)) return value.length;
  return localized && isObject(value)
    ? Object.values(value).reduce((sum: number, each) => sum + (Array.isArray(each) ? each.length : 0), 0)
    : 0;
}

function checkStorable(value: Json, pointer: string, items: FaultItem[]): void {
  const complain = (at: string, what: string) =>
    items.push({
      pointer: at,
      code: "text-not-storable",
      detail: `A ${what} holds U+0000 or half of a surrogate pair, which cannot be stored`,
    });
  if (typeof value === "string") {
    if (!isStorable(value)) complain(pointer, "text");
  } else if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) checkStorable(item as Json, pointerTo(pointer, String(i)), items);
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) {
      if (!isStorable(name)) complain(pointerTo(pointer, name), "member name");
      checkStorable(item, pointerTo(pointer, name), items);
    }
  }
}

/** Bytes in UTF-8, without an encoder: this room has none. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7ff) bytes += 2;
    else if (unit > 0x7f) bytes += 1;
    // A pair is four bytes, not twice three.
    if (unit >= 0xd800 && unit < 0xdc00) bytes -= 1;
    else if (unit >= 0xdc00 && unit < 0xe000) bytes -= 1;
  }
  return bytes;
}
