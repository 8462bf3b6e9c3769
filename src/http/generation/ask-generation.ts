// POST /v1/spaces/{space}/generations
import { askGeneration as ask } from "../../contexts/generation/generation.ts";
import { write } from "../operation.ts";
import { generationRequest, generationSchema, generationsParams } from "./generation-schema.ts";

export const askGeneration = write({
  id: "askGeneration",
  tag: "Generations",
  summary: "Have an entry drafted",
  description:
    "By the provider that the deployment's operator has configured. What it writes is held against the content type's schema, with one chance to correct it, and becomes a draft of its own: `createdBy` is `system:generation`, its id names the job, nothing is overwritten and nothing is published. References are left out.",
  params: generationsParams,
  body: { schema: generationRequest, media: ["application/json"] },
  answers: [{ status: 202, description: "The job.", schema: generationSchema, headers: ["Location"] }],
  faults: ["generation-not-configured", "type-unknown", "type-not-draftable", "invalid-value", "jobs-too-many"],
  handle: (scope, { body }) => ask(scope, body),
});
