// The sweep: finds spaces whose digest or subscribers are behind their log, because somebody crashed or Redis was away, and spaces in which
// something is due.
import { type Clock, instant, type Millis, millis } from "../../kernel/clock.ts";
import type { Position } from "../../kernel/position.ts";
import { attempt, nameOf } from "../resilience/attempt.ts";
import { inLanes } from "../resilience/in-lanes.ts";
import type { Bells } from "./bell.ts";
import { type BringUpParts, bringUp } from "./bring-up.ts";
import { type DirtySet, markAt, type SpaceAddress, timeOf } from "./dirty-set.ts";
import { type Followers, keyOf } from "./followers.ts";
import type { Report } from "./relay.ts";

export interface SweepParts extends BringUpParts {
  readonly dirty: DirtySet;
  readonly followers: Followers;
  readonly bells: Bells;
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  readonly report: Report;
}

export interface Swept {
  readonly spaces: number;
  /** Were behind and are not any more. */
  readonly repaired: number;
  /** Are still behind: their primary is away, or there was no time left. */
  readonly behind: number;
}

/** A mark younger than this may belong to a commit still to come: loads, repeated attempts and both calls of a commit fit in. */
const SETTLED: Millis = millis(45_000);
/** What falls due before the next sweep is over; and claims, whose marks lie further ahead (`claimsMarkAt`). */
const AHEAD: Millis = millis(80_000);
const MOST_SPACES = 1_000;
const LANES = 4;
/** Cron runs each minute; what is left over waits for the next. */
const BUDGET: Millis = millis(40_000);
/** Far more than the hour between two runs: Redis may be away for long, and comes back with what it knew before. */
const LOOK_BACK: Millis = millis(25 * 60 * 60 * 1_000);

interface Candidate {
  readonly space: SpaceAddress;
  readonly found: Position | undefined;
}

/**
 * Over the dirty set. A space leaves it when it is caught up, its mark is old enough, and nobody has marked it again since; one in which
 * something is due later comes back then.
 */
export async function sweepDirty(parts: SweepParts): Promise<Swept> {
  const { digest, dirty, followers, clock, random } = parts;
  const marks = await dirty.oldest(MOST_SPACES, markAt(instant(clock.now() + AHEAD), 0));
  if (marks.length === 0) return { spaces: 0, repaired: 0, behind: 0 };
  const heads = await digest.heads(marks.map(({ space }) => space));
  const candidates = marks.map(({ space }, at) => ({ space, found: heads[at] }));
  const { swept, done } = await repair(parts, candidates);
  const again = await followers.rouse(marks.map(({ space }) => space));
  const now = clock.now();
  const settled = marks.filter(({ space, mark }) => done.has(space) && now - timeOf(mark) >= SETTLED);
  await dirty.remove(settled);
  await dirty.remind(
    settled.flatMap(({ space }) => {
      const at = again.get(keyOf(space));
      return at === undefined ? [] : [{ space, mark: markAt(instant(Math.max(at, now)), random()) }];
    }),
  );
  // What could not be repaired goes to the end of the set, or a thousand spaces of a dead shard would hide all others.
  const failed = marks.filter(({ space }) => !done.has(space));
  await dirty.remark(failed.map(({ space }) => ({ space, mark: markAt(now, random()) })));
  return swept;
}

/** Over every space with recent commits, and everything that is due: catches those whose mark was lost with Redis. */
export async function sweepRecent(parts: SweepParts): Promise<Swept> {
  const { digest, events, clock } = parts;
  const recent = await events.committedSince(instant(clock.now() - LOOK_BACK));
  const candidates: Candidate[] = [];
  for (let at = 0; at < recent.length; at += MOST_SPACES) {
    const page = recent.slice(at, at + MOST_SPACES);
    const heads = await digest.heads(page.map(({ space }) => space));
    page.forEach(({ space, position }, index) => {
      if (heads[index] !== position) candidates.push({ space, found: heads[index] });
    });
  }
  const { swept } = await repair(parts, candidates);
  await parts.followers.rouse("all");
  return swept;
}

async function repair(
  parts: SweepParts,
  candidates: readonly Candidate[],
): Promise<{ readonly swept: Swept; readonly done: ReadonlySet<SpaceAddress> }> {
  const { bells, clock, report } = parts;
  const end = clock.now() + BUDGET;
  const done = new Set<SpaceAddress>();
  let repaired = 0;
  await inLanes(candidates, LANES, async ({ space, found }) => {
    if (clock.now() >= end) return;
    const brought = await attempt(() => bringUp(parts, space, found));
    if (!brought.ok) return report("space-behind", { space: space.uid, why: nameOf(brought.error) });
    if (brought.value === undefined || brought.value.head >= brought.value.log) done.add(space);
    if (brought.value === undefined || brought.value.from === brought.value.head) return;
    repaired += 1;
    const { from = null, head, wasAhead } = brought.value;
    // The bell of those commits may have been lost with the rest: ring it for whoever else listens.
    const rung = await attempt(() => bells.ring({ ...space, position: head }));
    report("space-repaired", { space: space.uid, from, head, wasAhead, rung: rung.ok });
  });
  return { swept: { spaces: candidates.length, repaired, behind: candidates.length - done.size }, done };
}
