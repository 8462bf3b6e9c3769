// The OpenAPI document and the table of routes say the same, in both directions, and the document says it consistently.
import { describe, expect, test } from "vitest";
import type * as z from "zod";
import type { Services } from "../../src/http/call.ts";
import { isOpen } from "../../src/http/cors.ts";
import { buildApp } from "../../src/http/http.ts";
import { openapiOf } from "../../src/http/openapi.ts";
import { HEADERS } from "../../src/http/openapi-parts.ts";
import { statusOf } from "../../src/http/problem.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import type { Route } from "../../src/http/route.ts";
import { ROUTES } from "../../src/http/routes.ts";
import { isObject, type Json, type JsonObject } from "../../src/kernel/json.ts";
import { FIXTURE_ROUTES } from "../support/fixture-routes.ts";

const TABLES: readonly (readonly [string, readonly Route[]])[] = [
  ["a table with one route of each kind", FIXTURE_ROUTES],
  ["the table", ROUTES],
];

describe.each(TABLES)("%s", (_, routes) => {
  const document = openapiOf(routes, { version: "1.2.3" });
  const operations = operationsOf(document);
  const documented = new Map(operations.map((operation) => [`${operation.method} ${operation.path}`, operation.doc]));
  const docOf = (route: Route): JsonObject => {
    const doc = documented.get(`${route.method} ${route.path.replaceAll(/:(\w+)/g, "{$1}")}`);
    if (doc === undefined) throw new Error(`${route.method} ${route.path} is not documented`);
    return doc;
  };

  test("every route is documented, and every documented operation is in the table", () => {
    const inTable = routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect([...documented.keys()].sort()).toEqual([...inTable].sort());
    expect(new Set(inTable).size).toBe(inTable.length);
    for (const route of routes) expect(docOf(route)["operationId"]).toBe(route.operation.id);
  });

  test("every documented operation is mounted, and nothing else is", () => {
    const app = buildApp(routes, {} as Services);
    const mounted = app.routes
      .filter(({ method }) => method !== "ALL")
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
    expect([...new Set(mounted)].sort()).toEqual([...documented.keys()].sort());
  });

  test("operation ids are unique and in camel case; tags are described", () => {
    const ids = operations.map(({ doc }) => String(doc["operationId"]));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z]+([A-Z][a-z0-9]*)*$/);
    expect((document["tags"] as readonly JsonObject[]).filter(({ description }) => description === undefined)).toEqual(
      [],
    );
  });

  test("every reference leads somewhere", () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(([, pointer]) => pointer ?? "");
    expect(refs.length).toBeGreaterThan(0);
    for (const pointer of new Set(refs)) expect(at(document, pointer), pointer).toBeDefined();
  });

  test("only what is for anybody goes without credentials", () => {
    for (const route of routes) {
      const security = docOf(route)["security"] as readonly JsonObject[];
      expect(security.length === 0, route.path).toBe(route.who.kind === "anyone");
      expect(
        security.some((each) => Object.keys(each).length === 0),
        route.path,
      ).toBe(route.who.kind === "reader");
    }
  });

  test("content reads, and only they, are open to every page", () => {
    for (const route of routes) {
      const origins = (route.operation.answers ?? []).map(({ status }) =>
        at(docOf(route), `/responses/${status}/headers/Access-Control-Expose-Headers`),
      );
      for (const origin of origins) expect(origin !== undefined, route.path).toBe(isOpen(route));
    }
  });

  test("what is charged to a budget says so; all can be refused for one, as credentials that are not valid are charged everywhere", () => {
    for (const route of routes) {
      const doc = docOf(route);
      expect(doc["x-budget"]).toBe(route.budget);
      expect(at(doc, "/responses/429") !== undefined, route.path).toBe(true);
    }
  });

  test("writes take an idempotency key, and reads of a space a position", () => {
    for (const route of routes) {
      const names = ((docOf(route)["parameters"] ?? []) as readonly JsonObject[]).map((parameter) =>
        String(parameter["$ref"] ?? ""),
      );
      const stateful = route.operation.kind !== "plain";
      expect(
        names.some((name) => name.endsWith("/IdempotencyKey")),
        route.path,
      ).toBe(stateful && route.method !== "GET");
      expect(
        names.some((name) => name.endsWith("/MeridianAtLeast")),
        route.path,
      ).toBe(route.operation.kind === "read");
    }
  });

  test("requests are refused for unknown members and parameters; answers may gain some", () => {
    for (const { operation, path } of routes) {
      if (operation.body !== undefined) expect(loose(operation.body.schema), `body of ${path}`).toEqual([]);
      if (operation.query !== undefined && !("documented" in operation.query))
        expect(loose(operation.query), `query of ${path}`).toEqual([]);
    }
    for (const { doc } of operations) {
      const answers = JSON.stringify(resolved(document, doc["responses"] as Json));
      expect(answers).not.toContain('"additionalProperties":false');
    }
  });

  test("operations name only headers and codes that are explained, and their statuses are documented", () => {
    for (const route of routes) {
      const { operation } = route;
      for (const header of operation.answers.flatMap(({ headers }) => headers ?? []))
        expect(HEADERS, operation.id).toHaveProperty(header);
      for (const code of operation.faults ?? []) {
        const problem = PROBLEMS[code];
        if (problem === undefined) throw new Error(`${operation.id} names ${code}, which the catalogue does not have`);
        const status = statusOf({ kind: problem.kind, code });
        expect(at(docOf(route), `/responses/${status}`), `${operation.id}: ${code}`).toBeDefined();
      }
    }
  });

  test("path parameters of the table are those of the operation", () => {
    for (const { operation, path } of routes) {
      const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? "");
      expect(names).toEqual(expect.arrayContaining(Object.keys(operation.params.shape)));
      if (operation.kind !== "plain") continue;
      expect(Object.keys(operation.params.shape)).toEqual(names);
    }
  });
});

test("the origin is told when it is known", () => {
  const serverOf = (origin?: string) =>
    at(openapiOf(FIXTURE_ROUTES, { version: "1", ...(origin === undefined ? {} : { origin }) }), "/servers/0/url");
  expect(serverOf("https://api.example.org")).toBe("https://api.example.org");
  expect(serverOf()).toBe("/");
});

function operationsOf(
  document: JsonObject,
): readonly { readonly method: string; readonly path: string; readonly doc: JsonObject }[] {
  return Object.entries(document["paths"] as JsonObject).flatMap(([path, item]) =>
    Object.entries(item as JsonObject).map(([method, doc]) => ({
      method: method.toUpperCase(),
      path,
      doc: doc as JsonObject,
    })),
  );
}

function at(root: Json, pointer: string): Json | undefined {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<Json | undefined>(
      (value, step) => (Array.isArray(value) ? value[Number(step)] : isObject(value) ? value[step] : undefined),
      root,
    );
}

/** With every reference replaced by what it leads to; a reference inside itself is left. */
function resolved(document: JsonObject, part: Json, inside: readonly string[] = []): Json {
  if (Array.isArray(part)) return part.map((each: Json) => resolved(document, each, inside));
  if (!isObject(part)) return part;
  const ref = part["$ref"];
  if (typeof ref === "string" && !inside.includes(ref))
    return resolved(document, at(document, ref.slice(1)) ?? null, [...inside, ref]);
  return Object.fromEntries(Object.entries(part).map(([name, each]) => [name, resolved(document, each, inside)]));
}

/** Paths of objects in a schema that would let unknown members pass in silence. */
function loose(schema: z.core.$ZodType, path = ""): readonly string[] {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "object": {
      const strict = def.catchall?._zod.def.type === "never";
      const inside = Object.entries(def.shape).flatMap(([name, each]) => loose(each, `${path}/${name}`));
      return strict ? inside : [path === "" ? "/" : path, ...inside];
    }
    case "array":
      return loose(def.element, `${path}/*`);
    case "union":
      return def.options.flatMap((option, i) => loose(option, `${path}|${i}`));
    case "record":
      return loose(def.valueType, `${path}/*`);
    case "optional":
    case "nullable":
    case "default":
    case "readonly":
      return loose(def.innerType, path);
    case "pipe":
      return loose(def.in, path);
    default:
      return [];
  }
}
