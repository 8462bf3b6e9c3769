// What follows the log of a space: an effect for each event, once, in order. Subscribers fail independently of each other.
import type { SQL } from "drizzle-orm";
import type { Instant, Millis } from "../../kernel/clock.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import type { Result } from "../../kernel/result.ts";
import type { SpaceAddress } from "./dirty-set.ts";

/** An event without content (`fields`, `document`, `shape`): whoever needs content asks for it. */
export interface LogHeader {
  readonly position: Position;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema: number;
  readonly data: JsonObject;
  readonly at: Instant;
  /** The content type of an entry; null for other streams. */
  readonly entryType: string | null;
}

/** For one that takes much: one run a space at a time, which ends after so long and rests before the next. */
export interface Turns {
  readonly atMost: Millis;
  /** After one that took so long. */
  rest(took: Millis): Millis;
}

export interface Subscriber {
  /** Also the function that the effect is: `effect_<name>`. */
  readonly name: string;
  /** What becomes of an event that fails it eight times: passed and kept like a dead letter, or nothing passes it. */
  readonly atFailure: "park" | "stop";
  /** True of a space whose events have no effect at the moment, whatever they are. */
  readonly idle?: (space: SpaceUid) => SQL;
  /** The effect's payload; `undefined`: none. Refuses, or throws what is no outage, when it cannot take in an event. */
  prepare(space: SpaceAddress, events: readonly LogHeader[]): Promise<Result<JsonObject | undefined>>;
  /** Events up to here are taken in by this effect; absent: all that it was prepared for. One at least is. */
  reach?(effect: JsonObject): Position | undefined;
  /** Runs take turns: absent, they may go on beside each other, for as long as there is something to do. */
  readonly turns?: Turns;
  /** How much of what one invocation may do an effect took, in parts of one: at one, the rest is left to the next. Absent: nothing worth counting. */
  effort?(effect: JsonObject): number;
  /** After the commit, with what the effect answered. What it does not do, the sweep does. */
  follow?(space: SpaceAddress, answer: Json): Promise<void>;
}
