// A filter term made precise: which columns of sort rows, or which equality terms, decide it.
import { never } from "../../kernel/result.ts";
import type { Column, Key } from "./column.ts";
import type { FieldShape, TypeShape } from "./type-shape.ts";

export interface Bound {
  readonly key: Key;
  readonly inclusive: boolean;
}

/** One value that a field has; asked of the terms, which know whole values, and where it can be of a slot, which has an index. */
export interface Same {
  readonly is: "same";
  readonly not: boolean;
  /** The entry has one of these terms. Empty for columns that every entry has. */
  readonly terms: readonly string[];
  readonly slot?: {
    readonly column: Column;
    readonly keys: readonly Key[];
    /** The column alone tells: nothing was cut off, or there is nothing but the column. */
    readonly exact: boolean;
  };
}

export type Condition =
  | Same
  /** Never true of a missing value. */
  | { readonly is: "range"; readonly column: Column; readonly low?: Bound; readonly high?: Bound }
  | { readonly is: "present"; readonly column: Column; readonly not: boolean }
  | { readonly is: "either"; readonly groups: readonly (readonly Condition[])[] }
  | Hop;

/** The entry refers to one that fulfils `inner`. With `not`: it does not, or refers to nothing. */
export interface Hop {
  readonly is: "hop";
  readonly not: boolean;
  /** Its place among the hops of the query, which names what it found. */
  readonly at: number;
  readonly parameter: string;
  readonly field: FieldShape;
  readonly locale: string;
  readonly column?: Column;
  readonly target: TypeShape;
  readonly inner: Condition;
}

export function hopsOf(conditions: readonly Condition[]): readonly Hop[] {
  return conditions.flatMap((each) =>
    each.is === "hop" ? [each] : each.is === "either" ? each.groups.flatMap(hopsOf) : [],
  );
}

/** Columns of the sort row that the conditions look at, besides id; `terms` where equality is asked. */
export function columnsOf(conditions: readonly Condition[]): ReadonlySet<string> {
  return new Set(conditions.flatMap(columnsOfOne));
}

function columnsOfOne(condition: Condition): readonly string[] {
  switch (condition.is) {
    case "same":
      return [condition.slot?.exact ? condition.slot.column.name : "terms"];
    case "range":
    case "present":
      return [condition.column.name];
    case "either":
      return condition.groups.flatMap((group) => [...columnsOf(group)]);
    case "hop":
      return [condition.column?.name ?? "terms"];
    default:
      return never(condition);
  }
}
