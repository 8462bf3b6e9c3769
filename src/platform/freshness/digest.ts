// The change digest: per space, the position at which each tag last changed. Head N means: every change up to N is in it, or below its floor.
import { type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { SpendingReport } from "../admission/spending.ts";

/** One life of a space: an erasure or a restore begins another, with a digest of its own. */
export type SpaceLife = Pick<SpaceRef, "uid" | "epoch">;

/** What one position changed. */
export interface TagChange {
  readonly position: Position;
  readonly tags: readonly string[];
}

/** A digest's members above the position that was asked for; their names are keyed hashes, see `Digest.members`. */
export interface DigestPage {
  /** Random, anew each time a digest is made from nothing. Heads of different births cannot be compared. */
  readonly birth: number;
  /** Absent: not above the position that was asked for. */
  readonly head?: Position;
  /**
   * A tag that is not mentioned is unchanged since the floor, and before it unknown; one that is mentioned is exact. Absent like `head`: when it
   * is there although `since` was given, members above `since` have been dropped, and whoever keeps older pages must read everything anew.
   */
  readonly floor?: Position;
  readonly changed: ReadonlyMap<string, Position>;
}

export interface Digest {
  /**
   * Says that `changes` are all changes from `from` to `to`. Moves the head to `to` only when nothing is missing before `from`, and makes a
   * digest where there is none. Answers the head: when it is below `to`, what is between is missing; bring it and call again.
   */
  advance(space: SpaceLife, from: Position, to: Position, changes: readonly TagChange[]): Promise<Position>;
  /** One request; `undefined` where there is no digest. */
  heads(spaces: readonly SpaceLife[]): Promise<readonly (Position | undefined)[]>;
  /** Everything above `since`, or everything. `undefined`: there is no digest, so nothing is known. `spent` travels along. */
  read(space: SpaceLife, since?: Position, spent?: Told): Promise<DigestPage | undefined>;
  /** Names of tags in this space's digest, in the same order. */
  members(space: SpaceLife, tags: readonly string[]): readonly string[];
  /** Drops the digest; the next `advance` makes another. */
  forget(space: SpaceLife): Promise<void>;
}

/** Spending that is told in the same request. */
export interface Told {
  readonly reports: readonly SpendingReport[];
  /** The counters after adding, in the same order. Not called when the request failed. */
  heard(totals: readonly number[]): void;
}

/** Sorted sets in a shared store; one operation each, atomic. Names: `digestKey`, `HEAD`, `FLOOR`, `BIRTH`, `KEPT`. */
export interface DigestStore {
  /** The one script; `members` are name and position, each name once. `limit` bounds the members. Answers the head. */
  advance(key: string, advance: StoreAdvance): Promise<Position>;
  heads(keys: readonly string[]): Promise<readonly (Position | undefined)[]>;
  /** Members with a score above `since`, in one atomic read. `spent` is added in the same request. */
  above(key: string, since: number, spent?: Told): Promise<readonly (readonly [string, number])[]>;
  drop(key: string): Promise<void>;
}

export interface StoreAdvance {
  readonly from: Position;
  readonly to: Position;
  readonly members: readonly (readonly [string, Position])[];
  readonly birth: number;
  readonly limit: number;
}

/** HMAC under the server's secret: no id and no slug leaves the residency, and equal tags of two spaces do not look equal. */
export interface TagHash {
  hash(texts: readonly string[]): readonly string[];
}

export const HEAD = "!head";
export const FLOOR = "!floor";
export const BIRTH = "!birth";
/** Tags that stand under their own name and are never dropped: credentials and profiles are judged by them. */
export const KEPT: ReadonlySet<string> = new Set(["keys", "settings"]);

export const MOST_MEMBERS = 16_384;
/** A birth is also a score, above every position: each read brings it along. */
const FIRST_BIRTH = 2 ** 52;

export function digestKey({ uid, epoch }: SpaceLife): string {
  return `digest:${uid}.${epoch}`;
}

export interface DigestParts {
  readonly store: DigestStore;
  readonly hash: TagHash;
  /** In [0, 1). */
  random(): number;
  readonly limit?: number;
}

export function openDigest({ store, hash, random, limit = MOST_MEMBERS }: DigestParts): Digest {
  function members(space: SpaceLife, tags: readonly string[]): readonly string[] {
    const secret = tags.filter((tag) => !KEPT.has(tag));
    const hashed = hash.hash(secret.map((tag) => `${space.uid}.${space.epoch}:${tag}`));
    const names = new Map(secret.map((tag, at) => [tag, hashed[at] as string]));
    return tags.map((tag) => names.get(tag) ?? tag);
  }

  return {
    members,
    async advance(space, from, to, changes) {
      const last = new Map<string, Position>();
      for (const change of changes) {
        for (const tag of change.tags) last.set(tag, position(Math.max(change.position, last.get(tag) ?? 0)));
      }
      const names = members(space, [...last.keys()]);
      const scores = [...last.values()];
      return await store.advance(digestKey(space), {
        from,
        to,
        members: names.map((name, at) => [name, scores[at] as Position]),
        birth: FIRST_BIRTH + Math.floor(random() * FIRST_BIRTH),
        limit,
      });
    },
    async heads(spaces) {
      return spaces.length === 0 ? [] : await store.heads(spaces.map(digestKey));
    },
    async read(space, since, spent) {
      const found = new Map(await store.above(digestKey(space), since ?? -1, spent));
      const birth = found.get(BIRTH);
      if (birth === undefined) return undefined;
      const head = found.get(HEAD);
      const floor = found.get(FLOOR);
      for (const reserved of [HEAD, FLOOR, BIRTH]) found.delete(reserved);
      return {
        birth,
        ...(head === undefined ? {} : { head: position(head) }),
        ...(floor === undefined ? {} : { floor: position(floor) }),
        changed: found as Map<string, number> as Map<string, Position>,
      };
    },
    async forget(space) {
      await store.drop(digestKey(space));
    },
  };
}
