// Sort rows: what slots hold, which terms equality finds, and that composites order as declared.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Comparable,
  comparableOf,
  compareText,
  fitsSlot,
  MISSING_TEXT,
  textSlotOf,
  timeOf,
} from "../../src/contexts/delivery/comparable.ts";
import { above, encodeKey, hexOf } from "../../src/contexts/delivery/composite.ts";
import { sortRowOf, termOf } from "../../src/contexts/delivery/delivery.ts";
import type { TypeShape } from "../../src/contexts/delivery/type-shape.ts";
import { citySearch as city } from "../support/delivery-shapes.ts";

describe("slots", () => {
  test("hold numbers, booleans as 0 and 1, times in milliseconds, text and references", () => {
    const row = sortRowOf(city, {
      name: { en: "Paris", fr: "Paris" },
      population: 2_103_000,
      capital: true,
      founded: "0250-01-01T00:00:00Z",
      country: "fr",
      tags: ["river", "river", "capital"],
    });
    expect(row).toEqual({
      n1: 2_103_000,
      n2: 1,
      n3: Date.parse("0250-01-01T00:00:00Z"),
      t1: "Paris",
      t2: "Paris",
      t3: "fr",
      k1: expect.stringMatching(/^\\x01667200013ebff493f/),
      tokens: [
        termOf("name", "en", "Paris"),
        termOf("name", "fr", "Paris"),
        termOf("population", "", 2_103_000),
        termOf("capital", "", true),
        termOf("founded", "", Date.parse("0250-01-01T00:00:00Z")),
        termOf("country", "", "fr"),
        "4:tags0:p:",
        termOf("tags", "", "river"),
        termOf("tags", "", "capital"),
      ],
    });
  });

  test("a locale without a value has the default locale's, in slots and in terms", () => {
    const row = sortRowOf(city, { name: { en: "Vienna" } });
    expect(row).toMatchObject({ t1: "Vienna", t2: "Vienna" });
    expect(row.tokens).toEqual([termOf("name", "en", "Vienna"), termOf("name", "fr", "Vienna")]);
  });

  test("what is missing, null or of a kind that an older schema allowed sorts last", () => {
    const row = sortRowOf(city, { name: { fr: null }, population: "many", founded: "yesterday", capital: null });
    expect(row).toEqual({
      n1: "Infinity",
      n2: "Infinity",
      n3: "Infinity",
      t1: MISSING_TEXT,
      t2: MISSING_TEXT,
      t3: MISSING_TEXT,
      k1: "\\xffff",
      tokens: [],
    });
  });

  test("members called like members of every object are members like any other", () => {
    const shape: TypeShape = {
      ...city,
      composites: [],
      fields: [
        {
          name: "constructor",
          kind: "text",
          array: false,
          localized: true,
          indexed: true,
          searchable: false,
          slots: { en: "t1", fr: "t2" },
        },
      ],
    };
    expect(sortRowOf(shape, {})).toEqual({ t1: MISSING_TEXT, t2: MISSING_TEXT, tokens: [] });
    expect(sortRowOf(shape, { constructor: { en: "x" } } as never)).toMatchObject({ t1: "x", t2: "x" });
  });

  test("text is cut after 256 code points, never inside one, and stays below the missing mark", () => {
    expect(textSlotOf("😀".repeat(300))).toBe("😀".repeat(256));
    expect(textSlotOf(`a${"😀".repeat(300)}`)).toBe(`a${"😀".repeat(255)}`);
    expect(compareText(textSlotOf(`${MISSING_TEXT}x`), MISSING_TEXT)).toBeLessThan(0);
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 600 }),
        (text) => Array.from(textSlotOf(text)).length === Math.min(256, Array.from(text).length),
      ),
    );
  });

  test("a text that fits is told apart from every other by its slot", () => {
    expect(fitsSlot("a".repeat(255))).toBe(true);
    expect(fitsSlot("a".repeat(256))).toBe(false);
    expect(fitsSlot("😀".repeat(255))).toBe(true);
    expect(fitsSlot("😀".repeat(256))).toBe(false);
    expect(fitsSlot(MISSING_TEXT)).toBe(false);
  });
});

describe("terms", () => {
  test("are injective over field, locale and value", () => {
    const part = fc.tuple(
      fc.constantFrom("a", "ab", "a1", "1"),
      fc.constantFrom("", "e", "en", "1:"),
      fc.oneof(fc.constantFrom<Comparable>("1", 1, true, "true", ":s:", ""), fc.string()),
    );
    fc.assert(
      fc.property(
        part,
        part,
        (left, right) => (termOf(...left) === termOf(...right)) === (JSON.stringify(left) === JSON.stringify(right)),
      ),
    );
  });

  test("equal numbers and equal instants are equal terms", () => {
    expect(termOf("n", "", -0)).toBe(termOf("n", "", 0));
    expect(comparableOf("time", "2024-05-01T10:00:00+02:00")).toBe(comparableOf("time", "2024-05-01T08:00:00.000Z"));
  });
});

describe("times", () => {
  test.each(["2024-02-31", "2024-13-01", "2024-01-01T25:00:00Z", "2024-01-01T00:00:00", "now", ""])(
    "%j is none",
    (text) => {
      expect(timeOf(text)).toBeUndefined();
    },
  );
  test("a date is its midnight in UTC; fractions are cut to milliseconds", () => {
    expect(timeOf("2024-02-29")).toBe(Date.UTC(2024, 1, 29));
    expect(timeOf("2024-02-29T00:00:00.1239z")).toBe(Date.UTC(2024, 1, 29, 0, 0, 0, 123));
  });
});

describe("order", () => {
  const storable = fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !text.includes("\0"));

  test("text compares by code point, as UTF-8 bytes do", () => {
    fc.assert(
      fc.property(
        storable,
        storable,
        (left, right) =>
          Math.sign(compareText(left, right)) === Math.sign(Buffer.compare(Buffer.from(left), Buffer.from(right))),
      ),
    );
    expect(compareText("\u{1F600}", "\uFFFD")).toBeGreaterThan(0);
  });

  test("the bytes of a composite order as its keys are declared, missing last both ways", () => {
    const value = fc.option(
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -3, max: 3 })),
      { nil: undefined },
    );
    const text = fc.option(fc.oneof(storable, fc.constantFrom("a", "ab", "b")), { nil: undefined });
    const tuple = fc.tuple(text, value, text, value);
    const directions = fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean());
    fc.assert(
      fc.property(tuple, tuple, directions, (left, right, descending) => {
        const bytes = (values: typeof left) =>
          Buffer.concat(values.map((each, at) => encodeKey(each, descending[at] === true, 128)));
        const declared = left.reduce<number>(
          (sign, each, at) => sign || compare(each, right[at], descending[at] === true),
          0,
        );
        return Math.sign(Buffer.compare(bytes(left), bytes(right))) === Math.sign(declared);
      }),
      { numRuns: 1000 },
    );
  });

  test("what starts with a prefix lies between it and the bytes after it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (prefix, rest) => {
        const end = above(prefix);
        const whole = Buffer.concat([prefix, rest]);
        return Buffer.compare(whole, prefix) >= 0 && (end === undefined || Buffer.compare(whole, end) < 0);
      }),
    );
    expect(above(Uint8Array.of(1, 0xff))).toEqual(Uint8Array.of(2));
    expect(above(Uint8Array.of(0xff))).toBeUndefined();
    expect(hexOf([Uint8Array.of(1, 255), Uint8Array.of(10)])).toBe("\\x01ff0a");
  });

  test("an entry of a B-tree holds the longest composite", () => {
    for (const keys of [1, 2, 3, 4, 6]) {
      const limit = Math.min(256, Math.floor(512 / keys));
      expect(keys * encodeKey("😀".repeat(400), false, limit).length).toBeLessThan(2_400);
    }
  });
});

function compare(left: Comparable | undefined, right: Comparable | undefined, descending: boolean): number {
  if (left === undefined || right === undefined) return Number(left === undefined) - Number(right === undefined);
  const order =
    typeof left === "string"
      ? compareText(textSlotOf(left), textSlotOf(String(right)))
      : Number(left) - Number(right) || 0;
  return descending ? -order : order;
}
