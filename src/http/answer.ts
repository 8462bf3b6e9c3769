// Answers as responses: entity tags and 304, positions, cache and browser headers.
import { fault } from "../kernel/fault.ts";
import type { Position } from "../kernel/position.ts";
import type { Rendered } from "../platform/event-log/commit.ts";
import type { Written } from "../platform/event-log/writer.ts";
import { cacheControlOf } from "./cache-control.ts";
import type { Call } from "./call.ts";
import { conditionsOf } from "./conditions.ts";
import { CORS, isOpen } from "./cors.ts";
import { isNotModified } from "./entity-tag.ts";
import type { ReadAnswer } from "./operation.ts";
import { problemOf } from "./problem.ts";
import { renderRead, type Sharing } from "./rendered-read.ts";
import type { Route } from "./route.ts";
import { SECURITY } from "./security-headers.ts";

export async function answerRead(call: Call, answer: ReadAnswer, sharing: Sharing | undefined): Promise<Response> {
  const { body, headers: own, etag } = await renderRead(call.route, answer, sharing);
  const conditions = conditionsOf(call.request.headers, "read");
  const same = conditions.ok && isNotModified(conditions.value, etag);
  const response = new Response(same ? null : body, { status: same ? 304 : 200, headers: usualHeaders(call.route) });
  const { headers } = response;
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  if (same) headers.delete("Content-Type");
  headers.set("Meridian-Position", String(answer.position));
  headers.set("Meridian-Source", answer.source);
  headers.set("Request-Id", call.requestId);
  headers.set("Meridian-Region", call.colo);
  return response;
}

const USUAL = new WeakMap<Route, Headers>();

/** What every read of a route answers alike. Copied whole by the platform, it costs a fraction of what its members would one by one. */
export function usualHeaders(route: Route): Headers {
  const known = USUAL.get(route);
  if (known !== undefined) return known;
  const made = new Headers({
    ...SECURITY,
    ...(isOpen(route) ? CORS : undefined),
    "Cache-Status": "Meridian; fwd=bypass",
  });
  USUAL.set(route, made);
  return made;
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
