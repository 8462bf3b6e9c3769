// Patterns run in time linear in the text, and mean what ECMA-262 says they mean.
import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePattern, measurePattern } from "../../src/adapters/json-schema/pattern.ts";

test("agrees with the platform's engine wherever both are used", () => {
  const atom = fc.constantFrom(
    "a",
    "b",
    ".",
    "[ab]",
    "[^a]",
    "\\d",
    "\\w",
    "\\.",
    "(?:ab)",
    "(a|b)",
    "é",
    "\\u0061",
    "\\p{Lu}",
    "\\b",
  );
  const many = fc.constantFrom("", "", "?", "*", "+", "{2}", "{0,2}", "*?");
  const source = fc.array(fc.tuple(atom, many), { minLength: 1, maxLength: 5 }).chain((parts) => {
    const body = parts.map(([one, times]) => (one === "\\b" ? one : one + times)).join("");
    return fc.constantFrom(body, `^${body}`, `${body}$`, `^${body}$`, `x|${body}`);
  });
  const text = fc.string({ unit: fc.constantFrom("a", "b", "A", "É", "é", "1", ".", "😀", " "), maxLength: 8 });
  fc.assert(
    fc.property(source, text, (pattern, value) => {
      expect(measurePattern(pattern).why).toBeUndefined();
      expect(compilePattern(pattern).test(value), `${pattern} on ${value}`).toBe(new RegExp(pattern, "u").test(value));
    }),
    { numRuns: 2_000 },
  );
});

test.each(["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*)*x$", "^([a-zA-Z]+)*$"])("%s cannot be made to hang", (pattern) => {
  const start = performance.now();
  compilePattern(pattern).test(`${"a".repeat(100_000)}!`);
  expect(performance.now() - start).toBeLessThan(1_000);
});

test("what cannot be linear is refused, never run", () => {
  for (const pattern of ["(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", "(a)\\1", "(?<x>a)\\k<x>"])
    expect(measurePattern(pattern).why, pattern).toBeDefined();
  expect(measurePattern("\\(?=").why).toBeUndefined();
  expect(measurePattern("\\\\1").why).toBeUndefined();
});
