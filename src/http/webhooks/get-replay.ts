// GET /v1/spaces/{space}/webhooks/{id}/replays/{replay}
import { getReplay as get } from "../../contexts/webhooks/webhooks.ts";
import { read } from "../operation.ts";
import { replayParams, replaySchema } from "./webhook-schema.ts";

export const getReplay = read({
  id: "getReplay",
  tag: "Webhooks",
  summary: "Get a replay",
  description: "Completed when each of its deliveries has ended, whichever way.",
  from: "primary",
  params: replayParams,
  answers: [{ status: 200, description: "The job.", schema: replaySchema }],
  faults: ["job-missing"],
  async handle(scope, { params }) {
    return await get(scope, { id: params.id, replay: params.replay });
  },
});
