// The OpenAPI document passes redocly and spectral (with the OWASP ruleset) without an error, and the linters are awake.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openapiOf } from "../../src/http/openapi.ts";

import { ROUTES } from "../../src/http/routes.ts";
import { FIXTURE_ROUTES } from "../support/fixture-routes.ts";

const run = promisify(execFile);
const TIMEOUT = 60_000;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "openapi-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Verdict {
  readonly clean: boolean;
  readonly output: string;
}

async function lint(command: string, args: readonly string[], document: unknown): Promise<Verdict> {
  const file = join(folder, `${command}.json`);
  await writeFile(file, JSON.stringify(document, null, 1));
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" };
  const [tool, ...rest] = args;
  try {
    const { stdout, stderr } = await run(process.execPath, [tool ?? "", ...rest, file], { env, maxBuffer: 64 << 20 });
    return { clean: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return { clean: false, output: stdout + stderr };
  }
}

const redocly = (document: unknown) =>
  lint(
    "redocly",
    ["node_modules/@redocly/cli/bin/cli.js", "lint", "--config", "redocly.yaml", "--format", "stylish"],
    document,
  );
const spectral = (document: unknown) =>
  lint(
    "spectral",
    [
      "node_modules/@stoplight/spectral-cli/dist/index.js",
      "lint",
      "--ruleset",
      ".spectral.yaml",
      "--format",
      "text",
      "--fail-severity",
      "error",
    ],
    document,
  );

describe("the document", () => {
  const document = openapiOf(ROUTES, { version: "1.2.3", origin: "https://api.example.org" });
  test("passes redocly", { timeout: TIMEOUT }, async () => {
    expect(await redocly(document)).toMatchObject({ clean: true });
  });
  test("passes spectral", { timeout: TIMEOUT }, async () => {
    expect(await spectral(document)).toMatchObject({ clean: true });
  });
});

describe("what is planted is found", () => {
  interface Operation {
    operationId: string;
    responses: Record<string, { headers: Record<string, unknown> }>;
    security?: unknown;
  }
  interface Document {
    paths: Record<string, Record<"get" | "post", Operation>>;
    components: { schemas: Record<string, { properties: Record<string, Record<string, unknown>> }> };
    servers: { url: string }[];
  }
  const document = structuredClone(openapiOf(FIXTURE_ROUTES, { version: "1" })) as unknown as Document;
  const list = document.paths["/v1/spaces/{space}/things"]?.get as Operation;
  const one = document.paths["/v1/spaces/{space}/things/{id}"]?.get as Operation;
  const create = document.paths["/v1/spaces/{space}/drafts"]?.post as Operation;

  test("by spectral", { timeout: TIMEOUT }, async () => {
    const planted = structuredClone({ document, list, one, create });
    delete planted.list.responses["200"]?.headers["RateLimit"];
    delete planted.one.responses["429"];
    delete planted.one.responses["200"]?.headers["Access-Control-Allow-Origin"];
    planted.create.security = [];
    delete planted.document.components.schemas["Thing"]?.properties["id"]?.["maxLength"];
    planted.document.servers.push({ ...planted.document.servers[0], url: "http://api.example.org" });
    const verdict = await spectral(planted.document);
    expect(verdict.clean).toBe(false);
    const found = [...verdict.output.matchAll(/ error (owasp:\S+)/g)].map(([, rule]) => rule);
    expect([...new Set(found)].sort()).toEqual([
      "owasp:api2:2023-write-restricted",
      "owasp:api4:2023-rate-limit",
      "owasp:api4:2023-rate-limit-responses-429",
      "owasp:api4:2023-string-limit",
      "owasp:api8:2023-define-cors-origin",
      "owasp:api8:2023-no-server-http",
    ]);
  });

  test("by redocly", { timeout: TIMEOUT }, async () => {
    const planted = structuredClone({ document, list, one });
    planted.list.operationId = "getThing";
    Object.assign(planted.one.responses, { 418: { $ref: "#/components/responses/Teapot" } });
    const verdict = await redocly(planted.document);
    expect(verdict.clean).toBe(false);
    expect(verdict.output).toContain("operation-operationId-unique");
    expect(verdict.output).toContain("no-unresolved-refs");
  });
});
