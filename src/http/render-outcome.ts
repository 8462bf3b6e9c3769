// A write's outcome as status, headers and body, made before the commit so that it can be kept with it.
import type { SpaceRef } from "../kernel/scope.ts";
import type { Outcome, Rendered } from "../platform/event-log/commit.ts";

export function renderOutcome(outcome: Outcome, space: SpaceRef | undefined): Rendered {
  const headers: Record<string, string> = {};
  if (outcome.etag !== undefined) headers["ETag"] = outcome.etag;
  if (outcome.location !== undefined)
    headers["Location"] =
      space === undefined ? `/v1/${outcome.location}` : `/v1/spaces/${space.id}/${outcome.location}`;
  if (outcome.view === undefined) return { status: 204, headers, body: "" };
  headers["Content-Type"] = "application/json";
  return { status: outcome.created ? 201 : outcome.accepted ? 202 : 200, headers, body: JSON.stringify(outcome.view) };
}
