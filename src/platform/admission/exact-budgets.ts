// The exact budgets: one awaited question to the shared counter, which never lets more through than the quota in a window, summed over the
// world. What happens when it does not answer is said here, by budget.
import type { Clock, Instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import { memory } from "../edge-cache/memory.ts";
import type { SpaceLife } from "../freshness/digest.ts";
import type { Mark } from "../relay/dirty-set.ts";
import { Outage } from "../resilience/outage.ts";
import type { Load } from "./load.ts";
import type { BudgetLimit, BudgetName } from "./plans.ts";
import type { Walls } from "./wall.ts";
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
  /** Counts so many, also when they are refused. Throws `Outage` when it is not known whether they were counted. */
  count(key: string, limit: BudgetLimit, weight: number, marking?: Marking): Promise<Counted>;
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

/** What this isolate knows of one counter in one window. Whatever is admitted here is in one of `known`, `untold` and `asking` at any moment. */
interface Tab {
  readonly until: Instant;
  /** As the counter said last. */
  known: number;
  /** Let through here without it, in all. */
  uncounted: number;
  /** Of which it is not known that the counter was told: an outage that ends must not leave room for the quota once more. */
  untold: number;
  /** Of which the next question tells it. */
  owed: number;
  /** Requests of which it has been asked and has not answered yet. */
  asking: number;
  /** The quota that the counter refused, if it did. Whoever goes on asking is refused from here: a counter only rises. */
  refused: number;
}

export function openExactBudgets(parts: {
  readonly counter: ExactCounter;
  readonly walls: Walls;
  /** Calls to the counter that are under way. */
  readonly load: Load;
  readonly clock: Clock;
}): ExactBudgets {
  const { counter, walls, load, clock } = parts;
  const tabs = memory<Tab>(REMEMBERED);

  function tabOf(name: string, window: number, now: Instant): Tab {
    const known = tabs.get(name);
    if (known !== undefined && now < known.until) return known;
    const { endsAt: until } = windowOf(now, window);
    const made = { until, known: 0, uncounted: 0, untold: 0, owed: 0, asking: 0, refused: 0 };
    tabs.set(name, made);
    return made;
  }

  async function ask(budget: ExactBudget, space: SpaceLife, count: () => Promise<Counted>) {
    // Anybody can fail to show a good key, in the name of any space: that must not keep others from being counted.
    const lease = load.enter(space, budget === "auth" ? "low" : "high");
    if (lease === undefined) return "busy";
    try {
      return await count();
    } catch (error) {
      if (!(error instanceof Outage)) throw error;
      return error.reason === "full" ? "busy" : "away";
    } finally {
      load.leave(lease);
    }
  }

  async function spendUncounted(
    budget: ExactBudget,
    name: string,
    { quota, window }: BudgetLimit,
    tab: Tab,
  ): Promise<Spent> {
    const policy = AWAY[budget];
    if (policy === undefined) return { is: "closed" };
    // Others that are being asked about may be admitted by their answers, if these come.
    const left = (): number => Math.min(quota - tab.known - tab.untold - tab.asking, policy.most - tab.uncounted);
    const told = (remaining: number): BudgetState => stateOf({ quota, window }, remaining, tab.until, clock.now());
    if (left() <= 0) return { is: "refused", state: told(0) };
    // Before the wall is asked: others come while it answers, and may be counted. One that it refuses counts, as one that the counter refuses does.
    tab.uncounted += 1;
    tab.untold += 1;
    tab.owed += 1;
    const admitted = await walls[policy.wall].admits(name);
    if (!admitted) return { is: "refused", state: told(0) };
    return { is: "admitted", state: told(left()) };
  }

  return {
    async spend(budget, key, limit, space, marking) {
      const name = `${key}:${budget}:${limit.window}`;
      const tab = tabOf(name, limit.window, clock.now());
      if (limit.quota <= tab.refused) return { is: "refused", state: stateOf(limit, 0, tab.until, clock.now()) };
      const { owed } = tab;
      tab.owed = 0;
      tab.asking += 1;
      let counted: Counted | "busy" | "away" | undefined;
      try {
        counted = await ask(budget, space, () => counter.count(name, limit, 1 + owed, marking));
      } finally {
        tab.asking -= 1;
        if (typeof counted !== "object") tab.owed += owed;
      }
      if (counted === "busy") return { is: "busy" };
      if (counted === "away") return await spendUncounted(budget, name, limit, tab);
      const { admitted, remaining, endsAt, marked } = counted;
      tab.untold -= owed;
      const isOurs = endsAt === tab.until;
      if (isOurs) tab.known = Math.max(tab.known, limit.quota - remaining);
      if (isOurs && !admitted) tab.refused = Math.max(tab.refused, limit.quota);
      // The counter may have been told of it after it counted this one: another question has it along, or none yet.
      const left = remaining - (isOurs ? tab.untold : 0);
      const state = stateOf(limit, Math.max(0, left), endsAt, clock.now());
      if (!admitted || left < 0) return { is: "refused", state };
      return { is: "admitted", state, endsAt, ...(marked === undefined ? {} : { marked }) };
    },
  };
}
