// Tells Redis what was spent of approximate budgets, in one request of its own.
import type { SpendingReport } from "../../platform/admission/spending.ts";
import type { Redis } from "./redis.ts";

/** Adds up and answers the totals, in the same order. */
export async function addSpending(redis: Redis, reports: readonly SpendingReport[]): Promise<readonly number[]> {
  const replies = await redis.pipeline((pipeline) => {
    for (const { counter, spent, keep } of reports) pipeline.incrby(counter, spent).expire(counter, keep);
  });
  return reports.map((_, at) => Number(replies[2 * at]));
}
