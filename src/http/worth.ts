// What a route's work costs a read budget, and what it is worth when not everything can be done.
import type { Value } from "../platform/admission/load.ts";
import type { Call } from "./call.ts";
import type { Route } from "./route.ts";

/** A hit in memory, or the news that nothing changed. */
export const LIGHT = 1;
/** Something was read for it: one document, or a page. */
const PAGE = 5;
/** Searches, exports and large pages. */
const HEAVY = 20;
const LARGE_PAGE = 100;

const HEAVY_PATH = /\/(?:search|export)$/;
const LOW_PATH = /\/(?:search|export|stats(?:\/.*)?)$/;

export function worthOf({ method, path, who, budget }: Route): Value {
  if (method !== "GET" || budget !== "read") return "high";
  const isPreview = who.kind === "scope" && who.scope === "content:preview";
  return isPreview || LOW_PATH.test(path) ? "low" : "usual";
}

/** Known only after the answer. `source` is set as soon as anything but memory was read, also for a refusal that rests on it. */
export function weightOf({ route, query, event }: Pick<Call, "route" | "query" | "event">, status: number): number {
  if (status === 304 || event.source === undefined || event.source === "memory") return LIGHT;
  return HEAVY_PATH.test(route.path) || Number(query.get("limit")) > LARGE_PAGE ? HEAVY : PAGE;
}
