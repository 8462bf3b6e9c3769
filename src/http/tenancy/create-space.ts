// POST /v1/spaces
import * as z from "zod";
import { createSpace as create } from "../../contexts/tenancy/tenancy.ts";
import { operator } from "../operation.ts";
import { newSpace, spaceSchema } from "./space-schema.ts";

export const createSpace = operator({
  id: "createSpace",
  tag: "Spaces",
  summary: "Create a space",
  description:
    "Claims the id, makes the space where its residency asks, and lets the id lead there. With an `Idempotency-Key` a creation that was interrupted goes on where it stopped.",
  params: z.object({}),
  body: { schema: newSpace, media: ["application/json"] },
  answers: [{ status: 201, description: "The space.", schema: spaceSchema, headers: ["ETag"] }],
  faults: ["space-exists", "outcome-unknown"],
  async handle(scope, { body: { id, residency, ...settings } }) {
    // Undefined members are gone with JSON's own rules; what is left is JSON.
    return await create(scope, { id, residency, settings: JSON.parse(JSON.stringify(settings)) });
  },
});
