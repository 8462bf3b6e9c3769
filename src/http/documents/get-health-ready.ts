// GET /health/ready: whether requests should be sent here.
import * as z from "zod";
import { plain } from "../operation.ts";
import { HEALTH_ANSWERS, healthAnswer } from "./get-health.ts";

export const getHealthReady = plain({
  id: "getHealthReady",
  tag: "Health",
  summary: "Whether this deployment can answer",
  params: z.object({}),
  answers: HEALTH_ANSWERS,
  async handle(_request, _params, services) {
    const { status, version } = await services.health();
    return healthAnswer({ status, version });
  },
});
