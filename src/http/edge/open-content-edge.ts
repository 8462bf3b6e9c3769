// Everything that content reads pass through, put together from the ports it needs.
import type { Clock, Millis } from "../../kernel/clock.ts";
import { openEdge } from "../../platform/edge-cache/edge.ts";
import { sizeOf } from "../../platform/edge-cache/kept.ts";
import { memory } from "../../platform/edge-cache/memory.ts";
import type { Colo, ShieldTier } from "../../platform/edge-cache/tiers.ts";
import type { Freshness } from "../../platform/freshness/memo.ts";
import type { Route } from "../route.ts";
import { type HotParts, openHotPath } from "./hot-path.ts";
import { type OriginParts, openOrigin } from "./origin.ts";
import type { Keyed } from "./question.ts";

/** Of an isolate's 128 MB. */
const MEMORY_BYTES = 32 * 1024 * 1024;
const MOST_ANSWERS = 50_000;
/** A whole list at its largest: what is never in memory makes everybody who waits for it ask once more. */
const LARGEST_BYTES = 8 * 1024 * 1024;

export interface ContentEdgeParts extends OriginParts, Omit<HotParts, "answers"> {
  readonly freshness: Freshness;
  readonly clock: Clock;
  readonly colo: Colo;
  readonly shield: ShieldTier<Keyed>;
  sleep(time: Millis): Promise<void>;
}

export function openContentEdge(routes: readonly Route[], parts: ContentEdgeParts) {
  const answers = memory(MOST_ANSWERS, { most: MEMORY_BYTES, largest: LARGEST_BYTES, of: sizeOf });
  const origin = openOrigin(routes, parts);
  return {
    /** What the shield reads with. */
    origin,
    edge: openEdge({ ...parts, memory: answers, origin }),
    hot: openHotPath({ ...parts, answers }),
  };
}
