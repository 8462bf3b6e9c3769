// What the shield does: memory, and one read under way for each key. Only for Durable Objects, whose requests share one context: anywhere else
// a promise of one request must not be awaited by another.
import type { Clock } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result } from "../../kernel/result.ts";
import { type Kept, lifeOf } from "./kept.ts";
import type { Memory } from "./memory.ts";
import type { Origin, Shielded, Want } from "./tiers.ts";

interface Flight {
  readonly reach: Position;
  readonly kept: Promise<Result<Kept>>;
}

export interface CollapseParts<Question> {
  readonly origin: Origin<Question>;
  readonly memory: Memory<Kept>;
  readonly clock: Clock;
}

/** Answers nothing older than `want` asks for. Whether it is still true, the asker judges: it is the one that knows the digest. */
export function collapse<Question>({ origin, memory, clock }: CollapseParts<Question>) {
  const flights = new Map<string, Flight>();

  function isEnough(kept: Kept, { reach, newerThan }: Want): boolean {
    const isYoung = clock.now() - kept.filledAt < lifeOf(kept);
    return isYoung && kept.position >= reach && (newerThan === undefined || kept.filledAt > newerThan);
  }

  return async (question: Question, key: string, want: Want): Promise<Result<Shielded>> => {
    const known = memory.get(key);
    if (known !== undefined && isEnough(known, want)) return ok({ kept: known, how: "memory" });
    const under = flights.get(key);
    if (under !== undefined && under.reach >= want.reach) return shielded(await under.kept, "collapsed");
    const flight = { reach: want.reach, kept: origin(question, want) };
    flights.set(key, flight);
    try {
      const read = await flight.kept;
      if (read.ok && read.value.position >= (memory.get(key)?.position ?? 0)) memory.set(key, read.value);
      const filled = shielded(read, "filled");
      return filled;
    } finally {
      if (flights.get(key) === flight) flights.delete(key);
    }
  };
}

function shielded(read: Result<Kept>, how: Shielded["how"]): Result<Shielded> {
  return read.ok ? ok({ kept: read.value, how }) : read;
}
