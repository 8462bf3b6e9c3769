// The text of a filter's value, read as the kind of its field.
import { type Comparable, timeOf } from "./comparable.ts";
import type { ValueKind } from "./type-shape.ts";

/** JSON's own grammar: no hexadecimal, no blanks, no Infinity. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const WANTED: Readonly<Record<ValueKind, string>> = {
  number: "a number",
  boolean: "true or false",
  time: "a time like 2026-01-31T09:30:00.000Z",
  text: "text",
  other: "a value",
};

export type Valued = { readonly values: readonly Comparable[] } | { readonly wanted: string };

/** A value whose kind the schema leaves open is looked for as text and, where it reads like one, as a number or boolean. */
export function readValue(kind: ValueKind, text: string): Valued {
  const value = comparable(kind, text);
  if (value === undefined) return { wanted: WANTED[kind] };
  if (kind !== "other") return { values: [value] };
  return {
    values: [text, comparable("number", text), comparable("boolean", text)].filter((each) => each !== undefined),
  };
}

/** A comma list; `\,` is a comma and `\\` a backslash inside a value. */
export function readValues(kind: ValueKind, text: string): Valued {
  const parts = splitList(text);
  if (parts === undefined)
    return { wanted: "a list separated by commas, with \\, for a comma and \\\\ for a backslash" };
  const values: Comparable[] = [];
  for (const part of parts) {
    const read = readValue(kind, part);
    if ("wanted" in read) return { wanted: `${read.wanted}, or several separated by commas` };
    values.push(...read.values);
  }
  return { values: [...new Set(values)] };
}

export function readBoolean(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

function comparable(kind: ValueKind, text: string): Comparable | undefined {
  switch (kind) {
    case "number": {
      const value = NUMBER.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(value) ? value : undefined;
    }
    case "boolean":
      return readBoolean(text);
    case "time":
      return timeOf(text);
    case "text":
    case "other":
      return text;
  }
}

function splitList(text: string): readonly string[] | undefined {
  if (!/^(?:[^\\]|\\[\\,])*$/s.test(text)) return undefined;
  const parts = [""];
  for (const [piece] of text.matchAll(/\\[\\,]|[^\\]/gs)) {
    if (piece === ",") parts.push("");
    else parts[parts.length - 1] += piece.length === 2 && piece.startsWith("\\") ? piece.slice(1) : piece;
  }
  return parts;
}
