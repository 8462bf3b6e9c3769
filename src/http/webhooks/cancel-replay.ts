// POST /v1/spaces/{space}/webhooks/{id}/replays/{replay}/cancel
import { cancelReplay as cancel } from "../../contexts/webhooks/webhooks.ts";
import { fault } from "../../kernel/fault.ts";
import { strongTag } from "../entity-tag.ts";
import { write } from "../operation.ts";
import { replayParams, replaySchema } from "./webhook-schema.ts";

export const cancelReplay = write({
  id: "cancelReplay",
  tag: "Webhooks",
  summary: "Cancel a replay",
  description: "What is not sent yet is not sent. A completed job stays completed.",
  params: replayParams,
  answers: [{ status: 200, description: "The job.", schema: replaySchema }],
  faults: ["job-missing", "precondition-failed"],
  async handle(scope, { params, conditions: { ifMatch } }) {
    return await cancel(scope, {
      id: params.id,
      replay: params.replay,
      async whyNot(view) {
        if (ifMatch === undefined || ifMatch === "*") return undefined;
        const etag = await strongTag(JSON.stringify(view));
        const detail = `Cannot cancel job "${params.replay}": its ETag is ${etag}, which If-Match does not name`;
        return ifMatch.includes(etag) ? undefined : fault("outdated", "precondition-failed", detail);
      },
    });
  },
});
