// Answers as responses: entity tags and 304, positions, cache and browser headers.
import { fault } from "../kernel/fault.ts";
import type { Position } from "../kernel/position.ts";
import type { Rendered } from "../platform/event-log/commit.ts";
import type { Written } from "../platform/event-log/writer.ts";
import { cacheControlOf } from "./cache-control.ts";
import type { Call } from "./call.ts";
import { conditionsOf } from "./conditions.ts";
import { CORS, isOpen } from "./cors.ts";
import { isNotModified, type QuickHash } from "./entity-tag.ts";
import type { ReadAnswer } from "./operation.ts";
import { problemOf } from "./problem.ts";
import { renderRead, type Sharing } from "./rendered-read.ts";
import type { Route } from "./route.ts";
import { SECURITY } from "./security-headers.ts";

export async function answerRead(
  call: Call,
  answer: ReadAnswer,
  sharing: Sharing | undefined,
  quick: QuickHash,
): Promise<Response> {
  const { body, headers: own, etag } = await renderRead(call.route, answer, sharing, quick);
  const conditions = conditionsOf(call.request.headers, "read");
  const same = conditions.ok && isNotModified(conditions.value, etag);
  const usual = usualHeaders(call.route, own);
  const response = new Response(same ? null : body, { status: same ? 304 : 200, headers: usual });
  const { headers } = response;
  if (same) headers.delete("Content-Type");
  headers.set("ETag", etag);
  headers.set("Meridian-Position", String(answer.position));
  headers.set("Meridian-Source", answer.source);
  headers.set("Request-Id", call.requestId);
  headers.set("Meridian-Region", call.colo);
  return response;
}

const USUAL = new WeakMap<Route, Headers[]>();
const USUAL_OWN = new WeakMap<Headers, Readonly<Record<string, string>>>();
/** Of one route: what spaces let others keep differs between few of them. */
const MOST_USUAL = 8;

/**
 * What many reads of a route answer alike, `own` among it. Copied whole by the platform, it costs a fraction of what its members would one by
 * one.
 */
export function usualHeaders(route: Route, own: Readonly<Record<string, string>>): Headers {
  const known = USUAL.get(route) ?? [];
  const same = known.find((each) => sameHeaders(USUAL_OWN.get(each) ?? {}, own));
  if (same !== undefined) return same;
  const made = new Headers({
    ...SECURITY,
    ...(isOpen(route) ? CORS : undefined),
    "Cache-Status": "Meridian; fwd=bypass",
    ...own,
  });
  USUAL_OWN.set(made, own);
  USUAL.set(route, [made, ...known].slice(0, MOST_USUAL));
  return made;
}

function sameHeaders(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

export function answerWrite(call: Call, written: Written): Response {
  const { rendered, position, replayed } = written;
  call.event.replayed = replayed;
  return rendering(call, rendered, position, replayed ? { "Idempotency-Replayed": "true" } : undefined);
}

function rendering(
  call: Call,
  rendered: Rendered,
  position: Position,
  extra: Readonly<Record<string, string>> | undefined,
): Response {
  const headers = {
    ...SECURITY,
    ...rendered.headers,
    "Cache-Control": cacheControlOf("tenant"),
    "Meridian-Position": String(position),
    ...common(call),
    ...extra,
  };
  return new Response(rendered.status === 204 ? null : rendered.body, { status: rendered.status, headers });
}

export function common(call: Call): Record<string, string> {
  return { "Request-Id": call.requestId, "Meridian-Region": call.colo };
}

export function notAllowed(methods: readonly string[], requestId: string): Response {
  const allow = [...new Set(methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])))].join(", ");
  return problemOf(fault("malformed", "method-not-allowed", `This path takes ${allow}`), requestId, { Allow: allow });
}
