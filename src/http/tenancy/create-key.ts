// POST /v1/spaces/{space}/keys
import { createKey as create } from "../../contexts/tenancy/tenancy.ts";
import { write } from "../operation.ts";
import { keyWithSecret, newKey } from "./key-schema.ts";
import { spaceParams } from "./space-schema.ts";

export const createKey = write({
  id: "createKey",
  tag: "Keys",
  summary: "Create a key",
  description: "The answer shows the key once. A repetition under the same `Idempotency-Key` shows it again.",
  params: spaceParams,
  body: { schema: newKey, media: ["application/json"] },
  answers: [{ status: 201, description: "The key.", schema: keyWithSecret, headers: ["ETag"] }],
  faults: ["scope-exceeded"],
  async handle(scope, { body }) {
    return await create(scope, { name: body.name, scopes: body.scopes, expiresAt: body.expiresAt ?? null });
  },
});
