// After the answer: how long it took and what came of it, in Server-Timing and in one log line.
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
  response.headers.set("Server-Timing", `total;dur=${event.durationMs}`);
  services.log(event);
  return response;
}
