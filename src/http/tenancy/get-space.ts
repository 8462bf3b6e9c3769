// GET /v1/spaces/{space}
import { etagOf, getSpace as get, spaceView } from "../../contexts/tenancy/tenancy.ts";
import { ok } from "../../kernel/result.ts";
import { operator } from "../operation.ts";
import { spaceParams, spaceSchema } from "./space-schema.ts";

export const getSpace = operator({
  id: "getSpace",
  tag: "Spaces",
  summary: "Read a space",
  params: spaceParams,
  answers: [{ status: 200, description: "The space.", schema: spaceSchema, headers: ["ETag", "Meridian-Position"] }],
  faults: ["space-missing"],
  async handle(scope, { params }) {
    const found = await get(scope, { id: params.space });
    if (!found.ok) return found;
    const { ref, record, position, source } = found.value;
    return ok({
      body: spaceView(ref, record.settings, record),
      etag: etagOf(record.epoch, record.revision),
      position,
      source,
    });
  },
});
