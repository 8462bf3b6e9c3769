// What many operations share in the OpenAPI document: headers, parameters, refusals, credentials.
import type { oas31 } from "zod-openapi";
import { TEXT_MOST } from "./openapi-schema.ts";
import { problemTitle, problemType, statusOf } from "./problem.ts";
import { PROBLEMS } from "./problems.ts";

const text = (maxLength: number, pattern = "^[\\x20-\\x7e]*$"): oas31.SchemaObject => ({
  type: "string",
  maxLength,
  pattern,
});
const count = (minimum = 0): oas31.SchemaObject => ({
  type: "integer",
  format: "int64",
  minimum,
  maximum: Number.MAX_SAFE_INTEGER,
});
const header = (description: string, schema: oas31.SchemaObject): oas31.HeaderObject => ({ description, schema });

export const HEADERS: Record<string, oas31.HeaderObject> = {
  "Access-Control-Allow-Origin": header("On content reads, which any page may read; absent elsewhere.", {
    type: "string",
    const: "*",
  }),
  "Access-Control-Expose-Headers": header("Headers that a page may read besides.", text(512)),
  Age: header("Seconds since the answer was read, when it comes from a cache.", count()),
  "Cache-Control": header("What others may keep, and how long.", text(128)),
  "Cache-Status": header(
    "What the edge did (RFC 9211): `Meridian; hit; ttl=…`, negative when stale, or `Meridian; fwd=uri-miss|stale|bypass; stored; collapsed`.",
    text(128),
  ),
  ETag: header("Opaque entity tag of this representation.", text(128, '^(W/)?"[\\x21\\x23-\\x7e]*"$')),
  "Idempotency-Replayed": header("Present when this is the answer to an earlier request with the same key.", {
    type: "string",
    const: "true",
  }),
  Link: header('The next page, as `rel="next"`.', text(16_384)),
  Location: header("Where the resource is.", text(1_024)),
  "Meridian-Lines": header("How many lines a whole export has, where that is known.", count()),
  "Meridian-Position": header(
    "The write's last event, or the highest position at which the answer is known to be true.",
    count(),
  ),
  "Meridian-Region": header("The data centre that answered.", text(16)),
  "Meridian-Source": header(
    "What answered: `memory`, `colo`, `shield`, or the database endpoint that was read.",
    text(64),
  ),
  "Preference-Applied": header("Which preference was honoured.", text(128)),
  RateLimit: header(
    'What is left of the budget that the request was charged to (`"read";r=599;t=42`) and in how many seconds it is filled again. Of `read` it is a lower bound.',
    text(128),
  ),
  "RateLimit-Policy": header(
    'The budget that the request was charged to: `"read";q=600;w=60` is 600 in a minute.',
    text(128),
  ),
  "Request-Id": header("Names this request in logs and events.", text(128)),
  "Retry-After": header("Seconds to wait before another attempt.", count(1)),
  Vary: header("Request headers that the answer depends on.", text(256)),
  "WWW-Authenticate": header("How to authenticate (RFC 6750).", text(256)),
};

const parameter = (name: string, description: string, schema: oas31.SchemaObject): oas31.ParameterObject => ({
  name,
  in: "header",
  required: false,
  description,
  schema,
});

export const PARAMETERS: Record<string, oas31.ParameterObject> = {
  IdempotencyKey: parameter(
    "Idempotency-Key",
    "Makes the write safe to repeat: the same request with the same key is done once. Quoted and bare are the same key.",
    {
      ...text(257),
      minLength: 1,
    },
  ),
  IfMatch: parameter("If-Match", "Do it only to the state with one of these entity tags; otherwise 412.", text(4_096)),
  IfNoneMatch: parameter(
    "If-None-Match",
    "Entity tags of what is known already: 304 when nothing changed.",
    text(4_096),
  ),
  IfNoneMatchAny: parameter("If-None-Match", "`*`: create only; 412 when there is something.", {
    type: "string",
    const: "*",
  }),
  MeridianAtLeast: parameter(
    "Meridian-At-Least",
    "Never answer from state older than this position; 503 when the space has not reached it.",
    count(),
  ),
  Prefer: parameter("Prefer", "Preferences (RFC 7240); Preference-Applied says which were honoured.", text(1_024)),
};

export const PROBLEM_SCHEMA: oas31.SchemaObject = {
  type: "object",
  description: "A refusal (RFC 9457).",
  required: ["type", "title", "status", "detail", "code", "requestId"],
  properties: {
    type: { ...text(256), format: "uri-reference", description: "Explains this kind of problem." },
    title: { ...text(256), description: "The same for every problem of this type." },
    status: { type: "integer", format: "int32", minimum: 400, maximum: 599 },
    detail: {
      type: "string",
      maxLength: TEXT_MOST,
      pattern: "^.+$",
      description: "What was wanted and what was found.",
    },
    code: {
      type: "string",
      maxLength: 64,
      pattern: "^[a-z]+(-[a-z]+)*$",
      description: "Stable name of the problem: `/problems/{code}` explains it.",
    },
    requestId: { ...text(128), description: "The same as the header Request-Id." },
    errors: {
      type: "array",
      maxItems: 1_000,
      description: "Each place that is wrong.",
      items: {
        type: "object",
        required: ["code", "detail"],
        properties: {
          pointer: {
            type: "string",
            maxLength: TEXT_MOST,
            format: "json-pointer",
            description: "RFC 6901, from the body's root.",
          },
          parameter: {
            type: "string",
            maxLength: 16_384,
            pattern: "^.*$",
            description: "Name of a query parameter or header.",
          },
          code: { type: "string", maxLength: 64, pattern: "^[a-z]+(-[a-z]+)*$" },
          detail: { type: "string", maxLength: TEXT_MOST, pattern: "^.+$" },
        },
      },
    },
  },
};

/** On every answer. Optional like all headers here: each says where it is present. */
export const COMMON_HEADERS = [
  "Request-Id",
  "Cache-Control",
  "RateLimit",
  "RateLimit-Policy",
  "Access-Control-Allow-Origin",
];

/** `code`: a refusal of this status that everybody meets, shown as its example. */
function refusal(code: string, description: string, ...more: readonly string[]): oas31.ResponseObject {
  const kind = PROBLEMS[code]?.kind ?? "invalid";
  const example = {
    type: problemType(code),
    title: problemTitle({ kind, code }),
    status: statusOf({ kind, code }),
    detail: PROBLEMS[code]?.means ?? description,
    code,
    requestId: "01976b0e-5d2c-7e4f-9a53-0f7c2b1d4e6a",
  };
  return {
    description,
    headers: headersOf([...COMMON_HEADERS, ...more]),
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" }, example } },
  };
}

export function headersOf(names: readonly string[]): Record<string, oas31.ReferenceObject> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const REFUSALS: Readonly<Record<number, oas31.ResponseObject>> = {
  400: refusal("malformed-json", "The request cannot be understood."),
  401: refusal("credentials-required", "Credentials are missing or not valid.", "WWW-Authenticate"),
  403: refusal("scope-missing", "The credentials do not allow this."),
  404: refusal("not-found", "There is nothing here, or nothing that these credentials may see."),
  408: refusal("request-timeout", "The body came too slowly."),
  409: refusal("request-in-progress", "The state of things does not allow this.", "Retry-After"),
  410: refusal("history-restored", "What this needs is gone for good."),
  412: refusal("precondition-failed", "The resource is not in the state that If-Match or If-None-Match asked for."),
  413: refusal("body-too-large", "The body is too large."),
  415: refusal("unsupported-media-type", "The body's media type is not supported; Accept lists those that are."),
  422: refusal("idempotency-key-reused", "The request is understood and breaks a rule."),
  428: refusal("precondition-required", "This write must carry If-Match."),
  429: refusal(
    "rate-limited",
    "A budget or quota is used up; RateLimit says which, and Retry-After for how long.",
    "Retry-After",
  ),
  500: refusal("internal", "Something went wrong on our side."),
  501: refusal("generation-not-configured", "This deployment does not do this."),
  503: refusal(
    "database-unavailable",
    "Something that this needs is away, or more is asked than can be done (`overloaded`); the code says what is known of a write.",
    "Retry-After",
  ),
};

/** Component names; also the refusals that can be referred to. */
export const NAME_OF_STATUS: Readonly<Record<number, string>> = Object.fromEntries(
  Object.keys(REFUSALS).map((status) => [status, `Refusal${status}`]),
);

export const PROBLEMS_BY_STATUS: Record<string, oas31.ResponseObject> = Object.fromEntries(
  Object.entries(REFUSALS).map(([status, response]) => [`Refusal${status}`, response]),
);

export const SECURITY_SCHEMES: Record<string, oas31.SecuritySchemeObject> = {
  key: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "API key",
    description:
      "A key of the space, `mrd_…`, with the scopes that the operation names. Keys in URLs are not accepted.",
  },
  rootKey: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "Root key",
    description: "The deployment's root key: acts on spaces and on every space's keys, and on nothing else.",
  },
};
