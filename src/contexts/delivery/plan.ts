// A list as it is to be read: everything decided, nothing written as SQL yet.
import type { Position } from "../../kernel/position.ts";
import { compareText } from "./comparable.ts";
import { type Condition, type Hop, hopsOf, type Same } from "./condition.ts";
import type { Order } from "./order.ts";
import type { Rows } from "./source.ts";
import type { Place } from "./stretch.ts";
import type { TypeShape } from "./type-shape.ts";

/**
 * In rows of a narrow table. A filter that no index combines with the sort costs at most the candidates of each probe that turned out
 * to have more than `probe`, and then a walk of `walk` rows in order.
 */
export interface WorkBudget {
  readonly probe: number;
  readonly walk: number;
}

/** Balanced for a page of 20 among a million entries: the square root of their product, and twice that. */
export const WORK: WorkBudget = { probe: 4_500, walk: 9_000 };
/** Entries that a condition on a referenced entry may find. */
export const HOP_MOST = 1_000;
export const COUNT_EXACTLY = 10_000;
export const COUNT_SAMPLE = 2_000;

export interface ListPlan {
  readonly rows: Rows;
  readonly shape: TypeShape;
  readonly drafts: boolean;
  readonly where: readonly Condition[];
  readonly order: Order;
  readonly limit: number;
  readonly from?: Place;
  /** Read as the space was at this position; absent: as it is. */
  readonly pin?: Position;
  readonly count: boolean;
  /** Where a page ends early; absent: `PAGE_BYTES`. */
  readonly bytes?: number;
  readonly budget: WorkBudget;
}

/** A way to find all candidates of a filter at once; used when they are few. */
export type Probe =
  | { readonly by: "index"; readonly condition: Condition }
  | { readonly by: "terms"; readonly all: readonly string[]; readonly any: readonly string[] | Hop | undefined };

const MOST_PROBES = 3;

/** The most promising first. Not for conditions that a walk along the order already has. */
export function probesOf({ where, order: { rest } }: ListPlan): readonly Probe[] {
  if (rest.length === 0) return [];
  const asked = where.filter(isPositiveSame).filter(({ terms }) => terms.length > 0);
  const slotless = rest.some((each) => isPositiveSame(each) && each.slot === undefined);
  const probes: Probe[] = rest
    .filter((each) => isPositiveSame(each) && each.terms.length === 0)
    .map((condition) => ({ by: "index", condition }));
  // Several at once: only the intersection of their terms is small where each of them is broad.
  if (slotless || (asked.length > 1 && asked.some((each) => rest.includes(each)))) {
    const all = asked.filter(({ terms }) => terms.length === 1).flatMap(({ terms }) => terms);
    const any = asked
      .filter(({ terms }) => terms.length > 1)
      .toSorted((left, right) => left.terms.length - right.terms.length)[0]?.terms;
    probes.push({ by: "terms", all, any });
  } else {
    probes.push(
      ...rest
        .filter((each) => isPositiveSame(each) && each.terms.length > 0)
        .map((condition): Probe => ({ by: "index", condition })),
    );
  }
  for (const each of rest) {
    if (each.is === "hop" && !each.not)
      probes.push(each.column ? { by: "index", condition: each } : { by: "terms", all: [], any: each });
  }
  return [...probes, ...rangesOf(rest).map((condition): Probe => ({ by: "index", condition }))].slice(0, MOST_PROBES);
}

/** Those with two ends before those with one. */
function rangesOf(rest: readonly Condition[]): readonly Condition[] {
  const ranges = rest.filter((each) => each.is === "range");
  const joined = new Map<string, Extract<Condition, { is: "range" }>>();
  for (const range of ranges) joined.set(range.column.name, { ...joined.get(range.column.name), ...range });
  return [...joined.values()].toSorted(
    (left, right) => ends(right) - ends(left) || compareText(left.column.name, right.column.name),
  );
}

function ends(range: Extract<Condition, { is: "range" }>): number {
  return Number(range.low !== undefined) + Number(range.high !== undefined);
}

function isPositiveSame(condition: Condition): condition is Same {
  return condition.is === "same" && !condition.not;
}

export function hopsIn(plan: ListPlan): readonly Hop[] {
  return hopsOf(plan.where);
}
