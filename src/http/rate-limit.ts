// RateLimit and RateLimit-Policy as draft-ietf-httpapi-ratelimit-headers-10 has them: structured fields with one member each. The members are
// a name from a closed list and whole numbers, so there is nothing to escape, and a template is all that serialising them takes.
import type { Seconds } from "../kernel/clock.ts";
import type { BudgetName } from "../platform/admission/plans.ts";
import type { BudgetState } from "../platform/admission/window.ts";

/** The same for every request of a credential: worth preparing once. */
export function policyText(
  budget: BudgetName,
  { quota, window }: { readonly quota: number; readonly window: Seconds | number },
): string {
  return `"${budget}";q=${quota};w=${window}`;
}

export function limitText(budget: BudgetName, { remaining, reset }: Pick<BudgetState, "remaining" | "reset">): string {
  return `"${budget}";r=${remaining};t=${reset}`;
}

export function tellLimits(
  headers: Headers,
  charge: { readonly budget: BudgetName; state(): BudgetState } | undefined,
): void {
  if (charge === undefined) return;
  const state = charge.state();
  headers.set("RateLimit-Policy", policyText(charge.budget, state));
  headers.set("RateLimit", limitText(charge.budget, state));
}
