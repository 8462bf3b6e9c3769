// For the sweep: deliveries that are due and replays that have events left, over all spaces of a shard; and when to look at each again.
import { sql } from "drizzle-orm";
import { type Clock, type Instant, instant } from "../../kernel/clock.ts";
import { spaceUid } from "../../kernel/id.ts";
import { keyOf, type Rouse, uidsOf } from "../../platform/relay/followers.ts";
import { SOON_MS, textOf, wakesOf } from "./fan-out.ts";
import type { Waker } from "./waker.ts";

const MOST_SPACES = 10_000;

export function rouseDeliveries({ waker, clock }: { readonly waker: Waker; readonly clock: Clock }): Rouse {
  return async (ask, residency, spaces) => {
    const now = clock.now();
    const rows = await ask(
      sql`select r.space, r.epoch, r.wake, r.replay, r.look_at from rouse_deliveries(${uidsOf(spaces)}::int[], ${textOf(now)}::timestamptz,
          ${textOf(instant(now + SOON_MS))}::timestamptz, ${MOST_SPACES}) r`,
    );
    const again = new Map<string, Instant>();
    for (const row of rows) {
      const space = { uid: spaceUid(row["space"] as number), epoch: row["epoch"] as number, residency };
      const lookAt = Date.parse(String(row["look_at"]));
      if (!Number.isNaN(lookAt)) again.set(keyOf(space), instant(Math.min(lookAt, again.get(keyOf(space)) ?? lookAt)));
      const replay = row["replay"] as string | null;
      if (replay === null) await waker.deliveries(space, wakesOf(row["wake"] as never));
      else await waker.replay(space, replay);
    }
    return again;
  };
}
