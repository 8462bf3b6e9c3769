// A space's settings, what happened to it, and what is then true.
import type { Seconds } from "../../../kernel/clock.ts";
import { never } from "../../../kernel/result.ts";

export const PLANS = ["free", "pro", "scale"] as const;
export type Plan = (typeof PLANS)[number];

/** Budgets that a space's limits may override. */
export const BUDGETS = ["read", "write", "bulk", "auth", "generate"] as const;
export type BudgetName = (typeof BUDGETS)[number];

// Type aliases, not interfaces: these are JSON objects as they stand.
export type BudgetLimit = {
  readonly quota: number;
  /** Seconds. */
  readonly window: number;
};

/** Kept as `spaces.settings` (JSON) and in `SpaceCreated` and `SpaceChanged`. */
export type SpaceSettings = {
  readonly name: string;
  readonly locales: readonly string[];
  readonly defaultLocale: string;
  readonly publicRead: boolean;
  readonly plan: Plan;
  readonly limits: Readonly<Record<string, BudgetLimit>>;
  /** Lets browsers reuse content unasked for so long; gives up freshness for them. */
  readonly clientMaxAge?: Seconds;
  /** Absent: true. False: what is asked for from outside the space's residency is kept in no cache there. */
  readonly edgeOutsideResidency?: false;
};

export type SpaceEvent =
  | { readonly type: "SpaceCreated" | "SpaceChanged"; readonly data: { readonly settings: SpaceSettings } }
  | { readonly type: "SpaceDeleted"; readonly data: Readonly<Record<string, never>> };

export type SpaceState =
  | { readonly is: "absent" }
  | { readonly is: "active" | "deleted"; readonly settings: SpaceSettings };

export const NO_SPACE: SpaceState = { is: "absent" };

export function evolveSpace(state: SpaceState, event: SpaceEvent): SpaceState {
  switch (event.type) {
    case "SpaceCreated":
    case "SpaceChanged":
      return { is: "active", settings: event.data.settings };
    case "SpaceDeleted":
      return state.is === "absent" ? state : { ...state, is: "deleted" };
    default:
      return never(event);
  }
}
