// Tells Redis what was spent, in a request of its own: only when a quota is close. Otherwise the digest memo's requests carry it.
import type { SpaceLife } from "../freshness/digest.ts";
import { attempt } from "../resilience/attempt.ts";
import type { Spending, SpendingReport } from "./spending.ts";

/** For `waitUntil`: never throws, and does nothing when there is nothing to tell yet. */
export function spendingReporter(
  spending: Spending,
  add: (reports: readonly SpendingReport[]) => Promise<readonly number[]>,
): (space: SpaceLife) => Promise<void> {
  return async (space) => {
    const reports = spending.take(space);
    if (reports.length === 0) return;
    const totals = await attempt(() => add(reports));
    if (totals.ok) spending.heard(space, reports, totals.value);
    else spending.lost(space, reports);
  };
}
