// How long a call may take: a fixed time, or a multiple of what the dependency usually needs.
import { type Millis, millis } from "../../kernel/clock.ts";

/** `times` the measured round trip, within bounds; `atMost` until something was measured. */
export interface Adaptive {
  readonly atLeast: Millis;
  readonly times: number;
  readonly atMost: Millis;
}

export interface Patience {
  /** What the next call is given. */
  limit(): Millis;
  measured(): Millis | undefined;
  /** A call was answered after so long. */
  answered(after: Millis): void;
  /** A call was given so long and was not answered: the next is given more, or a slower dependency would never be measured. */
  exceeded(limit: Millis): void;
}

/** Share of a new measurement in the average, as TCP's smoothed round-trip time has it (RFC 6298). */
const WEIGHT = 1 / 8;

export function patience(timeout: Millis | Adaptive): Patience {
  let average: number | undefined;
  return {
    measured: () => (average === undefined ? undefined : millis(average)),
    limit() {
      if (typeof timeout === "number") return timeout;
      if (average === undefined) return timeout.atMost;
      return millis(Math.min(timeout.atMost, Math.max(timeout.atLeast, timeout.times * average)));
    },
    answered(after) {
      average = average === undefined ? after : average + (after - average) * WEIGHT;
    },
    exceeded(limit) {
      average = Math.max(average ?? 0, limit);
    },
  };
}
