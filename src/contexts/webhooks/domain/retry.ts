// When a delivery is tried again, and for how long it waits: about 75 hours in all (Standard Webhooks' schedule, jittered).
import { type Instant, instant, type Seconds, seconds } from "../../../kernel/clock.ts";

const HOUR = 3_600;
/** Between the ten attempts. */
export const DELAYS: readonly Seconds[] = [
  5,
  300,
  1_800,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
].map(seconds);
export const ATTEMPTS = DELAYS.length + 1;
const LONGEST: Seconds = seconds(24 * HOUR);
const JITTER = 0.1;

/** After attempt `n` (from 1) failed. `random` in [0, 1). The receiver may ask for more time, up to a day, and never for less. */
export function retryAt(n: number, now: Instant, random: number, asked?: Seconds): Instant {
  const delay = DELAYS[Math.min(n, DELAYS.length) - 1] ?? LONGEST;
  const wait = Math.max(delay * (1 + JITTER * random), Math.min(LONGEST, asked ?? 0));
  return instant(now + Math.ceil(wait * 1_000));
}

/** `Retry-After` (RFC 9110): seconds, or a date. */
export function retryAfterOf(value: string | null, now: Instant): Seconds | undefined {
  if (value === null) return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return seconds(Number(value));
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : seconds(Math.max(0, Math.ceil((at - now) / 1_000)));
}
