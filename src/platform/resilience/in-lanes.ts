// Work on many things with a bounded number at once: the platform gives a request six connections.

/** Calls `work` for every item, at most `width` at a time, in order; the first failure ends it. */
export async function inLanes<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lane = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
