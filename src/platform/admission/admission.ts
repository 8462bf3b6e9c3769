// Who may begin, as the door asks it: budgets, the wall in front of strangers, and what the isolate has under way.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { memory } from "../edge-cache/memory.ts";
import type { SpaceLife } from "../freshness/digest.ts";
import { type ExactBudgets, type ExactCounter, openExactBudgets } from "./exact-budgets.ts";
import { type Load, openLoad } from "./load.ts";
import { openReadBudgets, type ReadBudgets } from "./read-budgets.ts";
import type { Walls } from "./wall.ts";
import { type BudgetState, stateOf } from "./window.ts";

export interface Admission {
  readonly reads: ReadBudgets;
  readonly exact: ExactBudgets;
  /** Requests that are at work on a database. */
  readonly load: Load;
  readonly walls: Walls;
  /**
   * Whether this refusal may be decided once more on what the primary knows: limits may have been raised, and who is always refused never reads
   * anything that would tell. Once in five seconds a space, or refusals would cost more than what they refuse.
   */
  mayRelearn(space: SpaceLife): boolean;
  /** Remembers that this text is refused for the rest of a window, at most a minute, so that nothing is looked up for it again. */
  refuse(text: string, state: BudgetState): void;
  /** What is told to whoever is still refused. */
  refusal(text: string): BudgetState | undefined;
}

/**
 * Below the bulkhead of every database endpoint (400), so that who is refused is chosen here, by value, and not there, by chance. One space may
 * have 64 reads under way: at 10 ms each that is six thousand a second, and it does not make an endpoint too slow for everybody else.
 */
const AT_WORK = 320;
/** Below Redis's bulkhead (400), for whoever finds that full is not counted, and not let through. */
const COUNTING = 320;
const RELEARN: Millis = millis(5_000);
/** A key may be refused because its record was out of reach: not for long, however long the window. */
const LONGEST: Millis = millis(60_000);

export function openAdmission(parts: {
  readonly counter: ExactCounter;
  readonly walls: Walls;
  readonly clock: Clock;
}): Admission {
  const { clock, walls } = parts;
  const learnt = memory<{ readonly at: Instant }>(1_000);
  const refused = memory<{ readonly state: BudgetState; readonly until: Instant }>(1_000);
  return {
    walls,
    reads: openReadBudgets(clock),
    exact: openExactBudgets({ ...parts, load: openLoad(clock, COUNTING) }),
    load: openLoad(clock, AT_WORK),
    mayRelearn({ uid, epoch }) {
      const key = `${uid}.${epoch}`;
      const now = clock.now();
      const last = learnt.get(key);
      if (last !== undefined && now - last.at < RELEARN) return false;
      learnt.set(key, { at: now });
      return true;
    },
    refuse(text, state) {
      refused.set(text, { state, until: instant(clock.now() + Math.min(LONGEST, state.reset * 1_000)) });
    },
    refusal(text) {
      const found = refused.get(text);
      const now = clock.now();
      return found !== undefined && now < found.until ? stateOf(found.state, 0, found.until, now) : undefined;
    },
  };
}
