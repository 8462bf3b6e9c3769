// A kept answer as a response: the headers that every request for it gets alike, and those that tell this one's story (RFC 9111, RFC 9211).
import type { Instant } from "../../kernel/clock.ts";
import type { Served } from "../../platform/edge-cache/edge.ts";
import type { Kept } from "../../platform/edge-cache/kept.ts";
import type { Call } from "../call.ts";
import { conditionsOf } from "../conditions.ts";
import { CORS } from "../cors.ts";
import { isNotModified } from "../entity-tag.ts";
import { problemOf } from "../problem.ts";
import { SECURITY } from "../security-headers.ts";

const ALIKE = new Headers({ ...SECURITY, ...CORS });

/** Alike for everybody who is given this answer here. A 304 describes no body. */
export function headersOf({ headers: own }: Kept, colo: string, isModified: boolean): Headers {
  // A copy of what is alike for all costs a fraction of setting it.
  const headers = new Headers(ALIKE);
  for (const name in own) headers.set(name, own[name] as string);
  headers.set("Meridian-Region", colo);
  if (!isModified) headers.delete("Content-Type");
  return headers;
}

export function cacheStatusOf({ forwarded, ttl }: Pick<Served, "forwarded" | "ttl">): string {
  if (forwarded === undefined) return `Meridian; hit; ttl=${ttl}`;
  return `Meridian; fwd=${forwarded.why}; stored${forwarded.collapsed ? "; collapsed" : ""}`;
}

/** Since it was read, or since it was last known to be unchanged (RFC 9111, 4.2.3). */
export function ageOf(since: Instant, now: Instant): string {
  return String(Math.max(0, Math.floor((now - since) / 1_000)));
}

export function isSame({ headers }: Kept, request: Headers): boolean {
  const conditions = conditionsOf(request, "read");
  return conditions.ok && isNotModified(conditions.value, headers["ETag"] ?? "");
}

export function answerKept(call: Call, served: Served, now: Instant): Response {
  const { kept, from, position } = served;
  const story = {
    "Cache-Status": cacheStatusOf(served),
    Age: ageOf(served.provenAt, now),
    "Meridian-Source": from,
    "Meridian-Position": String(position),
  };
  if (kept.refusal !== undefined) {
    call.event.fault = kept.refusal.code;
    return problemOf(kept.refusal, call.requestId, { ...CORS, "Meridian-Region": call.colo, ...story });
  }
  const same = isSame(kept, call.request.headers);
  const headers = headersOf(kept, call.colo, !same);
  for (const [name, value] of Object.entries(story)) headers.set(name, value);
  headers.set("Request-Id", call.requestId);
  return new Response(same ? null : (kept.body as Uint8Array<ArrayBuffer>), { status: same ? 304 : 200, headers });
}
