// Chance that is the same in every run: a seeded generator, Zipf's law over ranks, and times between arrivals.

/** In [0, 1). */
export type Random = () => number;

/** mulberry32: 32 bits of state are plenty to choose keys with. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Ranks 0 … count − 1, where rank r comes up in proportion to 1 / (r + 1)^exponent. */
export function zipf(count: number, exponent: number, random: Random): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Milliseconds to the next of arrivals that know nothing of one another (Poisson), `rate` a second. */
export const untilNext = (rate: number, random: Random): number => (-Math.log(1 - random()) * 1000) / rate;

/** Spreads ranks over the whole range, so that neighbours in popularity are no neighbours in the database. `count` ≥ 1. */
export function scattered(count: number): (rank: number) => number {
  let step = Math.max(1, Math.floor(count * 0.618_034));
  while (divisor(step, count) !== 1) step += 1;
  return (rank) => (rank * step) % count;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
