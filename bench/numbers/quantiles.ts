// Quantiles, and the few summaries that every report here is made of.

/** Linear between the two nearest ranks; NaN of nothing. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/** "0.81–0.94". */
export const quartiles = (numbers: readonly number[], digits = 2): string =>
  `${quantile(numbers, 0.25).toFixed(digits)}–${quantile(numbers, 0.75).toFixed(digits)}`;

export interface Latencies {
  readonly count: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly most: number;
}

export function latencies(ms: readonly number[]): Latencies {
  const at = (share: number): number => Number(quantile(ms, share).toFixed(1));
  return { count: ms.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1) };
}
