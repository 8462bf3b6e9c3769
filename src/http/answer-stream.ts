// Answers that go on: parts as the client takes them, and no further. What cannot be finished is broken off, so that nobody takes it for whole.
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import { usualHeaders } from "./answer.ts";
import { cacheControlOf } from "./cache-control.ts";
import type { Call, Services } from "./call.ts";
import type { StreamAnswer } from "./operation.ts";

export function answerStream(call: Call, services: Pick<Services, "log" | "clock">, answer: StreamAnswer): Response {
  const { position, source, media } = answer;
  const body = call.request.method === "HEAD" ? null : bodyOf(answer, (why) => brokenOff(call, services, why));
  const own = { "Content-Type": media, "Cache-Control": cacheControlOf("tenant") };
  const response = new Response(body, { headers: usualHeaders(call.route, own) });
  const { headers } = response;
  headers.set("Meridian-Position", String(position));
  headers.set("Meridian-Source", source);
  headers.set("Request-Id", call.requestId);
  headers.set("Meridian-Region", call.colo);
  for (const [name, value] of Object.entries(answer.headers ?? {})) headers.set(name, value);
  return response;
}

function bodyOf({ parts, stop }: StreamAnswer, report: (why: string) => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const breakOff = (why: string): void => {
        report(why);
        controller.error(new Error(why));
      };
      const next = await attempt(() => parts.next());
      if (!next.ok) breakOff(nameOf(next.error));
      else if (next.value.done === true) controller.close();
      else if (next.value.value.ok) controller.enqueue(encoder.encode(next.value.value.value));
      else breakOff(next.value.value.fault.code);
    },
    async cancel() {
      stop();
      await parts.return();
    },
  });
}

/** The status has been sent long since; only the log can tell. */
function brokenOff(call: Call, { log, clock }: Pick<Services, "log" | "clock">, why: string): void {
  log({ ...call.event, durationMs: clock.now() - call.started, error: `broken off: ${why}` });
}
