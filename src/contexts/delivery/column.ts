// The columns of sort rows: the only identifiers that queries put into SQL. Clients name fields; shapes name slots; this list decides.
import { type SQL, sql } from "drizzle-orm";
import { type Comparable, MISSING_NUMBER, MISSING_TEXT, slotOf } from "./comparable.ts";
import type { ValueKind } from "./type-shape.ts";

export type ColumnType = "float8" | "text" | "timestamptz" | "bytea";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** How a missing value is kept: a mark that sorts last, NULL, or never missing. */
  readonly missing: "mark" | "null" | "never";
}

/** As sort slots, cursors and parameters hold them. */
export type Key = string | number;

const column = (name: string, type: ColumnType, missing: Column["missing"]): [string, Column] => [
  name,
  { name, type, missing },
];
const slots = (letter: string, count: number, type: ColumnType, missing: Column["missing"]): [string, Column][] =>
  Array.from({ length: count }, (_, at) => column(`${letter}${at + 1}`, type, missing));

const SLOTS: ReadonlyMap<string, Column> = new Map([
  ...slots("n", 8, "float8", "mark"),
  ...slots("t", 16, "text", "mark"),
  ...slots("k", 4, "bytea", "never"),
]);

export const ID: Column = { name: "id", type: "text", missing: "never" };

export interface SystemField {
  readonly kind: ValueKind;
  readonly column: Column;
}

/** What every entry has besides its fields. */
const SYSTEM: ReadonlyMap<string, SystemField> = new Map([
  ["id", { kind: "text", column: ID }],
  ["slug", { kind: "text", column: { name: "slug", type: "text", missing: "null" } }],
  ["createdAt", { kind: "time", column: { name: "created_at", type: "timestamptz", missing: "never" } }],
  ["updatedAt", { kind: "time", column: { name: "updated_at", type: "timestamptz", missing: "never" } }],
  ["publishedAt", { kind: "time", column: { name: "published_at", type: "timestamptz", missing: "never" } }],
]);
/** What is known of drafts besides, or otherwise: they may have no publication yet, and nothing published is anything but published. */
const OF_DRAFTS: ReadonlyMap<string, SystemField> = new Map([
  ["publishedAt", { kind: "time", column: { name: "published_at", type: "timestamptz", missing: "null" } }],
  ["status", { kind: "text", column: { name: "status", type: "text", missing: "never" } }],
]);

export const STATUSES: readonly string[] = ["draft", "published", "changed", "archived"];

export function findSlot(name: string | undefined): Column | undefined {
  return name === undefined ? undefined : SLOTS.get(name);
}

export function findSystemField(name: string, drafts: boolean): SystemField | undefined {
  return (drafts ? OF_DRAFTS.get(name) : undefined) ?? SYSTEM.get(name);
}

/** RFC 3339 and Postgres agree on these; an offset can lead a year out of them. */
const EARLIEST = Date.parse("0001-01-01T00:00:00.000Z");
const LATEST = Date.parse("9999-12-31T23:59:59.999Z");

/** A value as a column holds it: text cut to what its slot holds, times of the system as RFC 3339. */
export function keyOfValue(column: Column, kind: ValueKind, value: Comparable): Key {
  if (column.type === "timestamptz") return new Date(Math.min(Math.max(Number(value), EARLIEST), LATEST)).toISOString();
  return column.missing === "mark" ? slotOf(kind, value) : String(value);
}

export function nameOf(column: Column): SQL {
  return sql`${sql.identifier(column.name)}`;
}

/** A parameter of the column's type. */
export function keyParam(column: Column, key: Key): SQL {
  switch (column.type) {
    case "float8":
      return sql`${key}::float8`;
    case "text":
      return sql`${key}::text`;
    case "timestamptz":
      return sql`${key}::timestamptz`;
    case "bytea":
      return sql`${key}::bytea`;
  }
}

/** The mark of a missing value in a column that has one. */
export function missingMark(column: Column): Key {
  return column.type === "float8" ? MISSING_NUMBER : MISSING_TEXT;
}
