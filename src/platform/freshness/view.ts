// What somebody knows of a space's digest, and what it says about an answer: unchanged, or changed and what must be reached to be true again.
import { type Position, position } from "../../kernel/position.ts";

/** Members under one content type; `under` is the type's own member, which judges those that the digest has forgotten. */
export interface DependencyGroup {
  readonly members: readonly string[];
  readonly under?: string;
}

/** What an answer depends on, as the digest names it (keyed hashes). */
export type Dependencies = readonly DependencyGroup[];

export interface DigestView {
  readonly birth: number;
  /** Every change up to here is in `changed`, or at or below the floor. */
  readonly head: Position;
  readonly floor: Position;
  readonly changed: Pick<ReadonlyMap<string, Position>, "get">;
}

/**
 * `undefined`: nothing that the answer depends on changed after `at`. Otherwise the position that an answer must stand at or past to be true:
 * of the last change, or of the floor where the digest no longer knows. Absence below the floor is ignorance, never "unchanged".
 */
export function staleSince(view: DigestView, at: Position, dependencies: Dependencies): Position | undefined {
  let reach = 0;
  for (const { members, under } of dependencies) {
    for (const member of members) {
      const changed = view.changed.get(member) ?? forgotten(view, at, under);
      if (changed !== undefined && changed > at && changed > reach) reach = changed;
    }
  }
  return reach === 0 ? undefined : position(reach);
}

/** A member that is not mentioned: unchanged since the floor; before it, its type knows when anything of its kind last changed. */
function forgotten(view: DigestView, at: Position, under: string | undefined): Position | undefined {
  if (at >= view.floor) return undefined;
  const kind = under === undefined ? undefined : view.changed.get(under);
  return kind === undefined || kind > at ? view.floor : undefined;
}

/** Credentials and profiles: their tags stand under their own names and are never dropped. */
export const ON_KEYS: Dependencies = [{ members: ["keys"] }];
export const ON_SETTINGS: Dependencies = [{ members: ["settings"] }];
