// One wide event a request: gathered while it runs, written as one line of JSON. Never holds content, credentials or addresses.

export interface RequestEvent {
  requestId: string;
  method: string;
  /** The route's pattern, not the path: paths hold ids. */
  route: string;
  operation?: string;
  status?: number;
  durationMs?: number;
  /** Of these, waiting for Postgres. Absent when it was not asked. */
  dbMs?: number;
  space?: string;
  actor?: string;
  colo?: string;
  source?: string;
  position?: number;
  /** Code of the fault that was answered. */
  fault?: string;
  replayed?: boolean;
  traceparent?: string;
  /** Name and cause of an outage; its message stays inside. */
  error?: string;
}

/** Level by what an operator must see: outages are errors, refusals by overload warnings, everything else information. */
export function levelOf(event: RequestEvent): "error" | "warn" | "info" {
  if (event.error !== undefined || event.status === 500) return "error";
  return event.status === 503 || event.status === 429 ? "warn" : "info";
}
