// Windows aligned to the clock: every isolate of the world counts into the same one without asking.
import { type Instant, instant, type Seconds, seconds } from "../../kernel/clock.ts";
import type { BudgetLimit } from "./plans.ts";

/** What whoever is limited is told. */
export interface BudgetState {
  readonly quota: number;
  readonly window: Seconds;
  readonly remaining: number;
  /** Until the next window begins; at least 1. */
  readonly reset: Seconds;
}

export function windowOf(now: Instant, window: number): { readonly index: number; readonly endsAt: Instant } {
  const length = window * 1_000;
  const index = Math.floor(now / length);
  return { index, endsAt: instant((index + 1) * length) };
}

export function stateOf({ quota, window }: BudgetLimit, remaining: number, endsAt: Instant, now: Instant): BudgetState {
  return {
    quota,
    window: seconds(window),
    remaining: Math.max(0, Math.floor(remaining)),
    reset: seconds(Math.max(1, Math.ceil((endsAt - now) / 1_000))),
  };
}
