// GET /docs: the reference for people. Everything on the page comes from this origin.
import * as z from "zod";
import { plain } from "../operation.ts";
import { PAGE_SECURITY } from "../security-headers.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Meridian API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<div id="reference"><noscript>The reference needs JavaScript; <a href="/openapi.json">the OpenAPI document</a> does not.</noscript></div>
<script src="/docs/assets/swagger-ui-bundle.js" defer></script>
<script src="/docs/assets/start.js" defer></script>
</body>
</html>
`;

export const getDocs = plain({
  id: "getDocs",
  tag: "Documents",
  summary: "This reference as a page",
  params: z.object({}),
  answers: [{ status: 200, description: "The page.", media: "text/html", schema: z.string() }],
  handle() {
    return new Response(PAGE, {
      headers: { ...PAGE_SECURITY, "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store" },
    });
  },
});
