// Prefer (RFC 7240): what is understood counts, what is not is ignored.
import { expect, test } from "vitest";
import { preferOf } from "../../src/http/conditions.ts";

const prefer = (value: string) => ({ ...preferOf(new Headers({ Prefer: value })) });

test.each<[string, Record<string, string>]>([
  ["count=exact", { count: "exact" }],
  ["tx=rollback, count=estimated", { tx: "rollback", count: "estimated" }],
  ["respond-async", { "respond-async": "" }],
  ['foo; bar, Return="minimal"', { foo: "", return: "minimal" }],
  ['foo="a, \\"b\\""; x="y,z", lenient', { foo: 'a, "b"', lenient: "" }],
  ["count = exact ;x=1", { count: "exact" }],
  ["COUNT=Exact", { count: "Exact" }],
  ["count=exact, count=estimated", { count: "exact" }],
  [", ,count=exact,", { count: "exact" }],
  ["=broken", {}],
  ["", {}],
])("%s", (value, expected) => {
  expect(prefer(value)).toEqual(expected);
});

test("names cannot reach into objects", () => {
  const found = preferOf(new Headers({ Prefer: "__proto__=x, constructor=y" }));
  expect(Object.getPrototypeOf(found)).toBe(null);
  expect(found["constructor"]).toBe("y");
  expect(preferOf(new Headers())["toString"]).toBeUndefined();
});

test("is read in linear time", () => {
  const started = performance.now();
  for (const value of [
    "a,".repeat(30_000),
    `a="${"\\".repeat(60_000)}`,
    'a"'.repeat(30_000),
    `a${" ".repeat(60_000)}"`,
    `a=${'""'.repeat(30_000)}"`,
  ])
    prefer(value);
  expect(performance.now() - started).toBeLessThan(1_000);
});
