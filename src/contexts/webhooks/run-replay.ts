// A replay makes deliveries of past events for one endpoint, chunk by chunk; each chunk moves its mark in the transaction that makes them.
import { sql } from "drizzle-orm";
import { type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import type { Report } from "../../platform/relay/relay.ts";
import type { SpaceCall } from "../../platform/relay/space-calls.ts";
import type { SubscriberLog } from "../../platform/relay/subscriber-log.ts";
import { announcementsOf, type FanOutParts, textOf, timesOf, wakesOf } from "./fan-out.ts";

export interface ReplayParts extends FanOutParts {
  readonly log: SubscriberLog;
  readonly call: SpaceCall;
  readonly report: Report;
  readerOf(space: SpaceRef): Reader;
}

const CHUNK = 200;
const ROUNDS = 20;
/** Of one replay: more rows would only wait. */
const MOST_PENDING = 5_000;

/** `more`: go on at once; `later`: when some of its deliveries have ended. Throws when the primary is away. */
export async function runReplay(
  parts: ReplayParts,
  space: SpaceAddress,
  id: string,
): Promise<"done" | "more" | "later"> {
  const { log, call, clock, waker } = parts;
  for (let round = 0; round < ROUNDS; round += 1) {
    const answer = await parts.readerOf({ ...space, id: "" }).read([
      sql`select r.webhook, r.reached, r.to_pos, r.cancelled_at, (select count(*) from deliveries d where d.space = ${space.uid} and d.webhook = r.webhook
            and d.replay = r.id and d.state = 'pending') as pending from webhook_replays r where r.space = ${space.uid} and r.id = ${id}`,
    ]);
    if (!answer.ok) return answer.fault.kind === "unavailable" ? "later" : "done";
    const row = answer.value.rows[0]?.[0];
    if (row === undefined || row["cancelled_at"] !== null) return "done";
    const [reached, end] = [position(row["reached"] as number), position(row["to_pos"] as number)];
    if (reached >= end) return "done";
    if ((row["pending"] as number) > MOST_PENDING) return "later";
    const events = await log.range(space, reached, end, CHUNK);
    if (events === undefined) return "done";
    const to: Position = events.at(-1)?.position ?? end;
    // What cannot be told is passed over here: the subscriber has stopped at it, and says so.
    const told = events.flatMap((event) => {
      const one = announcementsOf([event]);
      return one.ok ? one.value : [];
    });
    const times = await timesOf(parts, space, to);
    const effect = { ...times, events: told, replay: id, webhook: row["webhook"] as string };
    const step = { replay: id, seen: reached, to: events.length < CHUNK ? end : to, at: textOf(clock.now()) };
    const moved = await call(space, "advance_replay", told.length === 0 ? step : { ...step, effect });
    if (moved["moved"] !== true) return "done";
    await waker.deliveries(space, wakesOf(moved["effect"]));
  }
  return "more";
}
