// What may happen to an API key: given, when, then.
import { expect, test } from "vitest";
import { evolveKey, type KeyState, NO_KEY } from "../../src/contexts/tenancy/domain/key.ts";
import { allows, decideKey, type KeyCommand } from "../../src/contexts/tenancy/domain/key-decisions.ts";
import { instant } from "../../src/kernel/clock.ts";
import type { KeyId } from "../../src/kernel/id.ts";
import type { Actor, ScopeName } from "../../src/kernel/scope.ts";

const NOW = instant(Date.parse("2026-11-22T10:00:00.000Z"));
const ROOT: Actor = { type: "root" };
const keyWith = (...scopes: ScopeName[]): Actor => ({ type: "key", id: "k" as KeyId, scopes: new Set(scopes) });
const create = (over: Partial<Extract<KeyCommand, { type: "CreateKey" }>> = {}): KeyCommand => ({
  type: "CreateKey",
  name: "website",
  scopes: ["content:read"],
  hash: "aa",
  expiresAt: null,
  ...over,
});
const live: KeyState = {
  is: "live",
  name: "website",
  scopes: ["content:read", "content:publish"],
  hash: "aa",
  previous: null,
  previousUntil: null,
  expiresAt: null,
};
const rotate = (overlapSeconds: number): KeyCommand => ({ type: "RotateKey", id: "k1", hash: "bb", overlapSeconds });

function codeOf(command: KeyCommand, state: KeyState, actor: Actor): string {
  const decided = decideKey(command, state, actor, NOW);
  return decided.ok ? "ok" : decided.fault.code;
}

test("root may grant anything; a key only what it holds", () => {
  const wanted = create({ scopes: ["content:read", "types:write"] });
  expect(codeOf(wanted, NO_KEY, ROOT)).toBe("ok");
  expect(codeOf(wanted, NO_KEY, keyWith("keys:write", "content:read", "types:write"))).toBe("ok");
  expect(codeOf(wanted, NO_KEY, keyWith("keys:write", "content:read"))).toBe("scope-exceeded");
  expect(codeOf(wanted, NO_KEY, { type: "anonymous" })).toBe("scope-exceeded");
});

test("writing content includes previewing it, and nothing else includes anything", () => {
  expect(codeOf(create({ scopes: ["content:preview"] }), NO_KEY, keyWith("keys:write", "content:write"))).toBe("ok");
  expect(allows(new Set<ScopeName>(["content:write"]), "content:preview")).toBe(true);
  expect(allows(new Set<ScopeName>(["content:preview"]), "content:write")).toBe(false);
  expect(allows(new Set<ScopeName>(["content:write"]), "content:read")).toBe(false);
  expect(allows(new Set<ScopeName>(["content:write"]), "content:publish")).toBe(false);
});

test("scopes are kept once each and in one order", () => {
  const decided = decideKey(create({ scopes: ["types:write", "content:read", "types:write"] }), NO_KEY, ROOT, NOW);
  expect(decided).toMatchObject({
    ok: true,
    value: [{ type: "KeyCreated", data: { scopes: ["content:read", "types:write"] } }],
  });
});

test.each([
  ["no name", create({ name: "" })],
  ["a long name", create({ name: "x".repeat(201) })],
  ["U+0000 in the name", create({ name: "a\0" })],
  ["half a surrogate pair in the name", create({ name: "a\ud800" })],
  ["no scope", create({ scopes: [] })],
  ["a past expiry", create({ expiresAt: "2026-11-22T10:00:00.000Z" })],
  ["an expiry beyond what can be kept", create({ expiresAt: "9999-12-31T23:59:59-12:00" })],
  ["an expiry that is no time", create({ expiresAt: "soon" })],
])("a key with %s is refused", (_, command) => {
  expect(codeOf(command, NO_KEY, ROOT)).toBe("invalid-value");
});

test("an expiry is kept in UTC", () => {
  const decided = decideKey(create({ expiresAt: "2026-11-22T12:30:00+02:00" }), NO_KEY, ROOT, NOW);
  expect(decided).toMatchObject({ ok: true, value: [{ data: { expiresAt: "2026-11-22T10:30:00.000Z" } }] });
});

test("rotation keeps the secret before for the overlap, and without one drops it at once", () => {
  const after = (overlap: number): KeyState => {
    const decided = decideKey(rotate(overlap), live, ROOT, NOW);
    if (!decided.ok) throw new Error(decided.fault.detail);
    return decided.value.reduce(evolveKey, live);
  };
  expect(after(60)).toMatchObject({
    is: "live",
    hash: "bb",
    previous: "aa",
    previousUntil: "2026-11-22T10:01:00.000Z",
  });
  expect(after(0)).toMatchObject({ is: "live", hash: "bb", previous: null, previousUntil: null });
});

test("rotating is granting: a key cannot get at scopes beyond its own that way", () => {
  expect(codeOf(rotate(0), live, keyWith("keys:write", "content:read"))).toBe("scope-exceeded");
  expect(codeOf(rotate(0), live, keyWith("keys:write", "content:read", "content:publish"))).toBe("ok");
});

test("an expired key cannot be rotated, and can be revoked", () => {
  const expired: KeyState = { ...live, expiresAt: "2026-11-22T10:00:00.000Z" };
  expect(codeOf(rotate(0), expired, ROOT)).toBe("key-expired");
  expect(codeOf({ type: "RevokeKey", id: "k1" }, expired, ROOT)).toBe("ok");
});

test("a revoked key is gone", () => {
  const revoked = evolveKey(live, { type: "KeyRevoked", data: {} });
  expect(revoked).toMatchObject({ is: "revoked", previous: null });
  for (const state of [revoked, NO_KEY]) {
    expect(codeOf({ type: "RevokeKey", id: "k1" }, state, ROOT)).toBe("key-missing");
    expect(codeOf(rotate(0), state, ROOT)).toBe("key-missing");
  }
});
