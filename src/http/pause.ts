// Waiting that ends at once when the client has left.
import type { Millis } from "../kernel/clock.ts";

export interface Pause {
  /** False: the client has left, or left meanwhile. */
  wait(time: Millis): Promise<boolean>;
  stop(): void;
}

export function pause(): Pause {
  let stopped = false;
  let wake = (): void => undefined;
  return {
    wait: (time) =>
      new Promise((resolve) => {
        if (stopped) {
          resolve(false);
          return;
        }
        const timer = setTimeout(() => resolve(true), time);
        wake = () => {
          clearTimeout(timer);
          resolve(false);
        };
      }),
    stop() {
      stopped = true;
      wake();
    },
  };
}
