// GET /health/live: whether this process answers at all. Asks nobody.
import * as z from "zod";
import { plain } from "../operation.ts";
import { HEALTH_ANSWERS, healthAnswer } from "./get-health.ts";

export const getHealthLive = plain({
  id: "getHealthLive",
  tag: "Health",
  summary: "Whether this deployment is alive",
  params: z.object({}),
  answers: HEALTH_ANSWERS.filter(({ status }) => status === 200),
  handle() {
    return healthAnswer({ status: "pass" });
  },
});
