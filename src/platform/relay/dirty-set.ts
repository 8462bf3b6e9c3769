// Which spaces may be behind: a space enters before its commit, so that a crash after the commit costs delay and not data.
import { type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { spaceUid } from "../../kernel/id.ts";
import type { Position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";

export type SpaceAddress = Pick<SpaceRef, "uid" | "epoch" | "residency">;

export interface Mark {
  readonly space: SpaceAddress;
  readonly mark: number;
}

export interface DirtySet {
  /** One request: marks the space, replacing its earlier mark, and answers the head of its digest. */
  mark(space: SpaceAddress, mark: number, limit?: { readonly atMost: Millis }): Promise<Position | undefined>;
  /** Marks many again, in one request. */
  remark(marks: readonly Mark[]): Promise<void>;
  /** Marks that are absent or larger: a mark of the future says when to look again. */
  remind(marks: readonly Mark[]): Promise<void>;
  /** By mark, smallest first; none above `upTo`, if it is given. */
  oldest(most: number, upTo?: number): Promise<readonly Mark[]>;
  /** Removes each space whose mark is still the one given. */
  remove(marks: readonly Mark[]): Promise<void>;
}

/** Stands in the set for ids of spaces that are being claimed: no space has this number, and no shard this residency. */
export const CLAIMS: SpaceAddress = { uid: spaceUid(0), epoch: 0, residency: "" };
/** How much longer than a commit a claim is looked after: it counts as left behind only when it is a minute old. */
const CLAIM_LIFE: Millis = millis(75_000);

/** A mark that the sweep takes for so much younger than it is. */
export function claimsMarkAt(now: Instant, random: number): number {
  return markAt(instant(now + CLAIM_LIFE), random);
}

/** Marks of one millisecond must differ, or a writer's fresh mark could be taken for the one that a sweep has seen. */
const PER_MILLISECOND = 1_000;

/** `random` in [0, 1). Exact as a double until the year 2255. */
export function markAt(now: Instant, random: number): number {
  return now * PER_MILLISECOND + Math.floor(random * PER_MILLISECOND);
}

export function timeOf(mark: number): Instant {
  return instant(Math.floor(mark / PER_MILLISECOND));
}
