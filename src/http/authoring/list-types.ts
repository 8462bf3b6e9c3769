// GET /v1/spaces/{space}/types
import * as z from "zod";
import { listTypes as list } from "../../contexts/authoring/authoring.ts";
import { ok } from "../../kernel/result.ts";
import { read } from "../operation.ts";
import { typeListSchema } from "./type-schema.ts";

export const listTypes = read({
  id: "listTypes",
  tag: "Types",
  summary: "List content types",
  description: "All of them, by name.",
  from: "primary",
  params: z.object({}),
  answers: [{ status: 200, description: "The content types.", schema: typeListSchema }],
  async handle(scope) {
    const found = await list(scope);
    if (!found.ok) return found;
    const { view, position, source } = found.value;
    return ok({
      body: { data: view, page: { next: null, size: view.length, at: position } },
      tagged: view,
      position,
      source,
    });
  },
});
