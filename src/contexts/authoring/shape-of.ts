// Content type → TypeShape: which slot of the sort row holds which field and locale. Slots stay where they are as long as they can:
// a slot that moves is a slot that every entry must be written again for.
import { type Fault, type FaultItem, fault, quote } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { CompositeShape, FieldShape, TypeShape } from "../delivery/delivery.ts";
import type { TypeDocument } from "./content-type.ts";
import { type FieldFacts, type FieldKind, factsOf } from "./domain/field-facts.ts";
import { pointerTo } from "./domain/pointer.ts";
import { sameJson } from "./domain/same-json.ts";

const NUMBER_SLOTS = slots("n", 8);
const TEXT_SLOTS = slots("t", 16);
const COMPOSITE_SLOTS = slots("k", 4);
/** Fields of one composite. */
const MAX_KEYS = 4;

export interface Locales {
  readonly locales: readonly string[];
  readonly defaultLocale: string;
}

/** Refuses with `invalid`/`schema-unsupported`. `before`: the shape that the type has now. */
export function shapeOf(
  type: string,
  document: TypeDocument,
  space: Locales,
  revision: number,
  before: TypeShape | undefined,
): Result<TypeShape> {
  const facts = factsOf(document.schema);
  const items: FaultItem[] = [];
  const taken = new Map<string, string>();
  for (const { name, slots: kept } of before?.fields ?? []) {
    for (const [locale, slot] of Object.entries(kept ?? {})) taken.set(placeKey(name, locale), slot);
  }
  const wanted = facts.filter((fact) => fact.indexed && !fact.array).flatMap((fact) => placesOf(fact, space.locales));
  const assigned = assign(wanted, taken, items);
  const fields = facts.map((fact) => fieldShape(fact, space.locales, assigned));
  const composites = compositesOf(document.indexes ?? [], facts, before?.composites ?? [], items);
  if (items.length > 0) return refuse(unsupported(items));
  return ok({ type, revision, locales: space.locales, defaultLocale: space.defaultLocale, fields, composites });
}

export function unsupported(items: readonly FaultItem[]): Fault {
  const more = items.length > 1 ? ` (and ${items.length - 1} more)` : "";
  return fault(
    "invalid",
    "schema-unsupported",
    `Cannot save the content type: ${items[0]?.detail ?? "its schema is not supported"}${more}`,
    { errors: items },
  );
}

/** Whether sort rows and references made for one shape hold for the other. */
export function isIndexedAlike(left: TypeShape, right: TypeShape): boolean {
  return sameJson(indexOf(left), indexOf(right));
}

/** Whether the references of one shape are those of the other. */
export function isReferringAlike(left: TypeShape, right: TypeShape): boolean {
  const referring = (shape: TypeShape) =>
    Object.fromEntries(
      shape.fields
        .filter((f) => f.reference !== undefined)
        .map((f) => [f.name, { to: f.reference ?? "", list: f.array }]),
    );
  return sameJson(referring(left), referring(right));
}

function indexOf(shape: TypeShape) {
  const { locales, defaultLocale } = shape;
  const fields = shape.fields
    .filter((field) => field.indexed)
    .map(
      ({ name, kind, array, localized, reference, slots: held }) =>
        [name, { kind, array, localized, reference: reference ?? null, slots: held ?? null }] as const,
    );
  const composites = shape.composites.map(({ keys, slot }) => [slot, keys] as const);
  return { locales, defaultLocale, fields: Object.fromEntries(fields), composites: Object.fromEntries(composites) };
}

interface Wanted {
  readonly field: string;
  readonly locale: string;
  readonly numeric: boolean;
}

function placesOf(fact: FieldFacts, locales: readonly string[]): readonly Wanted[] {
  return (fact.localized ? locales : [""]).map((locale) => ({
    field: fact.name,
    locale,
    numeric: isNumeric(fact.kind),
  }));
}

/** First everything that can keep its slot, then the rest: in slots that nothing had, then in those that were given up. */
function assign(
  wanted: readonly Wanted[],
  before: ReadonlyMap<string, string>,
  items: FaultItem[],
): ReadonlyMap<string, string> {
  const assigned = new Map<string, string>();
  for (const place of wanted) {
    const key = placeKey(place.field, place.locale);
    const kept = before.get(key);
    if (kept?.startsWith(place.numeric ? "n" : "t")) assigned.set(key, kept);
  }
  const used = new Set(assigned.values());
  const had = new Set(before.values());
  for (const place of wanted) {
    const key = placeKey(place.field, place.locale);
    if (assigned.has(key)) continue;
    const all = place.numeric ? NUMBER_SLOTS : TEXT_SLOTS;
    const free = all.filter((slot) => !used.has(slot));
    const slot = free.find((each) => !had.has(each)) ?? free[0];
    if (slot === undefined) {
      items.push(noSlot(place, all.length));
      return assigned;
    }
    used.add(slot);
    assigned.set(key, slot);
  }
  return assigned;
}

function noSlot({ field, locale, numeric }: Wanted, most: number): FaultItem {
  const what = numeric ? "number, boolean and time" : "text and reference";
  const where = locale === "" ? "" : ` in locale ${quote(locale)}`;
  const detail = `Field ${quote(field)} cannot be indexed${where}: a type has ${most} slots for ${what} fields (one a locale for localized ones), and all are used`;
  return { pointer: pointerTo("/schema/properties", field), code: "index-slots", detail };
}

function fieldShape(fact: FieldFacts, locales: readonly string[], assigned: ReadonlyMap<string, string>): FieldShape {
  if (!fact.indexed || fact.array) return fact;
  const held = (fact.localized ? locales : [""]).flatMap((locale) => {
    const slot = assigned.get(placeKey(fact.name, locale));
    return slot === undefined ? [] : [[locale, slot] as const];
  });
  return { ...fact, slots: Object.fromEntries(held) };
}

function compositesOf(
  declared: readonly (readonly string[])[],
  facts: readonly FieldFacts[],
  before: readonly CompositeShape[],
  items: FaultItem[],
): readonly CompositeShape[] {
  if (declared.length > COMPOSITE_SLOTS.length) {
    items.push({
      pointer: "/indexes",
      code: "index-slots",
      detail: `A type has at most ${COMPOSITE_SLOTS.length} composite indexes; found ${declared.length}`,
    });
    return [];
  }
  const seen = new Set<string>();
  for (const [i, keys] of declared.entries()) {
    const pointer = pointerTo("/indexes", String(i));
    if (keys.length === 0 || keys.length > MAX_KEYS) {
      items.push({
        pointer,
        code: "index-invalid",
        detail: `A composite index names 1 to ${MAX_KEYS} fields; found ${keys.length}`,
      });
    }
    if (seen.has(keys.join(" ")))
      items.push({ pointer, code: "index-invalid", detail: "The composite index is declared twice" });
    seen.add(keys.join(" "));
    for (const [j, key] of keys.entries()) {
      const why = whyNotKey(key, keys.slice(0, j), facts);
      if (why !== undefined) items.push({ pointer: pointerTo(pointer, String(j)), code: "index-invalid", detail: why });
    }
  }
  const kept = new Map(before.map(({ keys, slot }) => [keys.join(" "), slot]));
  const held = new Set(declared.flatMap((keys) => kept.get(keys.join(" ")) ?? []));
  const free = COMPOSITE_SLOTS.filter((slot) => !held.has(slot));
  return declared.map((keys) => ({ keys, slot: kept.get(keys.join(" ")) ?? free.shift() ?? "" }));
}

function whyNotKey(key: string, earlier: readonly string[], facts: readonly FieldFacts[]): string | undefined {
  const name = fieldOf(key);
  const fact = facts.find((each) => each.name === name);
  if (fact === undefined) return `There is no field ${quote(name)}`;
  if (!fact.indexed || fact.array) return `Field ${quote(name)} must be "x-indexed" or "x-reference", and no list`;
  return earlier.some((each) => fieldOf(each) === name) ? `Field ${quote(name)} is named twice` : undefined;
}

function fieldOf(key: string): string {
  return key.startsWith("-") ? key.slice(1) : key;
}

function isNumeric(kind: FieldKind): boolean {
  return kind === "number" || kind === "boolean" || kind === "time";
}

/** A locale holds no space, so the two parts cannot run together. */
function placeKey(field: string, locale: string): string {
  return `${field} ${locale}`;
}

function slots(letter: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);
}
