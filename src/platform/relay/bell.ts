// The bell: "this space has advanced". It carries ids only, may be lost, doubled or late, and means no more than: look.
import { type Clock, type Instant, instant, type Millis, type Seconds, seconds } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { SpaceAddress } from "./dirty-set.ts";

export interface Bell extends SpaceAddress {
  /** What was reached; 0 when it was rung before the commit, by somebody who could not mark the space as dirty. */
  readonly position: Position;
  /** W3C Trace Context. */
  readonly traceparent?: string;
}

export interface Ringing {
  /** Not delivered before so long. */
  readonly delay: Seconds;
  /** The longest that the sender may wait to know it sent. */
  readonly atMost?: Millis;
}

export interface BellSender {
  ring(bell: Bell, ringing: Ringing): Promise<void>;
}

/** Long enough for one run to serve every commit of a busy second. */
const GATHER: Seconds = seconds(1);
/** Clocks of sender and queue differ. */
const MARGIN_MS = 200;
const MOST_REMEMBERED = 1_000;

export interface Bells {
  /** Rings after a commit, unless a bell of this isolate is already on its way and will be heard after now. */
  ring(bell: Bell): Promise<void>;
  /** Rings before a commit whose outcome this isolate may not live to see. */
  ringLater(bell: Bell, ringing: Ringing): Promise<void>;
}

export function coalescedBells(sender: BellSender, clock: Clock): Bells {
  const due = new Map<string, Instant>();
  return {
    async ring(bell) {
      const key = `${bell.uid}.${bell.epoch}`;
      const now = clock.now();
      if ((due.get(key) ?? 0) > now + MARGIN_MS) return;
      await sender.ring(bell, { delay: GATHER });
      due.delete(key);
      due.set(key, instant(now + GATHER * 1_000));
      if (due.size <= MOST_REMEMBERED) return;
      for (const oldest of due.keys()) {
        due.delete(oldest);
        break;
      }
    },
    ringLater: (bell, ringing) => sender.ring(bell, ringing),
  };
}
