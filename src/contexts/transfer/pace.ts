// How fast an import may go: at full size while nobody else writes to its space; in small commits with pauses between them while somebody does.
import type { Clock, Instant, Millis } from "../../kernel/clock.ts";
import { millis } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";

/** Entries a commit: it holds the space's lock, and its lines the thread. Of 100 an import has a tenth more, and whoever writes first waits for twice as long. */
const LARGE = 50;
const SMALL = 20;
/** While others write: an editor's write waits for at most one of them, which may not take longer than its own does. */
const YIELDING = 5;
/** Of a commit's time, after it, while others write. */
const PAUSE = 5;
/** How long after somebody else's write it counts as "while". */
const WHILE: Millis = millis(5_000);
/** A commit that took so long keeps others waiting: the next ones are smaller, until they are quick again. Not too small: it may be the way there. */
const LONG: Millis = millis(200);
const QUICK: Millis = millis(100);
/** While much else is under way here. */
const YIELD: Millis = millis(100);

export interface Pace {
  most(): number;
  /** The head that was found before a commit. */
  met(head: Position): void;
  /** After an own commit: how long to leave the space to others. */
  committed(at: Position, took: Millis): Millis;
  /** A commit took too long: the next ones are smaller. False: they cannot be. */
  slower(): boolean;
}

export function openPace(clock: Clock, isBusy: () => boolean, last: Position | undefined): Pace {
  let own = last;
  let othersAt: Instant | undefined;
  /** What can be committed at all, and what is quick enough. */
  let cap = LARGE;
  let size = LARGE;
  const areThere = (): boolean => othersAt !== undefined && clock.now() - othersAt < WHILE;
  return {
    most: () => Math.min(cap, size, areThere() ? YIELDING : LARGE),
    met(head) {
      if (own !== undefined && head !== own) othersAt = clock.now();
      own = head;
    },
    committed(at, took) {
      own = at;
      if (took > LONG) size = Math.max(SMALL, Math.floor(Math.min(cap, size) / 2));
      else if (took < QUICK) size = Math.min(LARGE, size * 2);
      const paused = areThere() ? took * PAUSE : 0;
      return millis(isBusy() ? Math.max(paused, YIELD) : paused);
    },
    slower() {
      if (cap === 1) return false;
      cap = Math.max(1, Math.floor(cap / 4));
      return true;
    },
  };
}
