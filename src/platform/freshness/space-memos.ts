// The memos of all spaces that an isolate reads: remembered by how much they hold, least recently used goes first.
import { type Instant, instant } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import { memory } from "../edge-cache/memory.ts";
import { digestKey } from "./digest.ts";
import type { Shown } from "./shown.ts";
import type { DigestView } from "./view.ts";

const MOST_SPACES = 500;
/** Of all spaces together: about 65 bytes each, of an isolate's 128 MB. */
const MOST_CHANGES_HELD = 400_000;

export interface SpaceMemo {
  readonly space: SpaceRef;
  /** Absent until a digest was read. */
  readonly view: DigestView | undefined;
  /** Another number whenever the view says something new. */
  readonly version: number;
  /** When the request was sent that last confirmed the view. */
  readonly askedAt: Instant;
  /** A commit of this isolate that the view could not take in: what is known from before it may be old. */
  readonly unheard: Position | undefined;
}

export type State = { -readonly [Member in keyof SpaceMemo]: SpaceMemo[Member] } & {
  leaseUntil: number;
  absentUntil: number;
  distrustedSince: number | undefined;
  /** `at`: when it was shown. */
  seen: { readonly position: Position; readonly at: Instant; readonly rungAt: Instant } | undefined;
  changed: Map<string, Position>;
  /** Since the view was last read as a whole. */
  shown: Shown[];
};

export interface SpaceMemos {
  /** Made where there is none. */
  memo(space: SpaceRef): State;
  /** It counts by what it holds now. */
  remember(state: State): void;
  /** One that is read without being looked up is in use all the same. */
  use(state: State): void;
}

export function spaceMemos(): SpaceMemos {
  // A new value each time: one that is the same is not measured again.
  const memos = memory<{ readonly state: State }>(MOST_SPACES, {
    most: MOST_CHANGES_HELD,
    of: ({ state }) => 1 + state.changed.size,
  });
  const remember = (state: State): void => memos.set(digestKey(state.space), { state });
  return {
    remember,
    memo(space) {
      const known = memos.get(digestKey(space));
      if (known !== undefined) return known.state;
      const made: State = {
        space,
        view: undefined,
        version: 0,
        askedAt: instant(0),
        unheard: undefined,
        leaseUntil: 0,
        absentUntil: 0,
        distrustedSince: undefined,
        seen: undefined,
        changed: new Map(),
        shown: [],
      };
      remember(made);
      return made;
    },
    use(state) {
      if (memos.get(digestKey(state.space)) === undefined) remember(state);
    },
  };
}
