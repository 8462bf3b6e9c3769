// The OpenAPI 3.1 document, generated from the table of routes: what is not in the table is not in the document.
import { createDocument, type ZodOpenApiPathsObject } from "zod-openapi";
import type { JsonObject } from "../kernel/json.ts";
import { documentOperation, pathOf } from "./openapi-operation.ts";
import { HEADERS, PARAMETERS, PROBLEM_SCHEMA, PROBLEMS_BY_STATUS, SECURITY_SCHEMES } from "./openapi-parts.ts";
import { bounded, openAnswers } from "./openapi-schema.ts";
import { ABOUT, TAGS } from "./openapi-text.ts";
import type { Route } from "./route.ts";

export interface OpenapiOptions {
  readonly version: string;
  /** Where the API answers; else the document's own origin. */
  readonly origin?: string;
}

/** Not cheap: to be built once and kept. */
export function openapiOf(routes: readonly Route[], options: OpenapiOptions): JsonObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = pathOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: documentOperation(route) };
  }
  const used = new Set(routes.map(({ operation }) => operation.tag));
  const names = [...new Set([...Object.keys(TAGS), ...used])].filter((name) => used.has(name));
  const document = createDocument(
    {
      openapi: "3.1.1",
      info: {
        title: "Meridian",
        version: options.version,
        description: ABOUT,
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [
        {
          url: options.origin ?? "/",
          description: "This deployment, production or staging or local, whichever the document came from",
          "x-internal": false,
        },
      ],
      security: [{ key: [] }],
      tags: names.map((name) => ({ name, ...(TAGS[name] === undefined ? {} : { description: TAGS[name] }) })),
      paths,
      components: {
        schemas: { Problem: PROBLEM_SCHEMA },
        parameters: PARAMETERS,
        headers: HEADERS,
        responses: PROBLEMS_BY_STATUS,
        securitySchemes: SECURITY_SCHEMES,
      },
    },
    { override: openAnswers },
  );
  return bounded(withoutUnused(document)) as JsonObject;
}

/** Components that nothing points at say nothing. Answers plain JSON: the library's own types are wider. */
function withoutUnused(document: ReturnType<typeof createDocument>): JsonObject {
  const { components = {}, ...rest } = document;
  const { securitySchemes, ...referable } = components;
  const reached = new Set<string>();
  const reach = (part: unknown): void => {
    const refs = [...(JSON.stringify(part) ?? "").matchAll(/"\$ref":"#\/components\/([A-Za-z]+)\/([^"]+)"/g)];
    for (const [ref, kind = "", name = ""] of refs) {
      if (reached.has(ref)) continue;
      reached.add(ref);
      reach((referable as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[kind]?.[name]);
    }
  };
  reach(rest);
  const kept = Object.entries(referable).map(([kind, named]) => {
    const used = Object.entries(named as object).filter(([name]) =>
      reached.has(`"$ref":"#/components/${kind}/${name}"`),
    );
    return [kind, Object.fromEntries(used)] as const;
  });
  return JSON.parse(
    JSON.stringify({ ...rest, components: { ...Object.fromEntries(kept), securitySchemes } }),
  ) as JsonObject;
}
