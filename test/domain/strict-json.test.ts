// Strict JSON: the same as JSON.parse where everybody agrees, and a refusal where readers could differ.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../../src/http/strict-json.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (text: string) => parseJson(bytes(text));

function refusal(input: string | Uint8Array): string {
  const result = parseJson(typeof input === "string" ? bytes(input) : input);
  if (result.ok) throw new Error(`accepted ${JSON.stringify(result.value)}`);
  expect(result.fault).toMatchObject({ kind: "malformed", code: "malformed-json" });
  return result.fault.detail;
}

describe("what JSON.parse accepts without doubt", () => {
  test("comes back the same, however it is laid out", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2, "\t", "\r\n"), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  test("includes members that objects have by nature", () => {
    const result = parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2}');
    if (!result.ok) throw new Error("refused");
    expect(Object.keys(result.value as object)).toEqual(["__proto__", "constructor", "toString"]);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.getPrototypeOf(result.value)).toBe(Object.prototype);
  });

  test("includes lone surrogates and U+0000 in escapes: these are for a rule to judge", () => {
    expect(parse('"\\ud800\\u0000"')).toEqual({ ok: true, value: "\ud800\0" });
  });
});

test("never accepts what JSON.parse refuses, and never throws", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b"',
    "1",
    "-",
    "01",
    "1.",
    "1e5",
    "true",
    "null",
    "nul",
    " ",
    "\n",
    "\u00a0",
    "\u2028",
    "\ufeff",
    "/",
    "//",
    "/**/",
    '"',
    "\\",
    "\v",
    "\f",
    "'",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      const result = parse(text);
      let expected: { value: unknown } | undefined;
      try {
        expected = { value: JSON.parse(text) };
      } catch {
        expected = undefined;
      }
      if (result.ok) expect(expected).toEqual({ value: result.value });
      // What is refused although the grammar allows it says so.
      else if (expected) expect(result.fault.detail).toMatch(/appears twice|too large/);
    }),
    { numRuns: 3000 },
  );
});

test("damaged documents never throw", () => {
  const mutation = fc.record({
    at: fc.nat(),
    with: fc.constantFrom("", "{", '"', "\\", "\u0001", "e", ".", "-", "]", ","),
  });
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), mutation, (value, { at, with: inserted }) => {
      const text = JSON.stringify(value);
      const place = at % (text.length + 1);
      expect(() => parse(text.slice(0, place) + inserted + text.slice(place + 1))).not.toThrow();
    }),
    { numRuns: 2000 },
  );
});

describe("bytes", () => {
  test.each([
    ["a continuation without a beginning", [0x22, 0x80, 0x22], 1],
    ["an overlong form", [0x22, 0xc0, 0xaf, 0x22], 1],
    ["a surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ["beyond U+10FFFF", [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1],
    ["a truncated sequence", [0x22, 0x61, 0xe2, 0x82], 2],
    ["UTF-16", [0xff, 0xfe, 0x31, 0x00], 0],
  ])("refuses %s", (_, sent, at) => {
    expect(refusal(new Uint8Array(sent))).toBe(`Cannot read the body as JSON: byte ${at} is not UTF-8`);
  });

  test("knows a U+FFFD that was sent from one that stands for broken bytes", () => {
    expect(parse('"\ufffd"')).toEqual({ ok: true, value: "\ufffd" });
    expect(refusal(new Uint8Array([0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22]))).toContain("byte 4");
  });

  test("refuses a byte-order mark, and an empty body", () => {
    expect(refusal("\ufeff{}")).toContain("byte-order mark");
    expect(refusal("")).toBe("Cannot read the body as JSON: it is empty");
    expect(refusal(" \n ")).toContain("expected a value");
  });
});

describe("members", () => {
  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '[{"x":{"b":1,"c":2,"b":3}}]',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
    '{"/":1,"\\/":2}',
  ])("refuses a repeated name: %s", (text) => {
    expect(refusal(text)).toContain("appears twice in one object");
  });

  test("allows the same name in different objects", () => {
    expect(parse('{"a":{"a":[{"a":1},{"a":2}]}}').ok).toBe(true);
  });

  test("says where", () => {
    expect(refusal('{\n  "a": 1,\n  "a": 2\n}')).toBe(
      'Cannot read the body as JSON: member "a" appears twice in one object, again at line 3, column 3',
    );
    expect(refusal('{"a":}')).toBe('Cannot read the body as JSON: found "}" at line 1, column 6, expected a value');
    expect(refusal('{"a":1')).toBe(
      "Cannot read the body as JSON: it ends at line 1, column 7, expected a comma or the end",
    );
  });
});

describe("depth", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  test("is at most 32", () => {
    expect(parse(nested(32)).ok).toBe(true);
    expect(refusal(nested(33))).toContain("nested more than 32 deep");
    expect(refusal(`${'{"a":'.repeat(33)}1${"}".repeat(33)}`)).toContain("nested more than 32 deep");
  });

  test("is judged without recursion", () => {
    expect(refusal("[".repeat(1 << 20))).toContain("column 33");
    expect(refusal('{"a":'.repeat(1 << 17))).toContain("nested");
  });
});

describe("numbers", () => {
  test.each(["1e400", "-1e400", `1${"0".repeat(400)}`, "[1.0E+309]"])("refuses one that overflows: %s", (text) => {
    expect(refusal(text)).toContain("is too large for a double");
  });
  test.each(["9007199254740993", "-9007199254740993", "12345678901234567890"])(
    "refuses an integer that would be changed: %s",
    (text) => {
      expect(refusal(text)).toContain("cannot be kept exactly");
    },
  );
  test.each([
    "9007199254740992",
    "100000000000000000000",
    "28054847687199990",
    "0.1",
    "3.141592653589793238",
    "1e308",
    "1e-400",
    "-0",
  ])("accepts %s", (text) => {
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) });
  });
  test.each(["01", "+1", ".5", "1.", "1e", "0x10", "NaN", "Infinity", "-", "1_000"])(
    "refuses what is no number: %s",
    (text) => {
      refusal(text);
    },
  );
});

test("a mebibyte is read in linear time", () => {
  for (const text of [
    `[${"1,".repeat(500_000)}1]`,
    JSON.stringify({ a: "x".repeat(1_000_000) }),
    `"${"\\n".repeat(500_000)}"`,
    " ".repeat(1_000_000),
  ]) {
    const started = performance.now();
    parse(text);
    expect(performance.now() - started).toBeLessThan(2_000);
  }
});
