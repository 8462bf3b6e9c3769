// One route of the table as an OpenAPI operation: what it takes, what it answers, how it refuses.
import * as z from "zod";
import type { oas31, ZodOpenApiOperationObject, ZodOpenApiResponseObject } from "zod-openapi";
import { SPACE_ID } from "../kernel/id.ts";
import { CORS, isOpen } from "./cors.ts";
import { COMMON_HEADERS, headersOf, NAME_OF_STATUS } from "./openapi-parts.ts";
import type { AnswerDoc } from "./operation.ts";
import { statusOf } from "./problem.ts";
import { PROBLEMS } from "./problems.ts";
import type { Route, Who } from "./route.ts";

const SPACE = z.string().min(2).max(39).regex(SPACE_ID).meta({ description: "Id of the space." });

/** `/v1/spaces/:space` → `/v1/spaces/{space}`. */
export function pathOf(path: string): string {
  return path.replaceAll(/:([A-Za-z]+)/g, "{$1}");
}

export function documentOperation(route: Route): ZodOpenApiOperationObject {
  const { operation } = route;
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => name ?? "");
  const query =
    operation.query === undefined
      ? undefined
      : "documented" in operation.query
        ? operation.query.documented
        : operation.query;
  const shape: Readonly<Record<string, z.core.SomeType>> = operation.params.shape;
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    security: securityOf(route.who),
    "x-budget": route.budget,
    requestParams: {
      ...(names.length === 0
        ? {}
        : {
            path: z.object(
              Object.fromEntries(names.map((name) => [name, shape[name] ?? (name === "space" ? SPACE : z.string())])),
            ),
          }),
      ...(query === undefined ? {} : { query }),
    },
    parameters: commonParameters(route, names).map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ...(operation.body === undefined ? {} : { requestBody: requestBodyOf(operation.body) }),
    responses: {
      ...Object.fromEntries(operation.answers.map((answer) => [String(answer.status), answerOf(answer, route)])),
      ...notModified(route),
      ...refusalsOf(route, names),
    },
  };
}

function requestBodyOf(body: NonNullable<Route["operation"]["body"]>): {
  required: boolean;
  content: Record<string, { schema: z.ZodType }>;
} {
  return {
    required: body.optional !== true,
    content: Object.fromEntries(body.media.map((media) => [media, { schema: body.schema }])),
  };
}

/** Role names for bearer keys are allowed since OpenAPI 3.1. */
function securityOf(who: Who): oas31.SecurityRequirementObject[] {
  switch (who.kind) {
    case "anyone":
      return [];
    case "reader":
      return [{ key: ["content:read"] }, {}];
    case "member":
      return [{ key: [] }];
    case "root":
      return [{ rootKey: [] }];
    case "scope":
      return who.orRoot ? [{ key: [who.scope] }, { rootKey: [] }] : [{ key: [who.scope] }];
  }
}

/** Answers in no other form than one that goes on: nothing to compare with an entity tag. */
function isStream({ operation }: Route): boolean {
  return (
    operation.kind === "read" &&
    operation.answers.every(({ media }) => media !== undefined && media !== "application/json")
  );
}

/** Writes and actions on something that has an entity tag. */
function isConditional({ method, operation }: Route, names: readonly string[]): boolean {
  if (operation.kind === "plain" || method === "GET") return false;
  return method !== "POST" || names.some((name) => name !== "space");
}

function commonParameters(route: Route, names: readonly string[]): readonly string[] {
  const { method, operation } = route;
  if (operation.kind === "plain") return [];
  const prefers = operation.answers.some(({ headers }) => headers?.includes("Preference-Applied"));
  return [
    ...(method !== "GET" ? ["IdempotencyKey"] : isStream(route) ? [] : ["IfNoneMatch"]),
    ...(operation.kind === "read" ? ["MeridianAtLeast"] : []),
    ...(isConditional(route, names) ? ["IfMatch"] : []),
    ...(method === "PUT" ? ["IfNoneMatchAny"] : []),
    ...(prefers ? ["Prefer"] : []),
  ];
}

function commonHeaders(route: Route): readonly string[] {
  const { method, operation } = route;
  return [
    ...COMMON_HEADERS,
    ...(operation.kind === "read" || operation.kind === "write" ? ["Meridian-Position"] : []),
    ...(operation.kind === "read" ? ["Meridian-Source"] : []),
    ...(operation.kind === "read" && !isStream(route) ? ["ETag"] : []),
    ...(operation.kind !== "plain" && method !== "GET" ? ["Idempotency-Replayed"] : []),
    ...(operation.kind === "plain" ? [] : ["Meridian-Region"]),
    ...(route.kept.kind === "fresh" ? ["Age", "Cache-Status"] : []),
    ...(isOpen(route) ? ["Vary", ...Object.keys(CORS)] : []),
  ];
}

function answerOf(answer: AnswerDoc, route: Route): ZodOpenApiResponseObject {
  const { description, schema, media, also, headers } = answer;
  const hasBody = schema !== undefined || media !== undefined;
  const others = Object.fromEntries(Object.entries(also ?? {}).map(([other, form]) => [other, { schema: form }]));
  return {
    description,
    headers: headersOf([
      ...new Set([...commonHeaders(route), ...(answer.status === 201 ? ["Location"] : []), ...(headers ?? [])]),
    ]),
    ...(hasBody
      ? { content: { [media ?? "application/json"]: schema === undefined ? {} : { schema }, ...others } }
      : {}),
  };
}

function notModified(route: Route): Record<string, ZodOpenApiResponseObject> {
  if (route.method !== "GET" || route.operation.kind === "plain" || isStream(route)) return {};
  return {
    304: {
      description: "Nothing changed since the entity tag in If-None-Match.",
      headers: headersOf([...new Set([...commonHeaders(route), "ETag"])]),
    },
  };
}

/** Statuses that an operation may refuse with, each with the codes that are its own. */
function refusalsOf(route: Route, names: readonly string[]): Record<string, oas31.ReferenceObject> {
  const { operation, who, method } = route;
  const answered = new Set(operation.answers.map(({ status }) => status));
  const codes = new Map<number, string[]>();
  const may = (status: number, code?: string): void => {
    const known = codes.get(status) ?? [];
    codes.set(status, code === undefined ? known : [...known, code]);
  };
  const stateful = operation.kind !== "plain";
  // Credentials that are not valid are told everywhere, and charged for being looked up.
  for (const status of [400, 401, 429, 500]) may(status);
  if (stateful) may(503);
  // The root key is refused too, where it does not act.
  if (who.kind !== "anyone") may(403);
  if (names.length > 0) may(404);
  if (operation.body !== undefined) may(415);
  if (stateful && method !== "GET") for (const status of [408, 409, 413, 422]) may(status);
  if (isConditional(route, names)) may(412);
  for (const code of operation.faults ?? []) may(statusOf({ kind: PROBLEMS[code]?.kind ?? "invalid", code }), code);
  const listed = [...codes]
    .filter(([status]) => !answered.has(status) && NAME_OF_STATUS[status] !== undefined)
    .sort(([a], [b]) => a - b);
  return Object.fromEntries(listed.map(([status, own]) => [String(status), refusalOf(status, own)]));
}

/** OpenAPI 3.1 lets a reference carry its own description. */
function refusalOf(status: number, own: readonly string[]): oas31.ReferenceObject {
  const $ref = `#/components/responses/${NAME_OF_STATUS[status]}`;
  return own.length === 0
    ? { $ref }
    : { $ref, description: `Among others: ${[...new Set(own)].map((code) => `\`${code}\``).join(", ")}.` };
}
