// Request headers that change what a request means, and entity tags.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quickHash } from "../../src/adapters/noble-hashes/quick-hash.ts";
import { atLeastOf, conditionsOf, idempotencyKeyOf, isMedia } from "../../src/http/conditions.ts";
import { isMatch, isNotModified, strongTag, weakTag } from "../../src/http/entity-tag.ts";

const headers = (init: Record<string, string>) => new Headers(init);

describe("If-Match and If-None-Match", () => {
  test.each<[string, readonly string[] | "*"]>([
    ["*", "*"],
    ['"a"', ['"a"']],
    ['W/"a"', ['W/"a"']],
    ['"a", W/"b" ,"c"', ['"a"', 'W/"b"', '"c"']],
    ['"a,b"', ['"a,b"']],
    ['""', ['""']],
    [', "a",, "b",', ['"a"', '"b"']],
    ['"é"', ['"é"']],
  ])("reads %s", (value, tags) => {
    expect(conditionsOf(headers({ "If-Match": value }), "write")).toEqual({ ok: true, value: { ifMatch: tags } });
    expect(conditionsOf(headers({ "If-None-Match": value }), "write")).toEqual({
      ok: true,
      value: { ifNoneMatch: tags },
    });
  });

  test.each(["a", '"a', 'w/"a"', '"a" "b"', '*, "a"', "", ",", 'W/ "a"', '"a"b', "'a'"])("refuses %s", (value) => {
    expect(conditionsOf(headers({ "If-Match": value }), "write")).toMatchObject({
      ok: false,
      fault: { kind: "malformed", code: "invalid-header", errors: [{ parameter: "If-Match" }] },
    });
    expect(conditionsOf(headers({ "If-None-Match": value }), "write")).toMatchObject({
      ok: false,
      fault: { errors: [{ parameter: "If-None-Match" }] },
    });
  });

  test("are absent when not sent", () => {
    expect(conditionsOf(headers({}), "write")).toEqual({ ok: true, value: {} });
  });

  test("are read in linear time", () => {
    const started = performance.now();
    conditionsOf(headers({ "If-Match": '"a",'.repeat(20_000) }), "write");
    conditionsOf(headers({ "If-Match": " \t".repeat(30_000) }), "write");
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("entity tags", () => {
  test("If-None-Match compares weakly", () => {
    for (const etag of ['"1"', 'W/"1"']) {
      expect(isNotModified({ ifNoneMatch: ['"1"'] }, etag)).toBe(true);
      expect(isNotModified({ ifNoneMatch: ['"0"', 'W/"1"'] }, etag)).toBe(true);
      expect(isNotModified({ ifNoneMatch: "*" }, etag)).toBe(true);
      expect(isNotModified({ ifNoneMatch: ['"2"'] }, etag)).toBe(false);
      expect(isNotModified({}, etag)).toBe(false);
    }
  });

  test("If-Match compares strongly, and needs something there", () => {
    expect(isMatch(['"1"'], '"1"')).toBe(true);
    expect(isMatch(['W/"1"'], '"1"')).toBe(false);
    expect(isMatch(['W/"1"'], 'W/"1"')).toBe(false);
    expect(isMatch("*", '"1"')).toBe(true);
    expect(isMatch("*", undefined)).toBe(false);
    expect(isMatch(['"1"'], undefined)).toBe(false);
  });

  test("are well-formed, stable, and differ with what they stand for", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), fc.string(), async (a, b) => {
        const [x, y] = [await strongTag(a), await strongTag(b)];
        expect(x).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
        expect(x === y).toBe(a.toWellFormed() === b.toWellFormed());
        expect(await strongTag(new TextEncoder().encode(a))).toBe(x);
        expect(await strongTag(a, quickHash)).toBe(x);
      }),
    );
  });

  test("weak ones do not depend on the order of members", async () => {
    expect(await weakTag({ b: [1, { d: 1, c: 2 }], a: null })).toBe(await weakTag({ a: null, b: [1, { c: 2, d: 1 }] }));
    expect(await weakTag({ a: 1 })).not.toBe(await weakTag({ a: 2 }));
    expect(await weakTag([])).toMatch(/^W\/"[A-Za-z0-9_-]{22}"$/);
  });
});

describe("Idempotency-Key", () => {
  test.each([
    ["abc", "abc"],
    ['"abc"', "abc"],
    ['"a\\"b\\\\c"', 'a"b\\c'],
    ["8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"],
    ["a b", "a b"],
    [`"${"x".repeat(255)}"`, "x".repeat(255)],
    ["x".repeat(255), "x".repeat(255)],
  ])("%s is the key %s", (sent, key) => {
    expect(idempotencyKeyOf(headers({ "Idempotency-Key": sent }))).toEqual({ ok: true, value: key });
  });

  test.each(["", '""', '"abc', '"a"b"', '"a\\x"', "x".repeat(256), `"${"x".repeat(256)}"`, "é", "a\tb", '"a";p=1'])(
    "%s is none",
    (sent) => {
      expect(idempotencyKeyOf(headers({ "Idempotency-Key": sent }))).toMatchObject({
        ok: false,
        fault: { kind: "malformed", code: "idempotency-key-invalid" },
      });
    },
  );

  test("may be absent", () => {
    expect(idempotencyKeyOf(headers({}))).toEqual({ ok: true, value: undefined });
  });
});

describe("Meridian-At-Least", () => {
  test.each([
    ["0", 0],
    ["17", 17],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ])("%s", (sent, n) => {
    expect(atLeastOf(headers({ "Meridian-At-Least": sent }))).toEqual({ ok: true, value: n });
  });
  test.each(["-1", "1.5", "1e3", "9007199254740992", "99999999999999999999", "abc", "", "0x10", "1, 2", "+1"])(
    "refuses %s",
    (sent) => {
      expect(atLeastOf(headers({ "Meridian-At-Least": sent }))).toMatchObject({
        ok: false,
        fault: { kind: "malformed", code: "invalid-header", errors: [{ parameter: "Meridian-At-Least" }] },
      });
    },
  );
});

describe("Content-Type", () => {
  const json = ["application/json"];
  test.each([
    "application/json",
    "Application/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; profile=x",
    "application/json;",
  ])("takes %s", (sent) => {
    expect(isMedia(sent, json)).toBe(true);
  });
  test.each([
    null,
    "",
    "text/plain",
    "application/jsonp",
    "application/json; charset=latin1",
    "application/json; charset=utf-8; charset=utf-16",
    "application/json, text/plain",
    "application/merge-patch+json",
    "json",
    "application/*",
  ])("does not take %s", (sent) => {
    expect(isMedia(sent, json)).toBe(false);
  });
  test("takes any of several", () => {
    expect(isMedia("application/merge-patch+json", ["application/json", "application/merge-patch+json"])).toBe(true);
  });
});
