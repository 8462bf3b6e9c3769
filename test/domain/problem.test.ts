// Faults and outages as RFC 9457 tells them; the catalogue knows every code that is used.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { outage, problemOf, problemType, statusOf } from "../../src/http/problem.ts";
import { PROBLEMS } from "../../src/http/problems.ts";
import { seconds } from "../../src/kernel/clock.ts";
import { type FaultKind, fault } from "../../src/kernel/fault.ts";
import { position } from "../../src/kernel/position.ts";
import { DatabaseError, DatabaseUnavailable } from "../../src/platform/database/outage.ts";
import { Outage } from "../../src/platform/resilience/outage.ts";

const body = async (response: Response) => (await response.json()) as Record<string, unknown>;

test("a fault is told with its code, its words and the request's id", async () => {
  const errors = [{ pointer: "/fields/title/en", code: "schema-violation", detail: "too long" }];
  const response = problemOf(
    fault("invalid", "schema-violation", 'Cannot save entry "paris"', { errors, position: position(7) }),
    "req-1",
  );
  expect(response.status).toBe(422);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "request-id": "req-1",
    "x-content-type-options": "nosniff",
    "meridian-position": "7",
  });
  expect(await body(response)).toEqual({
    type: "/problems/schema-violation",
    title: "Fields break the content type's schema",
    status: 422,
    detail: 'Cannot save entry "paris"',
    code: "schema-violation",
    requestId: "req-1",
    errors,
  });
});

test.each<[FaultKind, string, number]>([
  ["malformed", "malformed-json", 400],
  ["unauthenticated", "credentials-invalid", 401],
  ["forbidden", "scope-missing", 403],
  ["missing", "entry-missing", 404],
  ["malformed", "method-not-allowed", 405],
  ["malformed", "request-timeout", 408],
  ["conflict", "slug-taken", 409],
  ["gone", "history-restored", 410],
  ["outdated", "precondition-failed", 412],
  ["malformed", "body-too-large", 413],
  ["malformed", "unsupported-media-type", 415],
  ["invalid", "reference-missing", 422],
  ["invalid", "precondition-required", 428],
  ["limited", "rate-limited", 429],
  ["unsupported", "generation-not-configured", 501],
  ["unavailable", "database-unavailable", 503],
  ["unavailable", "dependency-unavailable", 503],
  ["outdated", "knowledge-outdated", 503],
])("%s %s is %i", (kind, code, status) => {
  expect(statusOf({ kind, code })).toBe(status);
  expect(problemOf(fault(kind, code, "x"), "r").status).toBe(status);
});

describe("headers that a status asks for", () => {
  test("401 says how to authenticate, and whether something was tried", () => {
    expect(problemOf(fault("unauthenticated", "credentials-required", "x"), "r").headers.get("WWW-Authenticate")).toBe(
      'Bearer realm="meridian"',
    );
    expect(problemOf(fault("unauthenticated", "credentials-invalid", "x"), "r").headers.get("WWW-Authenticate")).toBe(
      'Bearer realm="meridian", error="invalid_token"',
    );
  });
  test("Retry-After is whole seconds, at least one, and never missing on 503", () => {
    expect(
      problemOf(fault("limited", "rate-limited", "x", { retryAfter: seconds(0.2) }), "r").headers.get("Retry-After"),
    ).toBe("1");
    expect(
      problemOf(fault("conflict", "request-in-progress", "x", { retryAfter: seconds(2) }), "r").headers.get(
        "Retry-After",
      ),
    ).toBe("2");
    expect(problemOf(fault("unavailable", "position-not-reached", "x"), "r").headers.get("Retry-After")).toMatch(
      /^\d+$/,
    );
    expect(problemOf(fault("conflict", "conflict", "x"), "r").headers.has("Retry-After")).toBe(false);
  });
  test("the door adds its own", () => {
    expect(
      problemOf(fault("malformed", "method-not-allowed", "x"), "r", { Allow: "GET, HEAD" }).headers.get("Allow"),
    ).toBe("GET, HEAD");
  });
});

describe("an outage says nothing of its cause", () => {
  test.each([
    [new Error('relation "secret" does not exist'), 500, "internal"],
    ["a thrown string", 500, "internal"],
    [undefined, 500, "internal"],
    [new DatabaseError("42P01", 'relation "secret" does not exist', {}), 500, "internal"],
    [new DatabaseError("53300", "too many connections for 10.0.0.1", {}), 503, "database-unavailable"],
    [new DatabaseError("08006", "connection to 10.0.0.1 lost", {}), 503, "database-unavailable"],
    [new DatabaseUnavailable("connect ECONNREFUSED 10.0.0.1"), 503, "database-unavailable"],
    [new Outage("blobs", "failed", { cause: new Error("secret") }), 503, "dependency-unavailable"],
  ])("%s", async (error, status, code) => {
    const response = outage(error, "r");
    expect(response.status).toBe(status);
    const told = await body(response);
    expect(told).toMatchObject({ code, requestId: "r", status });
    expect(JSON.stringify(told)).not.toMatch(/secret|10\.0|thrown string|stack/);
    expect(response.headers.has("Retry-After")).toBe(status === 503);
  });
});

test("types are our pages, or the registered ones", () => {
  expect(problemType("slug-taken")).toBe("/problems/slug-taken");
  expect(problemType("quota-exceeded")).toBe("https://iana.org/assignments/http-problem-types#quota-exceeded");
  expect(problemType("rate-limited")).toBe(problemType("quota-exceeded"));
  expect(problemType("overloaded")).toBe("https://iana.org/assignments/http-problem-types#temporary-reduced-capacity");
});

describe("the catalogue", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/^(http.problem|jobs.)/.test(file))
    .map((file) => ({ file, text: readFileSync(join("src", file), "utf8") }));
  const made = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/\bfault\(\s*"([a-z]+)",\s*"([a-z-]+)"/g)].map(([, kind, code]) => ({
      file,
      kind,
      code: code ?? "",
    })),
  );
  const listed = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/\bfaults: \[([^\]]*)\]/g)].flatMap(([, list]) =>
      [...(list ?? "").matchAll(/"([a-z-]+)"/g)].map(([, code]) => ({ file, code: code ?? "" })),
    ),
  );

  test("explains every code that a refusal in the source carries, under the same kind", () => {
    expect(made.length).toBeGreaterThan(0);
    expect(made.filter(({ kind, code }) => PROBLEMS[code]?.kind !== kind)).toEqual([]);
  });
  test("explains every code that an operation lists", () => {
    expect(listed.filter(({ code }) => !Object.hasOwn(PROBLEMS, code))).toEqual([]);
  });
  test("has whole sentences", () => {
    for (const [code, { title, means, remedy }] of Object.entries(PROBLEMS)) {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(title).toMatch(/^[A-Z].*[^.]$/);
      expect(means).toMatch(/^[A-Z].*\.$/);
      expect(remedy).toMatch(/^[A-Z].*\.$/);
    }
  });
});
