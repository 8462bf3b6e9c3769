// GET /problems/{code}: what a problem means and what to do about it, for browsers as a page and for programs as JSON.
import * as z from "zod";
import { plain } from "../operation.ts";
import { problemType, statusOf } from "../problem.ts";
import { PROBLEMS, type Problem } from "../problems.ts";
import { PAGE_SECURITY, SECURITY } from "../security-headers.ts";

const CODES = Object.keys(PROBLEMS) as [string, ...string[]];

const explanation = z
  .object({
    code: z.string().max(64).meta({ description: "As in the refusal." }),
    type: z.string().max(256).meta({ format: "uri-reference" }),
    title: z.string().max(256),
    status: z.int().min(400).max(599),
    means: z.string().meta({ description: "What has happened." }),
    remedy: z.string().meta({ description: "What whoever asked should do." }),
  })
  .meta({ id: "ProblemExplanation" });

export const getProblem = plain({
  id: "getProblem",
  tag: "Documents",
  summary: "What a problem means",
  params: z.object({ code: z.enum(CODES).meta({ description: "A problem's code." }) }),
  answers: [
    {
      status: 200,
      description: "The explanation; as a page when the client prefers HTML.",
      schema: explanation,
      headers: ["Vary"],
    },
  ],
  handle(request, { code }) {
    const problem = PROBLEMS[code];
    if (problem === undefined) throw new Error(`The catalogue lost ${code}`);
    const status = statusOf({ kind: problem.kind, code });
    const shared = { "Cache-Control": "no-store", Vary: "Accept" };
    if ((request.headers.get("Accept") ?? "").includes("text/html")) {
      return new Response(pageOf(code, status, problem), {
        headers: { ...PAGE_SECURITY, ...shared, "Content-Type": "text/html; charset=utf-8" },
      });
    }
    const { title, means, remedy } = problem;
    const body = { code, type: problemType(code), title, status, means, remedy };
    return new Response(JSON.stringify(body), {
      headers: { ...SECURITY, ...shared, "Content-Type": "application/json" },
    });
  },
});

function pageOf(code: string, status: number, { title, means, remedy }: Problem): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
<p><code>${escaped(code)}</code>, status ${status}</p>
<h2>What it means</h2>
<p>${escaped(means)}</p>
<h2>What to do</h2>
<p>${escaped(remedy)}</p>
<p><a href="/docs">Reference</a></p>
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
