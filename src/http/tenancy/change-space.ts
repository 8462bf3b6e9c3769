// PATCH /v1/spaces/{space}
import { changeSpace as change } from "../../contexts/tenancy/tenancy.ts";
import { operator } from "../operation.ts";
import { spaceParams, spacePatch, spaceSchema } from "./space-schema.ts";

export const changeSpace = operator({
  id: "changeSpace",
  tag: "Spaces",
  summary: "Change a space's settings",
  description: "A merge patch. Locales can be changed only as long as the space has no content types.",
  params: spaceParams,
  body: { schema: spacePatch, media: ["application/json", "application/merge-patch+json"] },
  answers: [
    {
      status: 200,
      description: "The space as it is now.",
      schema: spaceSchema,
      headers: ["ETag", "Meridian-Position"],
    },
  ],
  faults: ["space-missing", "locales-in-use", "precondition-failed", "conflict"],
  async handle(scope, { params, body, conditions }) {
    return await change(scope, {
      id: params.space,
      patch: JSON.parse(JSON.stringify(body)),
      ifMatch: conditions.ifMatch,
    });
  },
});
