// Declared composites: several fields as one byte string whose order is the declared order, so that a filter on the first
// fields and a sort on the rest are one range of one index.
import { type Comparable, textSlotOf } from "./comparable.ts";
import type { CompositeShape } from "./type-shape.ts";

export interface CompositeKey {
  readonly field: string;
  readonly descending: boolean;
}

const PRESENT = 0x01;
/** After every present value whatever the direction: missing sorts last both ways. */
const MISSING = 0xff;
/** Code points of text in one composite. A B-tree entry holds 2,700 bytes, and a code point takes up to four. */
const TEXT_TOTAL = 512;
const TEXT_MOST = 256;

const utf8 = new TextEncoder();

/** `-population` → population, descending. */
export function keyOf(declared: string): CompositeKey {
  return declared.startsWith("-")
    ? { field: declared.slice(1), descending: true }
    : { field: declared, descending: false };
}

/** Code points that each text in this composite is cut to. */
export function textLimitOf(composite: CompositeShape): number {
  return Math.min(TEXT_MOST, Math.floor(TEXT_TOTAL / composite.keys.length));
}

/**
 * One value of a composite. No encoding is a prefix of another, so tuples compare field by field: numbers as 8 bytes
 * (big-endian IEEE 754, sign flipped), text as UTF-8 ended by 0x00, which no stored text holds; descending is the complement.
 */
export function encodeKey(value: Comparable | undefined, descending: boolean, textLimit: number): Uint8Array {
  if (value === undefined) return Uint8Array.of(MISSING);
  const plain =
    typeof value === "string"
      ? Uint8Array.of(...utf8.encode(textSlotOf(value, textLimit)), 0)
      : orderedDouble(Number(value));
  return Uint8Array.of(PRESENT, ...(descending ? plain.map((byte) => ~byte) : plain));
}

function orderedDouble(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value === 0 ? 0 : value);
  const negative = (bytes[0] ?? 0) >= 0x80;
  return bytes.map((byte, at) => (negative ? ~byte : at === 0 ? byte | 0x80 : byte));
}

/** The whole tuple, as Postgres reads bytea. `comparableOf` gives the comparable value of a field. */
export function tupleOf(composite: CompositeShape, comparableOf: (field: string) => Comparable | undefined): string {
  const limit = textLimitOf(composite);
  return hexOf(composite.keys.map(keyOf).map((key) => encodeKey(comparableOf(key.field), key.descending, limit)));
}

/** `\x…`, as Postgres writes and reads bytea. */
export function hexOf(parts: readonly Uint8Array[]): string {
  return `\\x${parts.map((part) => Array.from(part, (byte) => byte.toString(16).padStart(2, "0")).join("")).join("")}`;
}

/** The lowest bytes above everything that starts with `prefix`; undefined when nothing is. */
export function above(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  return length === 0 ? undefined : prefix.slice(0, length).map((byte, at) => (at === length - 1 ? byte + 1 : byte));
}
