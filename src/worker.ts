// The doors: what the platform calls. Composed once an isolate; a configuration that does not hold stops the start.
import { env } from "cloudflare:workers";
import { compose } from "./compose.ts";

const meridian = compose(env as unknown as Parameters<typeof compose>[0]);

export default {
  fetch: (request, _env, context) => meridian.fetch(request, context),
  queue: (batch, _env, context) => meridian.queue(batch, context),
  scheduled: (event) => meridian.scheduled(event.scheduledTime),
} satisfies ExportedHandler;

export const { Shield } = meridian;
