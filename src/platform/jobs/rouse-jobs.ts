// For the sweep: jobs that are due and that no message speaks of, over all spaces of a shard; and when to look at each space again.
import { sql } from "drizzle-orm";
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { spaceUid } from "../../kernel/id.ts";
import { keyOf, type Rouse, uidsOf } from "../relay/followers.ts";
import type { JobWake, JobWaker } from "./job-waker.ts";

const MOST_SPACES = 10_000;
/** Due later than this: the next sweep's business. */
const SOON: Millis = millis(60_000);

export function rouseJobs({ waker, clock }: { readonly waker: JobWaker; readonly clock: Clock }): Rouse {
  return async (ask, residency, spaces) => {
    const now = clock.now();
    const textOf = (at: number): string => new Date(at).toISOString();
    const rows = await ask(
      sql`select r.space, r.epoch, r.wake, r.look_at from rouse_jobs(${uidsOf(spaces)}::int[], ${textOf(now)}::timestamptz,
          ${textOf(now + SOON)}::timestamptz, ${MOST_SPACES}) r`,
    );
    const again = new Map<string, Instant>();
    for (const row of rows) {
      const space = { uid: spaceUid(row["space"] as number), epoch: row["epoch"] as number, residency };
      const lookAt = Date.parse(String(row["look_at"]));
      if (!Number.isNaN(lookAt)) again.set(keyOf(space), instant(lookAt));
      await waker.jobs(space, row["wake"] as readonly JobWake[]);
    }
    return again;
  };
}
