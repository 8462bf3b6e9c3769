// The exact budgets: one awaited question to the shared counter, which never lets more through than the quota in a window, summed over the
// world. What happens when it does not answer is said here, by budget.
import { type Clock, type Instant, instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import { memory } from "../edge-cache/memory.ts";
import type { SpaceLife } from "../freshness/digest.ts";
import type { Mark } from "../relay/dirty-set.ts";
import { Outage } from "../resilience/outage.ts";
import type { Load } from "./load.ts";
import type { BudgetLimit, BudgetName } from "./plans.ts";
import type { Wall, Walls } from "./wall.ts";
import { type BudgetState, stateOf, windowOf } from "./window.ts";

export type ExactBudget = Exclude<BudgetName, "read">;

/** A mark in the dirty set that travels in the counter's request; see platform/relay. */
export type Marking = Mark;

export interface Counted {
  readonly admitted: boolean;
  readonly remaining: number;
  readonly endsAt: Instant;
  /** What the marking's answer was: `seen`, as `DirtySet.mark` gives it. Absent: it was not marked. */
  readonly marked?: { readonly seen: Position | undefined };
}

/** Fixed windows aligned to the clock, in a store that all isolates share. */
export interface ExactCounter {
  /** Counts one, also when it is refused. Throws `Outage` when it is not known whether it was counted. */
  count(key: string, limit: BudgetLimit, marking?: Marking): Promise<Counted>;
}

/** `refused`: the quota is used up. `closed`: cannot be counted, and must be. `busy`: too many are being counted at this moment. */
export type Spent =
  | {
      readonly is: "admitted";
      readonly state: BudgetState;
      /** Of the window that the counter counted it in; absent: it was let through uncounted. */
      readonly endsAt?: Instant;
      readonly marked?: { readonly seen: Position | undefined };
    }
  | { readonly is: "refused"; readonly state: BudgetState }
  | { readonly is: "closed" }
  | { readonly is: "busy" };

export interface ExactBudgets {
  /** `key`: whose; `space`: who shares the isolate's calls to the counter fairly. */
  spend(budget: ExactBudget, key: string, limit: BudgetLimit, space: SpaceLife, marking?: Marking): Promise<Spent>;
}

/** Counter away: `undefined` closes; else at most so many a window in this isolate, and what the wall lets through. */
const AWAY: Readonly<Record<ExactBudget, { readonly most: number; readonly wall: keyof Walls } | undefined>> = {
  write: { most: Number.POSITIVE_INFINITY, wall: "write" },
  bulk: { most: Number.POSITIVE_INFINITY, wall: "write" },
  auth: { most: 5, wall: "auth" },
  generate: undefined,
};

const REMEMBERED = 10_000;

export function openExactBudgets(parts: {
  readonly counter: ExactCounter;
  readonly walls: Walls;
  /** Calls to the counter that are under way. */
  readonly load: Load;
  readonly clock: Clock;
}): ExactBudgets {
  const { counter, walls, load, clock } = parts;
  /** Used-up budgets: who goes on asking costs nobody anything more. Exact, because a counter only rises. */
  const usedUp = memory<{ readonly quota: number; readonly until: Instant }>(REMEMBERED);
  /** What was let through without the counter. */
  const uncounted = memory<{ spent: number; readonly until: Instant }>(REMEMBERED);

  async function ask(budget: ExactBudget, key: string, limit: BudgetLimit, space: SpaceLife, marking?: Marking) {
    // Anybody can fail to show a good key, in the name of any space: that must not keep others from being counted.
    const lease = load.enter(space, budget === "auth" ? "low" : "high");
    if (lease === undefined) return "busy";
    try {
      return await counter.count(key, limit, marking);
    } catch (error) {
      if (!(error instanceof Outage)) throw error;
      return error.reason === "full" ? "busy" : "away";
    } finally {
      load.leave(lease);
    }
  }

  async function spendUncounted(budget: ExactBudget, key: string, limit: BudgetLimit): Promise<Spent> {
    const policy = AWAY[budget];
    if (policy === undefined) return { is: "closed" };
    const now = clock.now();
    const { endsAt } = windowOf(now, limit.window);
    const known = uncounted.get(key);
    const count = known !== undefined && known.until === endsAt ? known : { spent: 0, until: endsAt };
    uncounted.set(key, count);
    const most = Math.min(limit.quota, policy.most);
    const told = { quota: most, window: limit.window };
    if (count.spent >= most) return { is: "refused", state: stateOf(told, 0, endsAt, now) };
    // Before the wall is asked: others come while it answers.
    count.spent += 1;
    const wall: Wall = walls[policy.wall];
    const admitted = await wall.admits(`${budget}:${key}`);
    const state = stateOf(told, admitted ? most - count.spent : 0, endsAt, now);
    return { is: admitted ? "admitted" : "refused", state };
  }

  return {
    async spend(budget, key, limit, space, marking) {
      const name = `${key}:${budget}:${limit.window}`;
      const now = clock.now();
      const last = usedUp.get(name);
      if (last !== undefined && now < last.until && limit.quota <= last.quota)
        return { is: "refused", state: stateOf(limit, 0, last.until, now) };
      const counted = await ask(budget, name, limit, space, marking);
      if (counted === "busy") return { is: "busy" };
      if (counted === "away") return await spendUncounted(budget, name, limit);
      const { admitted, remaining, endsAt, marked } = counted;
      const state = stateOf(limit, remaining, endsAt, clock.now());
      if (admitted) return { is: "admitted", state, endsAt, ...(marked === undefined ? {} : { marked }) };
      usedUp.set(name, { quota: limit.quota, until: instant(endsAt) });
      return { is: "refused", state };
    },
  };
}
