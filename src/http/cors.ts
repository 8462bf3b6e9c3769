// Which answers a browser may read from any page: content reads, never with a browser's own credentials.
import type { Route } from "./route.ts";
import { SECURITY } from "./security-headers.ts";

const EXPOSED = [
  "ETag",
  "Link",
  "Age",
  "Cache-Status",
  "Meridian-Position",
  "Meridian-Region",
  "Meridian-Source",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Request-Id",
].join(", ");

/** On every answer of an open route, refusals included: a page must be able to read why it was refused. */
export const CORS: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Expose-Headers": EXPOSED,
};

const PREFLIGHT: Readonly<Record<string, string>> = {
  ...SECURITY,
  "Cache-Control": "no-store",
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, HEAD",
  // `*` would leave Authorization out (Fetch standard).
  "Access-Control-Allow-Headers":
    "Authorization, Accept, If-None-Match, Last-Event-ID, Meridian-At-Least, Prefer, traceparent, tracestate",
  "Access-Control-Max-Age": "86400",
};

export function isOpen(route: Pick<Route, "method" | "who">): boolean {
  return route.method === "GET" && route.who.kind === "reader";
}

/** The answer to a preflight (Fetch standard) on an open path; `undefined` when an OPTIONS request is not one. It comes before identification: preflights carry no credentials. */
export function preflight(headers: Headers): Response | undefined {
  if (!headers.has("Origin") || !headers.has("Access-Control-Request-Method")) return undefined;
  return new Response(null, { status: 204, headers: PREFLIGHT });
}
