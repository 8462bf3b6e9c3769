// What stands around a commit: the mark before it; the digest and the bell after it. Neither can fail a write, and the sweep repairs both.
import { type Clock, type Instant, type Millis, millis, seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Freshness } from "../freshness/memo.ts";
import { attempt, nameOf } from "../resilience/attempt.ts";
import type { Bell, Bells } from "./bell.ts";
import { type BringUpParts, bringUp } from "./bring-up.ts";
import { CLAIMS, claimsMarkAt, type DirtySet, type Mark, markAt, type SpaceAddress } from "./dirty-set.ts";

/** One structured line; ids, numbers and names of errors only. */
export type Report = (event: string, facts: JsonObject) => void;

/** What commit_write answered. */
export interface Committed {
  readonly position: Position;
  /** `recent` holds every change above it. */
  readonly recentFrom: Position;
  readonly recent: readonly { readonly position: number; readonly tags: readonly string[] }[];
  readonly traceparent?: string;
}

/** The space was marked already, with what its digest's head was then. */
export interface Marked {
  readonly at: Instant;
  readonly space: SpaceAddress;
  readonly seen: Position | undefined;
}

export interface Relay {
  /** What marks the space in somebody else's request to Redis. */
  markingOf(space: SpaceAddress): Mark;
  /**
   * Marks the space as dirty and learns its digest's head, for the commit to return what the digest lacks; a mark that was set a moment ago
   * serves as well. Never throws, ≤ 800 ms.
   */
  beforeCommit(space: SpaceAddress, marked?: Marked): Promise<{ readonly seen: Position | undefined }>;
  /** Before the answer: this isolate knows at once what it has just changed. Never throws, asks nobody. */
  hear(space: SpaceRef, committed: Committed): void;
  /** A commit may have been done: whoever listens is to look once it must be over. For `waitUntil`: never throws. */
  afterUnknown(space: SpaceAddress): Promise<void>;
  /** Before a space's id is claimed: the sweep is to look after it until the creation must be over. Never throws, ≤ 600 ms. */
  beforeClaim(): Promise<void>;
  /** For `waitUntil`: never throws. */
  afterCommit(space: SpaceAddress, committed: Committed): Promise<void>;
}

export interface RelayParts extends BringUpParts {
  readonly dirty: DirtySet;
  readonly bells: Bells;
  readonly freshness: Pick<Freshness, "heard">;
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  readonly report: Report;
}

/** Together the longest that a write waits for Redis and, with Redis away, for the queue. */
const MARKING: Millis = millis(600);
const WAITING: Millis = millis(800);
/** Longer than a commit takes, so that the bell finds it done. */
const LATER = seconds(10);
const SOON = seconds(1);
/** A mark this old still outlives, by far, what the commit may take until the sweep removes it. */
const YOUNG: Millis = millis(5_000);

export function openRelay(parts: RelayParts): Relay {
  const { digest, dirty, bells, freshness, clock, random, report } = parts;

  const markingOf = (space: SpaceAddress): Mark => ({ space, mark: markAt(clock.now(), random()) });

  async function beforeCommit(space: SpaceAddress, before?: Marked): Promise<{ readonly seen: Position | undefined }> {
    const started = clock.now();
    if (before !== undefined && isSame(before.space, space) && started - before.at < YOUNG)
      return { seen: before.seen };
    const marked = await attempt(() => dirty.mark(space, markAt(started, random()), { atMost: MARKING }));
    if (marked.ok) return { seen: marked.value };
    const left = millis(Math.max(50, WAITING - (clock.now() - started)));
    const rung = await attempt(() => bells.ringLater(bellOf(space, ORIGIN), { delay: LATER, atMost: left }));
    const why = rung.ok ? {} : { bell: nameOf(rung.error) };
    report("space-not-marked", { space: space.uid, mark: nameOf(marked.error), ...why });
    return { seen: undefined };
  }

  async function advance(space: SpaceAddress, { position: to, recentFrom, recent }: Committed): Promise<void> {
    const changes = recent.map((change) => ({ position: position(change.position), tags: change.tags }));
    const head = await digest.advance(space, position(recentFrom + 1), to, changes);
    if (head < to) await bringUp(parts, space, head);
  }

  function hear(space: SpaceRef, { position: to, recentFrom, recent }: Committed): void {
    const last = new Map(
      recent.flatMap((change) => change.tags.map((tag) => [tag, position(change.position)] as const)),
    );
    const members = digest.members(space, [...last.keys()]);
    const scores = [...last.values()];
    const changed = new Map(members.map((member, at) => [member, scores[at] as Position]));
    freshness.heard(space, recentFrom, to, changed);
  }

  async function afterCommit(space: SpaceAddress, committed: Committed): Promise<void> {
    const advanced = await attempt(() => advance(space, committed));
    const bell = bellOf(space, committed.position, committed.traceparent);
    // A bell that is on its way already speaks of an earlier commit, and whoever hears it looks no further than that.
    const rung = await attempt(() => (advanced.ok ? bells.ring(bell) : bells.ringLater(bell, { delay: SOON })));
    if (advanced.ok && rung.ok) return;
    report("space-advanced-unheard", {
      space: space.uid,
      position: committed.position,
      ...(advanced.ok ? {} : { digest: nameOf(advanced.error) }),
      ...(rung.ok ? {} : { bell: nameOf(rung.error) }),
    });
  }

  async function afterUnknown(space: SpaceAddress): Promise<void> {
    const rung = await attempt(() => bells.ringLater(bellOf(space, ORIGIN), { delay: LATER }));
    if (!rung.ok) report("space-advanced-unheard", { space: space.uid, bell: nameOf(rung.error) });
  }

  async function beforeClaim(): Promise<void> {
    const marked = await attempt(() => dirty.mark(CLAIMS, claimsMarkAt(clock.now(), random()), { atMost: MARKING }));
    if (!marked.ok) report("claim-not-marked", { mark: nameOf(marked.error) });
  }

  return { markingOf, beforeCommit, hear, afterUnknown, beforeClaim, afterCommit };
}

function isSame(one: SpaceAddress, other: SpaceAddress): boolean {
  return one.uid === other.uid && one.epoch === other.epoch && one.residency === other.residency;
}

function bellOf({ uid, epoch, residency }: SpaceAddress, at: Position, traceparent?: string): Bell {
  return { uid, epoch, residency, position: at, ...(traceparent === undefined ? {} : { traceparent }) };
}
