// What the clock starts: cron ticks each minute. Chores fail independently; a failure is a line, and the next tick.
import type { Instant } from "../kernel/clock.ts";
import type { Report } from "../platform/relay/relay.ts";
import type { Swept } from "../platform/relay/sweep.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";

export interface Chores {
  sweepDirty(): Promise<Swept>;
  sweepRecent(): Promise<Swept>;
  /** Finishes or frees the claims of space ids whose creation was cut off. Answers how many. */
  settleClaims(): Promise<number>;
  /** Deletes expired idempotency rows and commit ids, on every shard. Answers how many. */
  forgetExpired(): Promise<number>;
}

const MINUTE = 60_000;

export async function keepHouse(scheduled: Instant, chores: Chores, report: Report): Promise<void> {
  const isHour = Math.floor(scheduled / MINUTE) % 60 === 0;
  const done = await chore("sweep-dirty", chores.sweepDirty, report);
  // With nothing dirty Postgres is left to sleep, except once an hour. Redis away: nobody knows, so look.
  if (done === undefined || done.spaces > 0 || isHour) await chore("settle-claims", chores.settleClaims, report);
  if (!isHour) return;
  await chore("sweep-recent", chores.sweepRecent, report);
  await chore("forget-expired", chores.forgetExpired, report);
}

async function chore<T extends number | Swept>(
  name: string,
  work: () => Promise<T>,
  report: Report,
): Promise<T | undefined> {
  const done = await attempt(work);
  if (!done.ok) {
    report("chore-failed", { chore: name, why: nameOf(done.error) });
    return undefined;
  }
  const { value } = done;
  const count =
    typeof value === "number"
      ? { count: value }
      : { spaces: value.spaces, repaired: value.repaired, behind: value.behind };
  if (Object.values(count).some((n) => n > 0)) report("chore-done", { chore: name, ...count });
  return value;
}
