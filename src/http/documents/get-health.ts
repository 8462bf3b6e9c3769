// GET /health: how this deployment and what it depends on are (draft-inadarei-api-health-check).
import * as z from "zod";
import { jsonValue } from "../input.ts";
import { type HealthReport, plain } from "../operation.ts";
import { SECURITY } from "../security-headers.ts";

export const HEALTH_MEDIA = "application/health+json";

const STATUS = z.enum(["pass", "warn", "fail"]);

export const healthSchema = z
  .object({
    status: STATUS.meta({
      description: "`warn`: something is away, but content can be read; `fail`: nothing can be read.",
    }),
    version: z.string().max(64).optional(),
    checks: z
      .record(
        z.string().max(128),
        z.array(
          z.object({
            status: STATUS,
            observedValue: jsonValue.optional(),
            lag: z.int().min(0).optional(),
            breaker: z.string().max(32).optional(),
          }),
        ),
      )
      .optional()
      .meta({ description: "By dependency: `postgres:<node>`, `redis`, `colo`, `shield`, `queues`." }),
  })
  .meta({ id: "Health" });

export const HEALTH_ANSWERS = [
  { status: 200, description: "Content can be read.", schema: healthSchema, media: HEALTH_MEDIA },
  {
    status: 503,
    description: "Nothing can be read.",
    schema: healthSchema,
    media: HEALTH_MEDIA,
    headers: ["Retry-After"],
  },
];

export const getHealth = plain({
  id: "getHealth",
  tag: "Health",
  summary: "How this deployment is, with each of its dependencies",
  description: "Each dependency is asked at most every five seconds.",
  params: z.object({}),
  answers: HEALTH_ANSWERS,
  async handle(_request, _params, services) {
    return healthAnswer(await services.health());
  },
});

export function healthAnswer(report: Pick<HealthReport, "status"> & Partial<HealthReport>): Response {
  const failing = report.status === "fail";
  const headers = { ...SECURITY, "Content-Type": HEALTH_MEDIA, "Cache-Control": "no-store" };
  return new Response(
    JSON.stringify(report),
    failing ? { status: 503, headers: { ...headers, "Retry-After": "5" } } : { status: 200, headers },
  );
}
