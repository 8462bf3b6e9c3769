// Ctrl-C, once and twice; a third one ends the program wherever it is. A terminal sends it to npm and to us, and npm passes it on: what comes at once is the same one.
import { EXIT } from "./failure.ts";

const SAME_ONE_MS = 400;

export interface Interrupts {
  readonly once: AbortSignal;
  readonly twice: AbortSignal;
  stop(): void;
}

export function watchInterrupts(): Interrupts {
  const [once, twice] = [new AbortController(), new AbortController()];
  let last = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    if (performance.now() - last < SAME_ONE_MS) return;
    last = performance.now();
    if (twice.signal.aborted) process.exit(EXIT.interrupted);
    else if (once.signal.aborted) twice.abort();
    else once.abort();
  };
  process.on("SIGINT", onSignal);
  return {
    once: once.signal,
    twice: twice.signal,
    stop: () => {
      process.off("SIGINT", onSignal);
    },
  };
}

/** True when `signal` came before the time was over. */
export function within(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(true);
      return;
    }
    const end = (came: boolean): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(came);
    };
    const onAbort = (): void => end(true);
    const timer = setTimeout(() => end(false), ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
