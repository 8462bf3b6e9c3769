// How long one request waited for something, however many of its calls ran at once.
import { type Clock, type Instant, type Millis, millis } from "../../kernel/clock.ts";

export interface Meter {
  /** What overlaps counts once. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Absent until something was waited for. */
  spent(): Millis | undefined;
}

export function openMeter(clock: Clock): Meter {
  let waiting = 0;
  let since: Instant | undefined;
  let before = 0;
  const stop = (): void => {
    waiting -= 1;
    if (waiting === 0 && since !== undefined) before += clock.now() - since;
  };
  return {
    async during(work) {
      if (waiting === 0) since = clock.now();
      waiting += 1;
      try {
        return await work;
      } finally {
        stop();
      }
    },
    spent: () => {
      if (since === undefined) return undefined;
      return millis(before + (waiting > 0 ? clock.now() - since : 0));
    },
  };
}
