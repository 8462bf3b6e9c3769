// What credentials have spent and Redis has not heard of yet. It is told in the freshness memo's own request, so that it costs none.
import type { SpaceLife } from "../freshness/digest.ts";

/** What one credential spent in one window and Redis has not heard of yet. */
export interface SpendingReport {
  /** The counter's full key in Redis; no address and no secret in it. */
  readonly counter: string;
  readonly spent: number;
  /** Seconds after which the counter may vanish. */
  readonly keep: number;
}

export interface Spending {
  /** What is to be told about this space; at most once a second a credential; marks it as on its way. */
  take(space: SpaceLife): readonly SpendingReport[];
  /** `totals`: the counters' values after adding, in the same order. */
  heard(space: SpaceLife, reports: readonly SpendingReport[], totals: readonly number[]): void;
  /** They may or may not have been counted: counts them as told (never twice). */
  lost(space: SpaceLife, reports: readonly SpendingReport[]): void;
}
