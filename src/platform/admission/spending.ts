// The port between what this isolate counted and whoever carries it to Redis, in a request that goes there anyway.
import type { SpaceLife } from "../freshness/digest.ts";

/** What one credential spent in one window and Redis has not heard of yet. */
export interface SpendingReport {
  /** The full Redis key; no address and no secret is in it. */
  readonly counter: string;
  readonly spent: number;
  /** Seconds after which the counter may vanish. */
  readonly keep: number;
}

export interface Spending {
  /**
   * What is to be told about this space, and marks it as on its way: once a second a credential while the quota is far, and more often in the
   * two seconds before it is reached or while nobody knows how far it is.
   */
  take(space: SpaceLife): readonly SpendingReport[];
  /** `totals`: the counters' values after adding, in the same order. */
  heard(space: SpaceLife, reports: readonly SpendingReport[], totals: readonly number[]): void;
  /** They may or may not have been counted: counts them as told (never twice). */
  lost(space: SpaceLife, reports: readonly SpendingReport[]): void;
}
