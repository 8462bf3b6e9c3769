// Ctrl-C, once and twice. A terminal sends it to npm and to us, and npm passes it on: what comes at once is the same one.

const SAME_ONE_MS = 400;

export interface Interrupts {
  readonly once: AbortSignal;
  readonly twice: AbortSignal;
  stop(): void;
}

export function watchInterrupts(): Interrupts {
  const [once, twice] = [new AbortController(), new AbortController()];
  let first = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    if (!once.signal.aborted) {
      first = performance.now();
      once.abort();
    } else if (performance.now() - first > SAME_ONE_MS) twice.abort();
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
