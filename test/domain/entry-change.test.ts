// What a decision about an entry writes and relies on, down to tags, references and counts; and how requests are judged before it.
import { describe, expect, test } from "vitest";
import { schemaEngine } from "../../src/adapters/json-schema/schema-engine.ts";
import { type AuthoringData, changeEntry } from "../../src/contexts/authoring/change-entry.ts";
import type { ContentType } from "../../src/contexts/authoring/content-type.ts";
import { type Entry, type EntryEvent, evolve, NO_ENTRY } from "../../src/contexts/authoring/domain/entry.ts";
import { createEntry, deleteEntry, patchEntry, publishEntry } from "../../src/contexts/authoring/entries.ts";
import { changeOf } from "../../src/contexts/authoring/entry-change.ts";
import { entryId } from "../../src/contexts/authoring/entry-id.ts";
import { shapeOf } from "../../src/contexts/authoring/shape-of.ts";
import { sortRowOf } from "../../src/contexts/delivery/delivery.ts";
import { instant } from "../../src/kernel/clock.ts";
import { fault } from "../../src/kernel/fault.ts";
import { type KeyId, spaceUid } from "../../src/kernel/id.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";
import { ok, type Result, refuse } from "../../src/kernel/result.ts";
import { SCOPE_NAMES, type Scope, type ScopeName } from "../../src/kernel/scope.ts";
import type { Row } from "../../src/platform/database/database.ts";
import type { Change, Outcome } from "../../src/platform/event-log/commit.ts";
import type { Writer, Written } from "../../src/platform/event-log/writer.ts";

const settings = { locales: ["en", "fr"], defaultLocale: "en" };
const schema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", "x-localized": true, "x-indexed": true },
    country: { type: "string", "x-reference": "country" },
    near: { type: "array", items: { type: "string", "x-reference": "city" } },
  },
} as unknown as JsonObject;
const made = shapeOf("city", { name: "City", schema }, settings, 1, undefined);
if (!made.ok) throw new Error("the type is fine");
const shape = made.value;
const city = (requireIfMatch = false): ContentType => ({
  type: "city",
  revision: 1,
  position: position(1),
  document: { name: "City", schema, requireIfMatch },
  shape,
  createdAt: "",
  updatedAt: "",
});

const fields: JsonObject = { name: { en: "Paris" }, country: "fr", near: ["lyon", "lyon", "paris"] };
const created: EntryEvent = { type: "EntryCreated", data: { type: "city", slug: "p", fields } };
const published: EntryEvent = { type: "EntryPublished", data: { version: 1 } };
const given = (...events: EntryEvent[]): Entry => events.reduce(evolve, NO_ENTRY);
const change = (before: Entry, events: EntryEvent[], force = false): Change => {
  const result = changeOf({ id: "paris", before, events, shape, actor: "key:k", force });
  if (!result.ok) throw new Error(result.fault.detail);
  return result.value;
};

describe("the commit of", () => {
  test("a draft that is created and published", () => {
    const refs = [
      { path: "/country", target: "fr", type: "country" },
      { path: "/near/0", target: "lyon", type: "city" },
      { path: "/near/1", target: "lyon", type: "city" },
      { path: "/near/2", target: "paris", type: "city" },
    ];
    expect(change(NO_ENTRY, [created, published])).toEqual({
      streams: [{ i: 0, id: "entry:paris", x: 0, n: 2 }],
      events: [
        { n: 1, stream: "entry:paris", version: 1, type: "EntryCreated", schema: 1, data: created.data, tags: [] },
        {
          n: 2,
          stream: "entry:paris",
          version: 2,
          type: "EntryPublished",
          schema: 1,
          data: { version: 1 },
          tags: ["entry:paris", "type:city", "type:*", "name:city/paris", "name:city/p"],
        },
      ],
      entries: [
        {
          id: "paris",
          type: "city",
          change: "changed",
          n: 2,
          actor: "key:k",
          status: "published",
          version: 1,
          publishedVersion: 1,
          revision: 2,
          fresh: true,
          draft: { n: 1, slug: "p", fields, ix: sortRowOf(shape, fields), refs },
          publication: { n: 2, to: "current" },
        },
      ],
      names: [{ i: 0, id: "paris", type: "city", slug: "p" }],
      // The entry itself will be there; others are looked for once each.
      needs: [
        { i: 0, id: "fr", path: "/country", type: "country" },
        { i: 0, id: "lyon", path: "/near/0", type: "city" },
      ],
      counts: [{ type: "city", drafts: 1, published: 1 }],
      entriesDelta: 1,
    });
  });

  test("a draft alone: references unchecked, no tags", () => {
    const commit = change(NO_ENTRY, [created]);
    expect(commit.needs).toBeUndefined();
    expect(commit.entries?.[0]?.publication).toBeUndefined();
    expect(commit.counts).toEqual([{ type: "city", drafts: 1, published: 0 }]);
  });

  test("a slug that changes and is published: old and new names are told", () => {
    const before = given(created, published);
    const renamed: EntryEvent = { type: "EntryUpdated", data: { slug: "q", fields, version: 2 } };
    const draft = change(before, [renamed]);
    expect(draft.names).toEqual([{ i: 0, id: "paris", type: "city", slug: "q" }]);
    expect(draft.counts).toBeUndefined();
    expect(draft.events[0]?.tags).toEqual([]);
    const commit = change(evolve(before, renamed), [{ type: "EntryPublished", data: { version: 2 } }]);
    expect(commit.events[0]?.tags).toEqual([
      "entry:paris",
      "type:city",
      "type:*",
      "name:city/paris",
      "name:city/p",
      "name:city/q",
    ]);
    expect(commit.names).toBeUndefined();
    expect(commit.counts).toBeUndefined();
    expect(commit.entries?.[0]?.draft).toBeUndefined();
  });

  test("archiving what is published withdraws it", () => {
    const commit = change(given(created, published), [{ type: "EntryArchived", data: { withdrew: true } }]);
    expect(commit.entries?.[0]).toMatchObject({
      status: "archived",
      publishedVersion: null,
      publication: { n: 1, to: "nothing" },
    });
    expect(commit.events[0]?.tags).toContain("name:city/p");
    expect(commit.counts).toEqual([{ type: "city", drafts: 0, published: -1 }]);
  });

  test("archiving a draft tells nobody", () => {
    const commit = change(given(created), [{ type: "EntryArchived", data: { withdrew: false } }]);
    expect(commit.events[0]?.tags).toEqual([]);
    expect(commit.entries?.[0]?.publication).toBeUndefined();
  });

  test("a deletion remembers the draft's version, and looks for referrers unless forced", () => {
    const commit = change(given(created, published), [{ type: "EntryDeleted", data: { type: "city" } }]);
    expect(commit).toEqual({
      streams: [{ i: 0, id: "entry:paris", x: 2, n: 1, d: 1 }],
      events: [
        {
          n: 1,
          stream: "entry:paris",
          version: 3,
          type: "EntryDeleted",
          schema: 1,
          data: { type: "city" },
          tags: ["entry:paris", "type:city", "type:*", "name:city/paris", "name:city/p"],
        },
      ],
      entries: [{ id: "paris", type: "city", change: "deleted", n: 1, actor: "key:k" }],
      counts: [{ type: "city", drafts: -1, published: -1 }],
      entriesDelta: -1,
      unreferenced: [{ i: 0, id: "paris" }],
    });
    expect(change(given(created), [{ type: "EntryDeleted", data: { type: "city" } }], true)).toMatchObject({
      counts: [{ published: 0 }],
    });
    expect(
      change(given(created), [{ type: "EntryDeleted", data: { type: "city" } }], true).unreferenced,
    ).toBeUndefined();
    expect(change(given(created), [{ type: "EntryDeleted", data: { type: "city" } }]).events[0]?.tags).toEqual([]);
    const once = { id: "paris", before: given(created), shape, actor: "key:k", force: false, told: true };
    const result = changeOf({ ...once, events: [{ type: "EntryDeleted", data: { type: "city" } }] });
    expect(result.ok && result.value.events[0]?.tags, "readers knew it once: followers are told").toEqual([
      "entry:paris",
      "type:city",
      "type:*",
      "name:city/paris",
    ]);
  });

  test("an entry that refers to itself as another type is refused when published", () => {
    const odd: EntryEvent = { type: "EntryCreated", data: { type: "city", slug: null, fields: { country: "paris" } } };
    expect(
      changeOf({ id: "paris", before: NO_ENTRY, events: [odd, published], shape, actor: "a", force: false }),
    ).toMatchObject({
      ok: false,
      fault: { code: "reference-missing", errors: [{ pointer: "/fields/country" }] },
    });
    expect(changeOf({ id: "paris", before: NO_ENTRY, events: [odd], shape, actor: "a", force: false }).ok).toBe(true);
  });
});

describe("a request", () => {
  const row = (more: object = {}): Row => ({
    stream_version: 2,
    draft_version: 0,
    type: "city",
    slug: "p",
    status: "published",
    fields,
    version: 1,
    published_version: 1,
    published_slug: "p",
    created_at: "c",
    updated_at: "u",
    published_at: "p",
    created_by: "a",
    updated_by: "b",
    ...more,
  });
  const draft = row({ status: "draft", published_version: null, published_slug: null, published_at: null });
  const nothing: Row = { stream_version: 4, draft_version: 3, type: null };

  function scopeOf(
    rows: readonly Row[],
    scopes: readonly ScopeName[] = SCOPE_NAMES,
    type = city(),
    refusals: string[] = [],
  ) {
    const commits: { change: Change; outcome: Outcome }[] = [];
    let loads = 0;
    const render = (outcome: Outcome): Written["rendered"] => ({
      status: 200,
      headers: {},
      body: JSON.stringify(outcome.view ?? null),
    });
    const space = { id: "atlas", uid: spaceUid(7), epoch: 3, residency: "us" };
    const writer: Writer = {
      space,
      marks: { at: "@at", position: "@position", secret: "@secret" },
      load: async () =>
        ok({ rows: [[rows[Math.min(loads++, rows.length - 1)] as Row]], position: position(9), source: "us-primary" }),
      commit: async (asked, outcome): Promise<Result<Written>> => {
        const refusal = refusals.shift();
        if (refusal !== undefined) return refuse(fault("conflict", refusal, refusal));
        commits.push({ change: asked, outcome });
        return ok({ rendered: render(outcome), position: position(10), replayed: false, unchanged: false });
      },
      aside: () => Promise.reject(new Error("nothing here is written aside")),
      unchanged: (outcome, at) => ({ rendered: render(outcome), position: at, replayed: false, unchanged: true }),
    };
    const scope: Scope<AuthoringData> = {
      space,
      actor: { type: "key", id: "k" as KeyId, scopes: new Set(scopes) },
      requestId: "r",
      clock: { now: () => instant(1_700_000_000_000) },
      data: {
        writer,
        settings,
        types: new Map([["city", type]]),
        schemas: schemaEngine(),
        secrets: { random: (n) => new Uint8Array(n) },
      },
    };
    return { scope, commits, loads: () => loads };
  }
  const code = (result: Result<unknown>) => (result.ok ? "ok" : result.fault.code);

  test("sees its own outcome: times are marks, the tag is epoch and revision", async () => {
    const { scope, commits } = scopeOf([nothing]);
    const result = await createEntry(scope, { type: "city", id: "paris", slug: null, fields, publish: true });
    expect(code(result)).toBe("ok");
    expect(commits[0]?.change.streams).toEqual([{ i: 0, id: "entry:paris", x: 4, n: 2 }]);
    expect(commits[0]?.outcome).toEqual({
      view: {
        id: "paris",
        type: "city",
        slug: null,
        status: "published",
        fields,
        version: 4,
        publishedVersion: 4,
        createdAt: "@at",
        updatedAt: "@at",
        publishedAt: "@at",
        createdBy: "key:k",
        updatedBy: "key:k",
      },
      etag: '"3.6"',
      created: true,
      location: "entries/paris",
    });
  });

  test("keeps what it does not change", async () => {
    const { scope, commits } = scopeOf([draft]);
    await publishEntry(scope, { id: "paris", conditions: {} });
    expect(commits[0]?.outcome.view).toMatchObject({
      createdAt: "c",
      updatedAt: "u",
      publishedAt: "@at",
      createdBy: "a",
      updatedBy: "b",
    });
  });

  test("that changes nothing commits nothing and answers the head", async () => {
    const { scope, commits } = scopeOf([row()]);
    const result = await publishEntry(scope, { id: "paris", conditions: {} });
    expect(result).toMatchObject({ ok: true, value: { unchanged: true, position: 9 } });
    expect(commits).toEqual([]);
  });

  test("is judged in the contract's order: 404, 403, 412 and 428, 409, 422", async () => {
    const weak = { ifMatch: ['W/"3.2"'] };
    const none: readonly ScopeName[] = ["content:write"];
    const at = async (rows: Row, scopes: readonly ScopeName[], ask: Parameters<typeof changeEntry>[1], type = city()) =>
      code(await changeEntry(scopeOf([rows], scopes, type).scope, ask));
    const archive = { do: "ArchiveEntry", id: "paris" } as const;
    const bad = { do: "PatchEntry", id: "paris", fields: { name: 5 } } as const;
    expect(await at(nothing, none, { command: archive, conditions: weak })).toBe("entry-missing");
    expect(await at(row(), none, { command: archive, conditions: weak })).toBe("scope-missing");
    expect(await at(draft, none, { command: archive, conditions: {} })).toBe("ok");
    expect(await at(row(), none, { command: { do: "DeleteEntry", id: "paris" }, conditions: {} })).toBe(
      "scope-missing",
    );
    expect(await at(row({ status: "archived" }), SCOPE_NAMES, { command: bad, conditions: weak })).toBe(
      "precondition-failed",
    );
    expect(await at(row({ status: "archived" }), SCOPE_NAMES, { command: bad, conditions: {} }, city(true))).toBe(
      "precondition-required",
    );
    expect(
      await at(
        row({ status: "archived" }),
        SCOPE_NAMES,
        { command: bad, conditions: { ifMatch: ['"3.2"'] } },
        city(true),
      ),
    ).toBe("entry-archived");
    expect(await at(row(), SCOPE_NAMES, { command: bad, conditions: { ifMatch: "*" } })).toBe("schema-violation");
    const replace = { do: "ReplaceEntry", id: "paris", type: "city", slug: null, fields } as const;
    expect(await at(nothing, SCOPE_NAMES, { command: replace, conditions: { ifMatch: "*" } })).toBe(
      "precondition-failed",
    );
    expect(await at(row(), SCOPE_NAMES, { command: replace, conditions: { ifNoneMatch: "*" } })).toBe(
      "precondition-failed",
    );
    expect(await at(nothing, SCOPE_NAMES, { command: replace, conditions: { ifNoneMatch: "*" } }, city(true))).toBe(
      "ok",
    );
    expect(await at(nothing, SCOPE_NAMES, { command: { ...replace, type: "town" }, conditions: {} })).toBe(
      "type-unknown",
    );
    expect(await at(row(), SCOPE_NAMES, { command: { ...replace, type: "town" }, conditions: {} })).toBe(
      "type-mismatch",
    );
  });

  test("that publishes needs the scope, and content that fits the type as it is now", async () => {
    const asked = { type: "city", id: "paris", slug: null, fields, publish: true };
    expect(code(await createEntry(scopeOf([nothing], ["content:write"]).scope, asked))).toBe("scope-missing");
    expect(code(await createEntry(scopeOf([nothing], ["content:write"]).scope, { ...asked, publish: false }))).toBe(
      "ok",
    );
    const stale = { ...draft, fields: { name: 5 } };
    expect(code(await publishEntry(scopeOf([stale]).scope, { id: "paris", conditions: {} }))).toBe("schema-violation");
  });

  test("that loses a race is decided anew: the precondition too", async () => {
    const moved = scopeOf([draft, { ...draft, stream_version: 3 }], SCOPE_NAMES, city(), ["version-conflict"]);
    expect(code(await patchEntry(moved.scope, { id: "paris", slug: "q", conditions: { ifMatch: ['"3.2"'] } }))).toBe(
      "precondition-failed",
    );
    expect(moved.loads()).toBe(2);
    const anyway = scopeOf([draft, { ...draft, stream_version: 3 }], SCOPE_NAMES, city(), ["version-conflict"]);
    expect(code(await patchEntry(anyway.scope, { id: "paris", slug: "q", conditions: {} }))).toBe("ok");
    expect(anyway.commits[0]?.change.streams[0]?.x).toBe(3);
    const never = scopeOf(
      [draft],
      SCOPE_NAMES,
      city(),
      Array.from({ length: 9 }, () => "version-conflict"),
    );
    expect(code(await patchEntry(never.scope, { id: "paris", slug: "q", conditions: {} }))).toBe("conflict");
    expect(never.loads()).toBe(4);
  });

  test("of an entry whose type is not known yet must be asked with fresher knowledge", async () => {
    const { scope } = scopeOf([row({ type: "town" })]);
    expect(code(await deleteEntry(scope, { id: "paris", conditions: {}, force: false }))).toBe("knowledge-outdated");
  });
});

test("made ids are UUIDv7 of the clock's time", () => {
  const id = entryId(instant(0x0190f6c81d3a), new Uint8Array(10).fill(0xff));
  expect(id).toBe("0190f6c8-1d3a-7fff-bfff-ffffffffffff");
  expect(entryId(instant(1), new Uint8Array(10))).toBe("00000000-0001-7000-8000-000000000000");
});
