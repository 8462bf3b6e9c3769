// GET /v1/spaces/{space}/types/{type}
import { getType as get } from "../../contexts/authoring/authoring.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { typeParams, typeSchema } from "./type-schema.ts";

export const getType = read({
  id: "getType",
  tag: "Types",
  summary: "Read a content type",
  from: "primary",
  params: typeParams,
  answers: [{ status: 200, description: "The content type.", schema: typeSchema, headers: ["ETag"] }],
  faults: ["type-missing"],
  async handle(scope, { params }) {
    const found = await get(scope, params.type);
    if (!found.ok) return found;
    const { view, etag, position, source } = found.value;
    return ok({ body: view, etag, position, source });
  },
});
