// Brings a space's digest up to its log, from the primary: what the bell, the sweep and a committer that found a gap have in common.
import type { Instant } from "../../kernel/clock.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import type { Digest, TagChange } from "../freshness/digest.ts";
import type { SpaceAddress } from "./dirty-set.ts";

/** Read from a primary: a reader that lags would make a digest look complete that is not. Throws when the primary is away. */
export interface EventSource {
  /**
   * All changes of the positions above `after`, up to `after + limit` or the head, whichever is lower, in one snapshot with that head.
   * `undefined`: no such space in this epoch (any more).
   */
  changesAfter(space: SpaceAddress, after: Position, limit: number): Promise<Missed | undefined>;
  /** Spaces of every shard whose last commit is not older than `since`, with their heads. Shards that are away are left out. */
  committedSince(since: Instant): Promise<readonly { readonly space: SpaceAddress; readonly position: Position }[]>;
}

export interface Missed {
  readonly changes: readonly TagChange[];
  readonly head: Position;
}

export interface BroughtUp {
  /** The digest's head as it was found. */
  readonly from: Position | undefined;
  readonly head: Position;
  /** The log's head as last seen. */
  readonly log: Position;
  /** The digest claimed positions that the log does not have, and was made anew. */
  readonly wasAhead: boolean;
}

export interface BringUpParts {
  readonly digest: Digest;
  readonly events: EventSource;
}

/** Positions a round, and rounds a call: the rest is left to the next bell or sweep. */
const STEP = 500;
const ROUNDS = 40;

/**
 * `found`: the digest's head when the caller has just read it. The digest is read before the log: only so a head above the log's proves that
 * the log lost positions (a restore without a new epoch), and does not merely show a commit that came between.
 */
export async function bringUp(
  parts: BringUpParts,
  space: SpaceAddress,
  found?: Position,
): Promise<BroughtUp | undefined> {
  const { digest, events } = parts;
  const from = found ?? (await digest.heads([space]))[0];
  let head = from;
  let wasAhead = false;
  for (let round = 1; ; round += 1) {
    // Without a digest only the log's head is wanted: what a digest made from nothing has not seen lies below its floor.
    const after = head;
    const missed = await events.changesAfter(space, after ?? ORIGIN, after === undefined ? 0 : STEP);
    if (missed === undefined) return undefined;
    const log = missed.head;
    if (after !== undefined && after > log) {
      await digest.forget(space);
      head = undefined;
      wasAhead = true;
      continue;
    }
    if (after === log) return { from, head: after, log, wasAhead };
    const to = after === undefined ? log : position(Math.min(after + STEP, log));
    head = await digest.advance(space, position((after ?? log) + 1), to, missed.changes);
    if (head >= log || round >= ROUNDS) return { from, head, log, wasAhead };
  }
}
