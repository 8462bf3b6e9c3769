// Which settings a space may have.
import fc from "fast-check";
import { expect, test } from "vitest";
import { evolveSpace, NO_SPACE, type SpaceState } from "../../src/contexts/tenancy/domain/space.ts";
import { decideSpace, type SpaceCommand } from "../../src/contexts/tenancy/domain/space-decisions.ts";
import { checkSettings, mergePatch } from "../../src/contexts/tenancy/domain/space-settings.ts";
import { SPACE_ID } from "../../src/kernel/id.ts";
import type { Json, JsonObject } from "../../src/kernel/json.ts";

const ATLAS: JsonObject = {
  name: "Atlas",
  locales: ["en", "fr"],
  defaultLocale: "en",
  publicRead: true,
  plan: "scale",
  limits: {},
};
const pointersOf = (settings: JsonObject): readonly (string | undefined)[] => {
  const checked = checkSettings(settings);
  return checked.ok ? [] : (checked.fault.errors ?? []).map((error) => error.pointer);
};

test("settings that keep the rules are accepted as they are", () => {
  expect(checkSettings(ATLAS)).toEqual({ ok: true, value: ATLAS });
  const full = { ...ATLAS, limits: { read: { quota: 5, window: 60 } }, clientMaxAge: 0 };
  expect(checkSettings(full)).toEqual({ ok: true, value: full });
});

test.each<[string, JsonObject, string]>([
  ["no name", { name: "" }, "/name"],
  ["a long name", { name: "x".repeat(201) }, "/name"],
  ["U+0000 in the name", { name: "a\0b" }, "/name"],
  ["no locale", { locales: [], defaultLocale: "en" }, "/locales"],
  [
    "21 locales",
    { locales: Array.from({ length: 21 }, (_, n) => `a${String.fromCharCode(97 + n)}`), defaultLocale: "aa" },
    "/locales",
  ],
  ["a locale that is none", { locales: ["en", "English"] }, "/locales/1"],
  ["a locale with a case of its own first", { locales: ["en", "EN"] }, "/locales/1"],
  ["one locale twice", { locales: ["en", "en"] }, "/locales/1"],
  ["one locale in two cases", { locales: ["en", "pt-BR", "pt-br"] }, "/locales/2"],
  ["a default that is no locale of it", { defaultLocale: "de" }, "/defaultLocale"],
  ["a default from the prototype", { defaultLocale: "constructor" }, "/defaultLocale"],
  ["another kind of publicRead", { publicRead: "yes" }, "/publicRead"],
  ["an unknown plan", { plan: "gold" }, "/plan"],
  [
    "a limit for no budget",
    { limits: { write: { quota: 1, window: 1 }, constructor: { quota: 1, window: 1 } } },
    "/limits/constructor",
  ],
  ["a quota of nothing", { limits: { read: { quota: 0, window: 60 } } }, "/limits/read"],
  ["half a limit", { limits: { read: { quota: 10 } } }, "/limits/read"],
  ["a quota that is not whole", { limits: { read: { quota: 1.5, window: 60 } } }, "/limits/read"],
  ["a negative clientMaxAge", { clientMaxAge: -1 }, "/clientMaxAge"],
  ["another kind of edgeOutsideResidency", { edgeOutsideResidency: 0 }, "/edgeOutsideResidency"],
  ["a member that is none", { colour: "red" }, "/colour"],
])("%s is refused and pointed at", (_, wrong, pointer) => {
  expect(pointersOf({ ...ATLAS, ...wrong })).toEqual([pointer]);
});

test("every broken rule is told at once", () => {
  expect(pointersOf({ ...ATLAS, name: "", plan: "gold" })).toEqual(["/name", "/plan"]);
});

test("ids of spaces", () => {
  for (const id of ["ab", "atlas", "a-1", "a".repeat(39)]) expect(SPACE_ID.test(id)).toBe(true);
  for (const id of ["", "a", "A1", "1a", "-a", "a_b", "a.b", "a".repeat(40), "ab\n"])
    expect(SPACE_ID.test(id)).toBe(false);
});

test("a merge patch is RFC 7396", () => {
  // The examples of its appendix A.
  const cases: readonly [Json, Json, Json][] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, merged] of cases) expect(mergePatch(target, patch)).toEqual(merged);
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      (target, patch) =>
        void expect(mergePatch(mergePatch(target as Json, patch as Json), patch as Json)).toEqual(
          mergePatch(target as Json, patch as Json),
        ),
    ),
  );
});

function given(...commands: readonly SpaceCommand[]): SpaceState {
  return commands.reduce<SpaceState>((state, command) => {
    const decided = decideSpace(command, state, "atlas");
    if (!decided.ok) throw new Error(decided.fault.detail);
    return decided.value.reduce(evolveSpace, state);
  }, NO_SPACE);
}
const created: SpaceCommand = { type: "CreateSpace", settings: ATLAS };
const change = (patch: JsonObject, hasTypes = false): SpaceCommand => ({ type: "ChangeSpace", patch, hasTypes });
const codeOf = (command: SpaceCommand, state: SpaceState): string => {
  const decided = decideSpace(command, state, "atlas");
  return decided.ok ? `${decided.value.length} events` : decided.fault.code;
};

test("a change merges, and one that changes nothing is no event, however its members are ordered", () => {
  expect(given(created, change({ name: "World", limits: { write: { quota: 1, window: 60 } } }))).toMatchObject({
    settings: { name: "World", limits: { write: { quota: 1, window: 60 } } },
  });
  const state = given(created, change({ limits: { read: { quota: 5, window: 60 }, write: { quota: 1, window: 60 } } }));
  expect(codeOf(change({}), state)).toBe("0 events");
  expect(codeOf(change({ name: "Atlas", limits: { write: { window: 60 }, read: { quota: 5 } } }), state)).toBe(
    "0 events",
  );
  expect(codeOf(change({ limits: { write: null } }), state)).toBe("1 events");
  const reordered = JSON.parse(
    '{"plan":"scale","name":"Atlas","limits":{},"locales":["en","fr"],"publicRead":true,"defaultLocale":"en"}',
  );
  expect(codeOf(change({}), { is: "active", settings: reordered })).toBe("0 events");
});

test("an optional setting goes away, a needed one does not", () => {
  const state = given(created, change({ clientMaxAge: 60 }));
  expect(state).toMatchObject({ settings: { clientMaxAge: 60 } });
  expect(codeOf(change({ clientMaxAge: null }), state)).toBe("1 events");
  expect(codeOf(change({ name: null }), state)).toBe("invalid-value");
});

test("locales change only while there is no content type", () => {
  const state = given(created);
  expect(codeOf(change({ locales: ["en"] }), state)).toBe("1 events");
  expect(codeOf(change({ locales: ["en"] }, true), state)).toBe("locales-in-use");
  expect(codeOf(change({ defaultLocale: "fr" }, true), state)).toBe("locales-in-use");
  expect(codeOf(change({ locales: ["en", "fr"], defaultLocale: "en", name: "World" }, true), state)).toBe("1 events");
  expect(codeOf(change({ locales: ["fr"] }), state)).toBe("invalid-value");
});

test("a deleted space is gone for every command", () => {
  const state = given(created, { type: "DeleteSpace" });
  expect(state.is).toBe("deleted");
  expect(codeOf({ type: "DeleteSpace" }, state)).toBe("space-missing");
  expect(codeOf(change({ name: "x" }), state)).toBe("space-missing");
  expect(codeOf(created, state)).toBe("space-exists");
});
