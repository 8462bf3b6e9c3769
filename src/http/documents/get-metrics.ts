// GET /metrics: what is waiting, for Prometheus and its kind (OpenMetrics 1.0).
import * as z from "zod";
import { sameText } from "../../contexts/tenancy/tenancy.ts";
import { fault } from "../../kernel/fault.ts";
import { ok, refuse } from "../../kernel/result.ts";
import { OPEN_METRICS } from "../../platform/telemetry/open-metrics.ts";
import { plain } from "../operation.ts";
import { SECURITY } from "../security-headers.ts";

const REQUIRED = fault(
  "unauthenticated",
  "credentials-required",
  "This needs the token of metrics: Authorization: Bearer …",
);
const CLOSED = fault(
  "unauthenticated",
  "credentials-required",
  "Metrics are closed: this deployment has no METRICS_TOKEN",
);
const INVALID = fault("unauthenticated", "credentials-invalid", "This is not the token of metrics");

export const getMetrics = plain({
  id: "getMetrics",
  tag: "Health",
  summary: "What is waiting: deliveries, jobs, subscribers, dead letters",
  description:
    "OpenMetrics text, looked up at most every five seconds. Needs METRICS_TOKEN as a bearer token; without one, metrics are open on a developer's machine and closed elsewhere. What is away takes its own metrics with it, and `meridian_up` says so.",
  params: z.object({}),
  answers: [
    {
      status: 200,
      description: "The metrics.",
      schema: z.string().max(1_000_000).meta({ id: "Metrics" }),
      media: OPEN_METRICS,
    },
  ],
  admits(request, { metrics: { token, isOpen } }) {
    if (token === undefined) return isOpen ? ok("anybody") : refuse(CLOSED);
    const sent = request.headers.get("authorization");
    if (sent === null) return refuse(REQUIRED);
    return sameText(token, sent.replace(/^Bearer +/i, "")) ? ok("known") : refuse(INVALID);
  },
  async handle(_request, _params, { metrics }) {
    const headers = { ...SECURITY, "Content-Type": OPEN_METRICS, "Cache-Control": "no-store" };
    return new Response(await metrics.scrape(), { headers });
  },
});
