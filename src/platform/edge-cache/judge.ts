// Whether a kept answer may be given: by the digest where it is known, by age where it is not.
import { type Instant, instant } from "../../kernel/clock.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import { type DigestView, staleSince } from "../freshness/view.ts";
import { type Kept, lifeOf, type Policy } from "./kept.ts";
import { spreadOf } from "./key.ts";

/** What is known of the space's changes at this moment. */
export interface Knowing {
  /** The last that was learnt; it stays true of the past when it is no longer live. */
  readonly view: DigestView | undefined;
  /** What the view does not call changed was true at this moment. */
  readonly completeAt: Instant;
  /** The view holds everything of more than a second ago. */
  readonly live: boolean;
  /** When this isolate learnt of the first change that the answer misses, if it learnt of it soon after it happened. */
  missedSince(kept: Kept): Instant | undefined;
}

export interface Wanted {
  readonly knowing: Knowing;
  readonly policy: Policy;
  readonly now: Instant;
  readonly atLeast: Position | undefined;
}

interface Judged {
  /** Seconds, negative when what is given is stale (RFC 9211). */
  readonly ttl: number;
  /** The highest at which the answer is known to be true. */
  readonly position: Position;
  /** When it was read, or was last known to be unchanged. */
  readonly provenAt: Instant;
}

export type Verdict =
  | (Judged & { readonly is: "good" })
  /** May be given while it is refreshed behind. */
  | (Judged & { readonly is: "passable"; readonly reach: Position })
  /** Must be refreshed first; `reach`: what the new answer must stand at or past. */
  | (Judged & { readonly is: "stale"; readonly reach: Position });

/** A known change may still be answered with what was before it. */
export const GRACE_MS = 500;
/** In time-to-live mode an answer is refreshed behind from this part of its `fresh` on, so that keys in use never wait. */
const AHEAD = 0.5;
/** Answers of one moment do not all age at one moment. */
const JITTER = 0.1;

export function judge(kept: Kept, { knowing, policy, now, atLeast }: Wanted): Verdict {
  const { view, live, completeAt } = knowing;
  const age = Math.max(0, now - kept.filledAt);
  const longest = lifeOf(kept);
  const changed = view === undefined ? undefined : staleSince(view, kept.position, kept.dependencies);
  const isUnchanged = view !== undefined && changed === undefined;
  const proven = isUnchanged ? maxOf(kept.position, view.head) : kept.position;
  // What has a life of its own holds something that the digest does not speak of.
  const provenAt =
    isUnchanged && kept.life === undefined ? instant(Math.max(kept.filledAt, completeAt)) : kept.filledAt;
  const reach = maxOf(changed ?? kept.position, atLeast ?? ORIGIN);
  const at = { position: proven, provenAt };
  if (age >= longest) return { is: "stale", ttl: -secondsOf(age - longest), ...at, reach };
  if (changed !== undefined) {
    const since = knowing.missedSince(kept);
    const ttl = -secondsOf(now - (since ?? kept.filledAt));
    const within = live && atLeast === undefined && since !== undefined && now - since <= GRACE_MS;
    return { is: within ? "passable" : "stale", ttl, ...at, reach };
  }
  const isEarly = atLeast !== undefined && (kept.pinned ? kept.position : proven) < atLeast;
  if (isEarly) return { is: "stale", ttl: 0, ...at, reach };
  if (live) return { is: "good", ttl: secondsOf(longest - age), ...at };
  return byAge(policy, Math.max(0, now - provenAt), spreadOf(kept.key), at, reach);
}

/**
 * Time-to-live mode: the digest is away, and nothing is known of the last moments. No answer is given that was last known to be true longer
 * ago than `fresh`: whoever was told of a change that long after it finds it everywhere.
 */
function byAge({ fresh }: Policy, age: number, spread: number, at: Omit<Judged, "ttl">, reach: Position): Verdict {
  const life = fresh * 1_000;
  if (age >= life) return { is: "stale", ttl: -secondsOf(age - life), ...at, reach };
  const ttl = secondsOf(life - age);
  return age < life * AHEAD * (1 - JITTER * spread)
    ? { is: "good", ttl, ...at }
    : { is: "passable", ttl, ...at, reach };
}

/** Whole seconds, at least one: `ttl=0` would say neither fresh nor stale. */
function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function maxOf(one: Position, other: Position): Position {
  return position(Math.max(one, other));
}
