// A small table with one route of each kind, for tests of what walks the table.
import * as z from "zod";
import { getDocs } from "../../src/http/documents/get-docs.ts";
import { getDocsAsset } from "../../src/http/documents/get-docs-asset.ts";
import { getHealth } from "../../src/http/documents/get-health.ts";
import { getHealthLive } from "../../src/http/documents/get-health-live.ts";
import { getHealthReady } from "../../src/http/documents/get-health-ready.ts";
import { getOpenapi } from "../../src/http/documents/get-openapi.ts";
import { getProblem } from "../../src/http/documents/get-problem.ts";
import { jsonObject } from "../../src/http/input.ts";
import { operator, read, write } from "../../src/http/operation.ts";
import type { Route } from "../../src/http/route.ts";
import { fault } from "../../src/kernel/fault.ts";
import { refuse } from "../../src/kernel/result.ts";

const id = z
  .string()
  .max(64)
  .regex(/^[a-z]+$/)
  .meta({ description: "Id of the thing." });
const thing = z
  .object({ id, count: z.int().nullable(), tags: z.array(z.string()), fields: jsonObject })
  .meta({ id: "Thing" });
const draft = z.strictObject({ id: id.optional(), tags: z.array(z.string()).optional(), fields: jsonObject });
const filter = z
  .record(z.string(), z.string())
  .optional()
  .meta({ description: "Conditions.", param: { style: "deepObject", explode: true } });
const nothing = async () => refuse(fault("missing", "not-found", "Nothing here"));

const listThings = read({
  id: "listThings",
  tag: "Content",
  summary: "List things",
  params: z.object({}),
  query: {
    read: () => refuse(fault("malformed", "invalid-parameter", "no")),
    documented: z.object({ filter, limit: z.coerce.number().int().min(1).max(1000).optional() }),
  },
  answers: [
    {
      status: 200,
      description: "Things.",
      schema: z.object({ data: z.array(thing) }),
      headers: ["Link", "Preference-Applied"],
    },
  ],
  faults: ["not-indexed", "cursor-invalid"],
  from: "nearest",
  handle: nothing,
});
const getThing = read({
  id: "getThing",
  tag: "Content",
  summary: "Get a thing",
  params: z.object({ id }),
  answers: [{ status: 200, description: "The thing.", schema: thing }],
  from: "nearest",
  handle: nothing,
});
const createThing = write({
  id: "createThing",
  tag: "Entries",
  summary: "Create a thing",
  params: z.object({}),
  body: { schema: draft, media: ["application/json"] },
  answers: [{ status: 201, description: "Created.", schema: thing, headers: ["ETag"] }],
  faults: ["entry-exists", "slug-taken", "schema-violation"],
  handle: nothing,
});
const putThing = write({
  id: "putThing",
  tag: "Entries",
  summary: "Replace a thing",
  params: z.object({ id }),
  query: z.strictObject({ force: z.enum(["true", "false"]).optional() }),
  body: { schema: draft, media: ["application/json", "application/merge-patch+json"] },
  answers: [
    { status: 200, description: "Replaced.", schema: thing, headers: ["ETag"] },
    { status: 201, description: "Created.", schema: thing, headers: ["ETag"] },
  ],
  faults: ["precondition-required"],
  handle: nothing,
});
const publishThing = write({
  id: "publishThing",
  tag: "Entries",
  summary: "Publish a thing",
  params: z.object({ id }),
  answers: [{ status: 200, description: "Published.", schema: thing, headers: ["ETag"] }],
  handle: nothing,
});
const deleteThing = write({
  id: "deleteThing",
  tag: "Entries",
  summary: "Delete a thing",
  params: z.object({ id }),
  answers: [{ status: 204, description: "Deleted." }],
  handle: nothing,
});
const listSpaces = operator({
  id: "listSpaces",
  tag: "Spaces",
  summary: "List spaces",
  params: z.object({}),
  answers: [{ status: 200, description: "Spaces.", schema: z.object({ data: z.array(z.string()) }) }],
  handle: nothing,
});

const never = { kind: "never" } as const;
const kept = { kind: "fresh", fresh: 60, stale: 86_400 } as const;
const route = (
  method: Route["method"],
  path: string,
  operation: unknown,
  who: Route["who"],
  budget: Route["budget"],
  keep: Route["kept"] = never,
): Route => ({
  method,
  path,
  operation: operation as Route["operation"],
  who,
  budget,
  kept: keep,
});
const anyone = { kind: "anyone" } as const;
const author = { kind: "scope", scope: "content:write", orRoot: false } as const;

export const FIXTURE_ROUTES: readonly Route[] = [
  route("GET", "/v1/spaces", listSpaces, { kind: "root" }, "none"),
  route("GET", "/v1/spaces/:space/things", listThings, { kind: "reader" }, "read", kept),
  route("GET", "/v1/spaces/:space/things/:id", getThing, { kind: "reader" }, "read", kept),
  route("POST", "/v1/spaces/:space/drafts", createThing, author, "write"),
  route("PUT", "/v1/spaces/:space/drafts/:id", putThing, author, "write"),
  route("DELETE", "/v1/spaces/:space/drafts/:id", deleteThing, author, "write"),
  route(
    "POST",
    "/v1/spaces/:space/drafts/:id/publish",
    publishThing,
    { kind: "scope", scope: "content:publish", orRoot: true },
    "write",
  ),
  route("GET", "/health", getHealth, anyone, "none"),
  route("GET", "/health/live", getHealthLive, anyone, "none"),
  route("GET", "/health/ready", getHealthReady, anyone, "none"),
  route("GET", "/openapi.json", getOpenapi, anyone, "none"),
  route("GET", "/docs", getDocs, anyone, "none"),
  route("GET", "/docs/assets/:file", getDocsAsset, anyone, "none"),
  route("GET", "/problems/:code", getProblem, anyone, "none"),
];
