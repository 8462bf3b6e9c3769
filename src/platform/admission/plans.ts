// What each plan includes in a window, and what a space's own limits change of it. docs/guides/limits.md shows this table.

export const BUDGET_NAMES = ["read", "write", "bulk", "auth", "generate"] as const;
export type BudgetName = (typeof BUDGET_NAMES)[number];

export interface BudgetLimit {
  readonly quota: number;
  /** Seconds. Windows are aligned to the clock: those of a minute begin with the minute. */
  readonly window: number;
}

/** What a space says of its limits: the plan's, except for budgets that it overrides. */
export interface Limits {
  readonly plan: "free" | "pro" | "scale";
  readonly limits: Readonly<Record<string, BudgetLimit>>;
}

const MINUTE = 60;

const perMinute = (read: number, write: number, bulk: number, auth: number): Record<BudgetName, BudgetLimit> => ({
  read: { quota: read, window: MINUTE },
  write: { quota: write, window: MINUTE },
  bulk: { quota: bulk, window: MINUTE },
  auth: { quota: auth, window: MINUTE },
  // Each one is paid for elsewhere, so no plan has more.
  generate: { quota: 10, window: MINUTE },
});

// biome-ignore format: a table
export const PLAN_LIMITS: Readonly<Record<Limits["plan"], Readonly<Record<BudgetName, BudgetLimit>>>> = {
  //                 read    write  bulk  auth
  free:  perMinute(   600,     60,    6,   10),
  pro:   perMinute( 6_000,    600,   30,   60),
  scale: perMinute(60_000,  6_000,  120,  300),
};

export function limitOf({ plan, limits }: Limits, budget: BudgetName): BudgetLimit {
  return limits[budget] ?? PLAN_LIMITS[plan][budget];
}
