// The subscriber of the log that makes deliveries: one for each endpoint and event. A delivery starts when what it tells can be read everywhere.
import { sql } from "drizzle-orm";
import { type Clock, type Instant, instant, type Seconds } from "../../kernel/clock.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import { ORIGIN, type Position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";
import type { Digest } from "../../platform/freshness/digest.ts";
import { bringUp, type EventSource } from "../../platform/relay/bring-up.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import type { LogHeader, Subscriber } from "../../platform/relay/subscriber.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import { announcementOf } from "./domain/announcing.ts";
import type { Wake, Waker } from "./waker.ts";

export interface FanOutParts {
  readonly digest: Digest;
  readonly events: EventSource;
  readonly waker: Waker;
  readonly clock: Clock;
  sleep(ms: number): Promise<void>;
  /** From the digest's knowing of a change to every reader's: two seconds and what the digest's replicas lag. */
  readonly visibleAfter: Seconds;
  /** While nobody can know what the digest knows: the longest that the edge keeps an answer unasked. */
  readonly keptUnasked: Seconds;
}

/** Messages an endpoint at once: more would find it busy. */
export const SLOTS = 8;
/** Due later than this: the sweep's business. */
export const SOON_MS = 60_000;

export function fanOut(parts: FanOutParts): Subscriber {
  return {
    name: "webhooks",
    // An event that an endpoint is never told of is one that it can never ask for: better to wait for somebody who looks.
    atFailure: "stop",
    idle: (space) => sql`not exists (select from webhooks w where w.space = ${space} and w.enabled)`,
    async prepare(space, events) {
      const announced = announcementsOf(events);
      if (!announced.ok) return announced;
      const last = events.at(-1)?.position ?? ORIGIN;
      return announced.value.length === 0
        ? ok(undefined)
        : ok({ ...(await timesOf(parts, space, last)), events: announced.value });
    },
    async follow(space, answer) {
      await parts.waker.deliveries(space, wakesOf(answer));
    },
  };
}

/** Refuses what `announcementOf` refuses. */
export function announcementsOf(events: readonly LogHeader[]): Result<readonly JsonObject[]> {
  const told: JsonObject[] = [];
  for (const event of events) {
    const announced = announcementOf(event);
    if (!announced.ok) return announced;
    if (announced.value !== undefined) told.push({ ...announced.value, position: event.position, lane: event.stream });
  }
  return ok(told);
}

/** How often the digest is asked before it counts as away, and after how long again: by then its breaker lets somebody look. Milliseconds. */
const TRIES = 3;
const AGAIN_MS = 400;

/** Everything up to `position` is in the digest, or soon forgotten by the edge without it: when its deliveries may start. */
export async function timesOf(parts: FanOutParts, space: SpaceAddress, position: Position): Promise<JsonObject> {
  const passed = await hasPassed(parts, space, position);
  const now = parts.clock.now();
  const wait = passed ? parts.visibleAfter : parts.keptUnasked;
  return {
    at: textOf(now),
    visibleAt: textOf(instant(now + wait * 1_000)),
    wakeUntil: textOf(instant(now + SOON_MS)),
    wake: SLOTS,
  };
}

/** One answer that was late must not make everybody wait for a minute. */
async function hasPassed(parts: FanOutParts, space: SpaceAddress, position: Position): Promise<boolean> {
  for (let left = TRIES; ; left -= 1) {
    const passed = await attempt(async () => {
      const [head] = await parts.digest.heads([space]);
      if (head !== undefined && head >= position) return true;
      const brought = await bringUp(parts, space, head);
      return brought !== undefined && brought.head >= position;
    });
    if (passed.ok) return passed.value;
    if (left === 1) return false;
    await parts.sleep(AGAIN_MS);
  }
}

export function wakesOf(answer: Json | undefined): readonly Wake[] {
  return Array.isArray(answer) ? (answer as unknown as readonly Wake[]) : [];
}

export function textOf(at: Instant): string {
  return new Date(at).toISOString();
}
