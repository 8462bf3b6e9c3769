// After the answer: how long it took, how much of that the database, and what came of it, in Server-Timing and in one log line.
import type { Instant } from "../../kernel/clock.ts";
import type { RequestEvent } from "../../platform/telemetry/request-event.ts";
import type { Services } from "../call.ts";

export function observe(
  services: Pick<Services, "clock" | "log">,
  event: RequestEvent,
  started: Instant,
  response: Response,
): Response {
  event.status = response.status;
  event.durationMs = services.clock.now() - started;
  const db = event.dbMs === undefined ? "" : `db;dur=${event.dbMs}, `;
  response.headers.set("Server-Timing", `${db}total;dur=${event.durationMs}`);
  services.log(event);
  return response;
}
