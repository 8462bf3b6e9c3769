// Asks like test/support/client.ts and holds every answer against what the contract promises of all of them, and against the route's own documentation.
import { expect } from "vitest";
import { openapiOf } from "../../src/http/openapi.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import type { Route } from "../../src/http/route.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { type Answer, type Ask, ask, type Space } from "./client.ts";

const DOCUMENT = openapiOf(ROUTES, { version: "1" });
const PATTERNS = ROUTES.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(".", "\\.").replaceAll(/:\w+/g, "[^/]+")}$`),
}));
const SHAPE = ["type", "title", "status", "detail", "code", "requestId"];
/** Codes that any operation may answer with; all others must be declared by the operation that does. */
const COMMON_CODES = new Set([
  "not-found",
  "method-not-allowed",
  "credentials-required",
  "credentials-invalid",
  "space-missing",
  "scope-missing",
  "unsupported-media-type",
  "body-too-large",
  "malformed-json",
  "unknown-member",
  "missing-member",
  "invalid-member",
  "invalid-value",
  "text-not-storable",
  "unknown-parameter",
  "missing-parameter",
  "invalid-parameter",
  "invalid-header",
  "idempotency-key-invalid",
  "idempotency-key-reused",
  "request-in-progress",
  "position-not-reached",
  "request-timeout",
  "database-unavailable",
  "dependency-unavailable",
  "outcome-unknown",
  "rate-limited",
  "overloaded",
]);

/** Every code that was answered, with one request that was. */
export const SEEN = new Map<string, string>();

export function findRoute(method: string, path: string): Route | undefined {
  const plain = path.split("?", 1)[0] ?? "";
  const wanted = method === "HEAD" ? "GET" : method;
  return PATTERNS.find(({ route, pattern }) => route.method === wanted && pattern.test(plain))?.route;
}

export async function askChecked(method: string, path: string, options: Ask = {}): Promise<Answer> {
  const answer = await ask(method, path, options);
  check(answer, method, path);
  return answer;
}

/** The same space, every answer checked. */
export function witnessed(space: Space): Space {
  const inside = (path: string): string => `/v1/spaces/${space.id}${path === "" ? "" : `/${path}`}`;
  const asked: Space["ask"] = (method, path, options) =>
    askChecked(method, inside(path), { key: space.key, ...options });
  return {
    ...space,
    ask: asked,
    async must(method, path, options) {
      const answer = await asked(method, path, options);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer;
    },
  };
}

/** What holds for every answer, whatever was asked. Throws an assertion that names the request. */
export function check(answer: Answer, method: string, path: string): void {
  const { status, headers } = answer;
  const what = `${method} ${path.slice(0, 200)} → ${status} ${answer.text.slice(0, 300)}`;
  expect(headers.get("request-id"), what).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  expect(headers.get("cache-control"), what).toBeTruthy();
  expect(headers.get("x-content-type-options"), what).toBe("nosniff");
  expect(headers.get("server-timing"), what).toMatch(/dur=\d/);
  const route = findRoute(method, path);
  if (status >= 400) checkProblem(answer, method, route, what);
  else if (route !== undefined) checkSuccess(answer, method, route, what);
}

function checkProblem({ status, headers, body, text }: Answer, method: string, route: Route | undefined, what: string) {
  expect(status, what).toBeLessThan(500 + (status === 503 || status === 501 ? 100 : 0));
  expect(headers.get("cache-control"), what).toMatch(/(^|, )no-store$/);
  expect(headers.get("content-type"), what).toBe("application/problem+json");
  if (status === 401) expect(headers.get("www-authenticate"), what).toMatch(/^Bearer realm="/);
  if (status === 415) expect(headers.get("accept"), what).toBeTruthy();
  if (status === 405) expect(headers.get("allow"), what).toBeTruthy();
  if (status === 503 || status === 429) expect(headers.get("retry-after"), what).toMatch(/^[1-9]\d*$/);
  if (method === "HEAD") {
    expect(text, what).toBe("");
    return;
  }
  expect(Object.keys(body), what).toEqual(expect.arrayContaining(SHAPE));
  expect(
    Object.keys(body).filter((name) => ![...SHAPE, "errors"].includes(name)),
    what,
  ).toEqual([]);
  expect(body.requestId, what).toBe(headers.get("request-id"));
  expect(body.status, what).toBe(status);
  expect(body.code, what).toMatch(/^[a-z]+(-[a-z]+)*$/);
  expect(body.detail, what).toMatch(/^[A-Z"][\s\S]{4,}$/);
  expect(body.detail, what).not.toMatch(
    /\b(select|insert|postgres|relation|constraint|stack)\b|[a-z]\.[jt]s\b| at \S+ \(/i,
  );
  const problem = PROBLEMS[body.code];
  expect(problem, `/problems/${body.code}: ${what}`).toBeDefined();
  expect(body.type, what).toBe(problem?.type ?? `/problems/${body.code}`);
  expect(body.title, what).toBe(problem?.title);
  for (const item of body.errors ?? []) {
    expect(item, what).toEqual({
      ...(item.pointer === undefined
        ? { parameter: expect.any(String) }
        : { pointer: expect.stringMatching(/^(\/[\s\S]*)?$/) }),
      code: expect.stringMatching(/^[a-z]+(-[a-z]+)*$/),
      detail: expect.stringMatching(/^[\s\S]{5,}$/),
    });
  }
  if (!SEEN.has(body.code)) SEEN.set(body.code, what);
  if (route === undefined) return;
  const documented = Object.keys(documentOf(route)["responses"] as object);
  expect(documented, `${route.operation.id} does not document ${status}: ${what}`).toContain(String(status));
  if (!COMMON_CODES.has(body.code))
    expect(route.operation.faults ?? [], `${route.operation.id} does not declare ${body.code}`).toContain(body.code);
}

function checkSuccess(answer: Answer, method: string, route: Route, what: string): void {
  const { status, headers, body, text } = answer;
  const { operation } = route;
  if (operation.kind === "read" || operation.kind === "write") {
    expect(headers.get("meridian-position"), what).toMatch(/^\d+$/);
    expect(headers.get("meridian-region"), what).toBeTruthy();
  }
  if (operation.kind === "read") {
    expect(headers.get("meridian-source"), what).toBeTruthy();
    // What goes on has no tag: nobody knows yet what it will be.
    if (!isStream(answer)) expect(headers.get("etag"), what).toMatch(/^(W\/)?"[\x21\x23-\x7e]+"$/);
    expect(headers.get("cache-status"), what).toMatch(/^Meridian; /);
  }
  if (status === 304) {
    expect(text, what).toBe("");
    return;
  }
  const documented = operation.answers.find((each) => each.status === status);
  expect(documented, `${operation.id} does not document ${status}: ${what}`).toBeDefined();
  if (status === 201) expect(headers.get("location"), what).toMatch(/^\/v1\/spaces\//);
  if (status === 204 || method === "HEAD") expect(text, what).toBe("");
  if (isStream(answer)) {
    const media = [documented?.media, ...Object.keys(documented?.also ?? {})];
    expect(media, what).toContain(headers.get("content-type"));
    return;
  }
  const { schema, media = "application/json" } = documented ?? {};
  if (status === 204 || schema === undefined) return;
  expect(headers.get("content-type"), what).toMatch(media);
  if (method === "HEAD") return;
  const parsed = schema.safeParse(media === "application/json" ? body : (body ?? text));
  expect(parsed.error?.issues ?? [], `${operation.id} answers otherwise than documented: ${what}`).toEqual([]);
  // zod strips what its objects do not name. Documents of others (health, OpenAPI) are only outlined.
  if (operation.kind !== "plain")
    expect(parsed.data, `${operation.id} answers members that are not documented`).toEqual(body);
}

function isStream({ headers }: Answer): boolean {
  return ["application/x-ndjson", "text/event-stream"].includes(headers.get("content-type") ?? "");
}

function documentOf(route: Route): Readonly<Record<string, unknown>> {
  const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
  const paths = DOCUMENT["paths"] as Readonly<
    Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>
  >;
  return paths[path]?.[route.method.toLowerCase()] ?? {};
}

export interface Place {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly code?: string;
}

/** Status, code, and one of the places that the refusal names. */
export function expectRefusal(answer: Answer, status: number, code: string, place?: Place): void {
  const found = `${answer.status} ${answer.text.slice(0, 600)}`;
  expect({ status: answer.status, code: answer.body?.code }, found).toEqual({ status, code });
  if (place !== undefined) expect(answer.body.errors, found).toContainEqual(expect.objectContaining(place));
}

/** The head of a space, from the primary. */
export async function headOf(space: Space): Promise<number> {
  return (await space.must("GET", "types")).position;
}
