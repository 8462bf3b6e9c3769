// GET /docs/assets/{file}: what the reference page loads. Swagger UI's own files, and the few lines that start it.
import * as z from "zod";
import { plain } from "../operation.ts";
import { SECURITY } from "../security-headers.ts";

const MEDIA = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
} as const;

type File = keyof typeof MEDIA;
const FILES = Object.keys(MEDIA) as [File, ...File[]];

/** A file of its own because the page's policy allows no inline script. Keys that are typed in are not kept. */
const START = `"use strict";
window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  validatorUrl: null
});
`;

export const getDocsAsset = plain({
  id: "getDocsAsset",
  tag: "Documents",
  summary: "A file of the reference page",
  params: z.object({ file: z.enum(FILES).meta({ description: "Name of the file." }) }),
  answers: [{ status: 200, description: "The file.", media: "application/octet-stream" }],
  async handle(_request, { file }, services) {
    const headers = { ...SECURITY, "Content-Type": MEDIA[file], "Cache-Control": "no-store" };
    if (file === "start.js") return new Response(START, { headers });
    const asset = await services.assets(file);
    if (!asset.ok) throw new Error(`The deployment lacks the asset ${file}`, { cause: asset.status });
    return new Response(asset.body, { headers });
  },
});
