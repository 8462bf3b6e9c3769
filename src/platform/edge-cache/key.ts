// The key of a kept answer. Injective: every part carries its length, so that no two questions have one key, and equal keys mean the same
// tenant, the same rights and the same question.
import type { SpaceLife } from "../freshness/digest.ts";

/**
 * Names the bytes that this code makes of an answer; in every key, so that old bytes never meet new code. A hash of golden answers
 * (test/domain/format.test.ts): when they change, so must this.
 */
export const FORMAT = "a6a349fe08478b16";

export interface KeyParts {
  readonly space: SpaceLife;
  /** Who may be given the answer: anybody, or whoever may read the space. */
  readonly audience: "public" | "read";
  readonly operation: string;
  /** What the path names, in path order. */
  readonly names: readonly string[];
  /** In canonical form: equal questions are equal texts. */
  readonly query: string;
  /** `Prefer: count=`. */
  readonly count: string;
}

export function keyOf({ space, audience, operation, names, query, count }: KeyParts): string {
  return [FORMAT, `${space.uid}.${space.epoch}`, audience, operation, String(names.length), ...names, query, count]
    .map((part) => `${part.length}:${part}`)
    .join("");
}

/** In [0, 1), the same for the same key: spreads out what would otherwise fall due together (FNV-1a, MurmurHash3's finaliser). */
export function spreadOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
