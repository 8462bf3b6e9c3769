// Many requests at once, but not more than the system under test is meant to take from one client.

const LANES = 8;

/** Like `Promise.all` over `values`, a few at a time. The first failure is thrown. */
export async function all<T>(values: readonly T[], work: (value: T) => Promise<unknown>): Promise<void> {
  const waiting = [...values].reverse();
  const lane = async (): Promise<void> => {
    for (let value = waiting.pop(); value !== undefined || waiting.length > 0; value = waiting.pop())
      await work(value as T);
  };
  await Promise.all(Array.from({ length: Math.min(LANES, values.length) }, lane));
}
