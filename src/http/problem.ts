// Fault → RFC 9457, and outage → a fixed sentence. The only status codes of refusals in the program.
import type { Fault, FaultKind } from "../kernel/fault.ts";
import { isAway, isBusy } from "../platform/database/outage.ts";
import { Outage } from "../platform/resilience/outage.ts";
import { PROBLEMS } from "./problems.ts";
import { SECURITY } from "./security-headers.ts";

const STATUS_OF_KIND: Readonly<Record<FaultKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  missing: 404,
  conflict: 409,
  gone: 410,
  outdated: 412,
  invalid: 422,
  limited: 429,
  unsupported: 501,
  unavailable: 503,
};

/** Where HTTP tells apart what the kinds do not. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  "method-not-allowed": 405,
  "not-acceptable": 406,
  "request-timeout": 408,
  "body-too-large": 413,
  "uri-too-long": 414,
  "unsupported-media-type": 415,
  "precondition-required": 428,
  // The isolate could not catch up with settings or types that it saw had changed: not the client's precondition.
  "knowledge-outdated": 503,
  internal: 500,
};

const TITLE_OF_KIND: Readonly<Record<FaultKind, string>> = {
  malformed: "Bad request",
  unauthenticated: "Not authenticated",
  forbidden: "Forbidden",
  missing: "Not found",
  conflict: "Conflict",
  gone: "Gone",
  outdated: "Precondition failed",
  invalid: "Rule broken",
  limited: "Too many requests",
  unsupported: "Not implemented",
  unavailable: "Unavailable",
};

/** Seconds to wait when an outage does not know better. */
const OUTAGE_RETRY = "5";

export function statusOf(fault: Pick<Fault, "kind" | "code">): number {
  return STATUS_OF_CODE[fault.code] ?? STATUS_OF_KIND[fault.kind];
}

/** `/problems/<code>`, or the type that IANA registered for the same thing. */
export function problemType(code: string): string {
  return PROBLEMS[code]?.type ?? `/problems/${code}`;
}

export function problemTitle(fault: Pick<Fault, "kind" | "code">): string {
  return PROBLEMS[fault.code]?.title ?? TITLE_OF_KIND[fault.kind];
}

/** A complete answer. `headers`: what only the door knows (`Allow`, `Accept`, `RateLimit`, CORS). */
export function problemOf(fault: Fault, requestId: string, headers?: Readonly<Record<string, string>>): Response {
  const status = statusOf(fault);
  const all: Record<string, string> = {
    ...SECURITY,
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "Request-Id": requestId,
  };
  if (status === 401) all["WWW-Authenticate"] = challengeOf(fault.code);
  if (fault.retryAfter !== undefined) all["Retry-After"] = String(Math.max(1, Math.ceil(fault.retryAfter)));
  else if (status === 503) all["Retry-After"] = OUTAGE_RETRY;
  if (fault.position !== undefined) all["Meridian-Position"] = String(fault.position);
  if (headers !== undefined) Object.assign(all, headers);
  const body = {
    type: problemType(fault.code),
    title: problemTitle(fault),
    status,
    detail: fault.detail,
    code: fault.code,
    requestId,
    ...(fault.errors !== undefined && fault.errors.length > 0 ? { errors: fault.errors } : {}),
  };
  return new Response(JSON.stringify(body), { status, headers: all });
}

/**
 * What a thrown error becomes. Nothing of the error is told, so nothing of SQL, addresses or stacks can be:
 * a database that is away or too busy is 503, and so is whatever else did not do its work in time; everything else is 500.
 */
export function outage(error: unknown, requestId: string, headers?: Readonly<Record<string, string>>): Response {
  const told = isAway(error) || isBusy(error) ? DATABASE_UNAVAILABLE : error instanceof Outage ? AWAY : INTERNAL;
  return problemOf(told, requestId, headers);
}

const DATABASE_UNAVAILABLE: Fault = {
  kind: "unavailable",
  code: "database-unavailable",
  detail: "Cannot reach the database at the moment; please retry",
};
const AWAY: Fault = {
  kind: "unavailable",
  code: "dependency-unavailable",
  detail: "Something that this request needs cannot be reached at the moment; please retry",
};
const INTERNAL: Fault = {
  kind: "unavailable",
  code: "internal",
  detail: "Something went wrong on our side; please quote the request id when you report it",
};

/** RFC 6750, section 3: no error code when no credentials came. */
function challengeOf(code: string): string {
  return code === "credentials-required" ? 'Bearer realm="meridian"' : 'Bearer realm="meridian", error="invalid_token"';
}
