// Whether a kept answer may be given: by the digest where it is known, by age where it is not.
import type { Instant } from "../../kernel/clock.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import { type DigestView, staleSince } from "../freshness/view.ts";
import { type Kept, lifeOf, type Policy } from "./kept.ts";
import { spreadOf } from "./key.ts";

/** What is known of the space's changes at this moment. */
export interface Knowing {
  /** The last that was learnt; it stays true of the past when it is no longer live. */
  readonly view: DigestView | undefined;
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

/** `ttl`: seconds, negative when what is given is stale (RFC 9211). `position`: the highest at which the answer is known to be true. */
export type Verdict =
  | { readonly is: "good"; readonly ttl: number; readonly position: Position }
  /** May be given while it is refreshed behind. */
  | { readonly is: "passable"; readonly ttl: number; readonly position: Position; readonly reach: Position }
  /** Must be refreshed first; `reach`: what the new answer must stand at or past. */
  | { readonly is: "stale"; readonly ttl: number; readonly position: Position; readonly reach: Position };

/** A known change may still be answered with what was before it. */
export const GRACE_MS = 500;
/** Answers of one moment do not all age at one moment. */
const JITTER = 0.1;

export function judge(kept: Kept, { knowing, policy, now, atLeast }: Wanted): Verdict {
  const { view, live } = knowing;
  const age = Math.max(0, now - kept.filledAt);
  const longest = lifeOf(kept);
  const changed = view === undefined ? undefined : staleSince(view, kept.position, kept.dependencies);
  const proven = view === undefined || changed !== undefined ? kept.position : maxOf(kept.position, view.head);
  const early = atLeast !== undefined && (kept.pinned ? kept.position : proven) < atLeast;
  const reach = maxOf(changed ?? kept.position, atLeast ?? ORIGIN);
  if (age >= longest) return { is: "stale", ttl: -secondsOf(age - longest), position: proven, reach };
  if (changed !== undefined) {
    const at = knowing.missedSince(kept);
    const ttl = -secondsOf(now - (at ?? kept.filledAt));
    const within = live && atLeast === undefined && at !== undefined && now - at <= GRACE_MS;
    return { is: within ? "passable" : "stale", ttl, position: kept.position, reach };
  }
  if (early) return { is: "stale", ttl: 0, position: proven, reach };
  if (live) return { is: "good", ttl: secondsOf(longest - age), position: proven };
  return byAge(kept, policy, age, { position: proven, reach });
}

/** Time-to-live mode: the digest is away, and nothing is known of the last moments. */
function byAge(
  kept: Kept,
  { fresh, stale }: Policy,
  age: number,
  at: { readonly position: Position; readonly reach: Position },
): Verdict {
  const life = fresh * 1_000 * (1 - JITTER * spreadOf(kept.key));
  if (age < life) return { is: "good", ttl: secondsOf(life - age), position: at.position };
  const is = age < life + stale * 1_000 ? "passable" : "stale";
  return { is, ttl: -secondsOf(age - life), ...at };
}

/** Whole seconds, at least one: `ttl=0` would say neither fresh nor stale. */
function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

function maxOf(one: Position, other: Position): Position {
  return position(Math.max(one, other));
}
