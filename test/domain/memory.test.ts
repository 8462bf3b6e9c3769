// What an isolate remembers is bounded, by number and by size.
import { expect, test } from "vitest";
import { memory } from "../../src/platform/edge-cache/memory.ts";

const kept = (cache: { get(key: string): object | undefined }, names: string) =>
  [...names].filter((name) => cache.get(name) !== undefined).join("");

test("by number: what was used longest ago goes first", () => {
  const cache = memory<{ n: number }>(2);
  cache.set("a", { n: 1 });
  cache.set("b", { n: 1 });
  cache.get("a");
  cache.set("c", { n: 1 });
  expect(kept(cache, "abc")).toBe("ac");
});

test("by size: large values push others out, and one that is too large by itself is not remembered", () => {
  const cache = memory<{ n: number }>(100, { most: 10, of: ({ n }) => n });
  for (const name of "abc") cache.set(name, { n: 3 });
  cache.set("d", { n: 4 });
  expect(kept(cache, "abcd")).toBe("bcd");
  cache.set("e", { n: 11 });
  expect(kept(cache, "bcde")).toBe("bcd");
});
