// GET /openapi.json: the reference for programs.
import * as z from "zod";
import type { JsonObject } from "../../kernel/json.ts";
import { jsonObject } from "../input.ts";
import { plain } from "../operation.ts";

/** A deployment has one document; turning it into text costs more than everything else here. */
const texts = new WeakMap<JsonObject, string>();

export const getOpenapi = plain({
  id: "getOpenapi",
  tag: "Documents",
  summary: "This reference as an OpenAPI 3.1 document",
  params: z.object({}),
  answers: [{ status: 200, description: "The document.", schema: jsonObject }],
  handle(_request, _params, services) {
    const document = services.openapi();
    const text = texts.get(document) ?? JSON.stringify(document);
    texts.set(document, text);
    return new Response(text, { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } });
  },
});
