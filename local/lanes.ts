// Work on many things, a few at a time. The first failure stops the others from starting more.

export async function inLanes<T>(
  lanes: number,
  things: readonly T[],
  work: (thing: T) => Promise<void>,
): Promise<void> {
  const rest = things.values();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const thing of rest) {
      if (failed) return;
      try {
        await work(thing);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
