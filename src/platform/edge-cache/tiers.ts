// The ports of the tiers beyond an isolate's own memory.
import type { Instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { Result } from "../../kernel/result.ts";
import type { Place } from "../database/topology.ts";
import type { Kept } from "./kept.ts";

/** The data centre's cache. Either may fail without consequence; neither throws. */
export interface Colo {
  find(key: string): Promise<Kept | undefined>;
  put(kept: Kept): Promise<void>;
}

/** What a fill must bring. */
export interface Want {
  /** Read at or past this position. */
  readonly reach: Position;
  /** Filled after this moment: for who refreshes what has aged. */
  readonly newerThan: Instant | undefined;
  readonly place: Place | undefined;
}

/** Reads Postgres. Refuses with whatever the question deserves; what is not there is an answer that may be kept. */
export type Origin<Question> = (question: Question, want: Want) => Promise<Result<Kept>>;

export interface Shielded {
  readonly kept: Kept;
  /** `memory`: the shield had it. `filled`: it read it. `collapsed`: it was reading it already. */
  readonly how: "memory" | "filled" | "collapsed";
}

/** One object a region and part of the keys, with one read under way for each key. */
export interface ShieldTier<Question> {
  /** `undefined`: the shield is away, or took too long. */
  ask(question: Question, key: string, want: Want): Promise<Result<Shielded> | undefined>;
}
