// How values compare: what a sort slot holds, what equality looks at, and the order of text by code point.
import type { Json } from "../../kernel/json.ts";
import type { ValueKind } from "./type-shape.ts";

export type Comparable = string | number | boolean;

/** Sort last, in either direction: no value reaches them. */
export const MISSING_NUMBER = "Infinity";
export const MISSING_TEXT = "\u{10FFFF}";

/** Code points of a text that its slot holds; what comes after does not take part in order, only in equality. */
export const TEXT_SLOT = 256;

const TIME = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d))?$/;

/** RFC 3339, a date alone being its midnight in UTC, as milliseconds; finer fractions are cut. */
export function timeOf(text: string): number | undefined {
  const parts = TIME.exec(text);
  if (parts === null) return undefined;
  const [, date, time = "00:00:00", fraction = "", zone = "Z"] = parts;
  const at = Date.parse(`${date}T${time}${fraction.slice(0, 4)}${zone.toUpperCase()}`);
  // Date.parse takes 31 February for 3 March.
  const day = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(at) || new Date(day).toISOString().slice(0, 10) !== date ? undefined : at;
}

/** A stored scalar as its kind compares it; undefined when there is none, or (older schemas) one of another kind. */
export function comparableOf(kind: ValueKind, value: Json | undefined): Comparable | undefined {
  switch (kind) {
    case "number":
      return typeof value === "number" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "time":
      return typeof value === "string" ? timeOf(value) : undefined;
    case "text":
      return typeof value === "string" ? value : undefined;
    case "other":
      return typeof value === "object" ? undefined : value;
  }
}

/** What the slot of a sort row holds. */
export function slotOf(kind: ValueKind, value: Comparable | undefined): string | number {
  if (kind === "text") return typeof value === "string" ? textSlotOf(value) : MISSING_TEXT;
  return value === undefined ? MISSING_NUMBER : Number(value);
}

/** The first code points; a leading U+10FFFF, a noncharacter, gives way to the missing value's mark. */
export function textSlotOf(text: string, codePoints: number = TEXT_SLOT): string {
  const cut = text.length <= codePoints ? text : firstOf(text, codePoints);
  return cut.startsWith(MISSING_TEXT) ? `\u{10FFFE}${cut.slice(MISSING_TEXT.length)}` : cut;
}

/** Whether the slot tells this text from every other: longer ones may share its first code points. */
export function fitsSlot(text: string, codePoints: number = TEXT_SLOT): boolean {
  return !text.startsWith(MISSING_TEXT) && (text.length < codePoints || Array.from(text).length < codePoints);
}

/** Order of `COLLATE "C"`: by code point. JavaScript's own order goes by UTF-16 units and puts U+E000..U+FFFF after the supplementary planes. */
export function compareText(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  if (at > 0 && isHighSurrogate(left.charCodeAt(at - 1))) at -= 1;
  return (left.codePointAt(at) ?? -1) - (right.codePointAt(at) ?? -1);
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function firstOf(text: string, codePoints: number): string {
  return Array.from(text.slice(0, codePoints * 2))
    .slice(0, codePoints)
    .join("");
}
