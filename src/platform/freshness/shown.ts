// What an isolate learnt in the last moments, and what it had believed before: tells since when it knows that an answer is old.
import type { Instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import { type Dependencies, type DigestView, staleSince } from "./view.ts";

/** Something new came, and was joined to what was known. */
export interface Shown {
  readonly at: Instant;
  /** What was known before was not older than a second, and what came was not written here. */
  readonly followed: boolean;
  /** What the view said of the members that changed. */
  readonly before: ReadonlyMap<string, Position | undefined>;
}

/**
 * When the first change became known that an answer of `at` misses. `undefined`: before all that `shown` tells of, or nobody knows how long
 * after it happened. The last change is not what counts: an answer that missed an earlier one was old already.
 */
export function missedSince(
  view: DigestView,
  shown: readonly Shown[],
  at: Position,
  dependencies: Dependencies,
): Instant | undefined {
  const wasStale = (n: number): boolean => staleSince(viewBefore(view, shown, n), at, dependencies) !== undefined;
  const next = shown.findIndex((_, n) => wasStale(n));
  const first = next === -1 ? shown.at(-1) : shown[next - 1];
  return first?.followed === true ? first.at : undefined;
}

/** As it was before the one numbered `n`, and all after it, came. */
function viewBefore(view: DigestView, shown: readonly Shown[], n: number): DigestView {
  const get = (member: string): Position | undefined => {
    const overwritten = shown.slice(n).find(({ before }) => before.has(member));
    return overwritten === undefined ? view.changed.get(member) : overwritten.before.get(member);
  };
  return { ...view, changed: { get } };
}
