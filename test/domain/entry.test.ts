// Given what happened to an entry, when something is asked of it, then this happens or is refused.
import { describe, expect, test } from "vitest";
import { type Entry, type EntryEvent, evolve, NO_ENTRY, statusOf } from "../../src/contexts/authoring/domain/entry.ts";
import { decide, type EntryCommand } from "../../src/contexts/authoring/domain/entry-decisions.ts";

const fields = { name: { en: "Paris" }, population: 2_102_650 };
const created: EntryEvent = { type: "EntryCreated", data: { type: "city", slug: "paris", fields } };
const updated = (version: number, more: object = {}): EntryEvent => ({
  type: "EntryUpdated",
  data: { slug: "paris", fields: { ...fields, ...more }, version },
});
const published = (version: number): EntryEvent => ({ type: "EntryPublished", data: { version } });
const unpublished: EntryEvent = { type: "EntryUnpublished", data: {} };
const archived = (withdrew: boolean): EntryEvent => ({ type: "EntryArchived", data: { withdrew } });
const unarchived: EntryEvent = { type: "EntryUnarchived", data: {} };
const deleted: EntryEvent = { type: "EntryDeleted", data: { type: "city" } };

const create = { do: "CreateEntry", id: "p", type: "city", slug: "paris", fields, publish: false } as const;
const replace = { do: "ReplaceEntry", id: "p", type: "city", slug: "paris", fields } as const;
const ask = (verb: "Publish" | "Unpublish" | "Archive" | "Unarchive" | "Delete"): EntryCommand => ({
  do: `${verb}Entry`,
  id: "p",
});

const after = (...events: EntryEvent[]): Entry => events.reduce(evolve, NO_ENTRY);
const given = (...events: EntryEvent[]) => ({
  when: (command: EntryCommand) => {
    const result = decide(command, after(...events));
    return {
      happens: (...expected: EntryEvent[]) => expect(result).toEqual({ ok: true, value: expected }),
      refuses: (code: string, detail?: string) => {
        expect(result).toMatchObject({ ok: false, fault: { code } });
        if (detail !== undefined && !result.ok) expect(result.fault.detail).toBe(detail);
      },
    };
  },
});

describe("creating", () => {
  test("a draft is one event", () => given().when(create).happens(created));
  test("and publishing it at once are two", () =>
    given()
      .when({ ...create, publish: true })
      .happens(created, published(1)));
  test("an id that is there is refused", () =>
    given(created).when(create).refuses("entry-exists", 'Cannot create entry "p": it exists already'));
  test("an id that was deleted goes on counting versions", () =>
    given(created, updated(2), deleted)
      .when({ ...create, publish: true })
      .happens(created, published(3)));
  test("an archived entry is there", () => given(created, archived(false)).when(create).refuses("entry-exists"));
});

describe("replacing", () => {
  test("creates what is not there", () => given().when(replace).happens(created));
  test("what is equal, whatever the order of members, changes nothing", () =>
    given(created)
      .when({ ...replace, fields: { population: 2_102_650, name: { en: "Paris" } } })
      .happens());
  test("a slug that is left out is removed", () =>
    given(created)
      .when({ ...replace, slug: null })
      .happens({ type: "EntryUpdated", data: { slug: null, fields, version: 2 } }));
  test("another type is refused", () =>
    given(created)
      .when({ ...replace, type: "country" })
      .refuses("type-mismatch", 'Cannot replace entry "p" by one of type "country": its type is "city"'));
  test("an archived entry is refused", () =>
    given(created, archived(false))
      .when(replace)
      .refuses("entry-archived", 'Cannot replace entry "p": it is archived'));
});

describe("patching (RFC 7396)", () => {
  const patch = (rest: object): EntryCommand => ({ do: "PatchEntry", id: "p", ...rest });
  test("merges, and null removes", () =>
    given(created)
      .when(patch({ fields: { name: { fr: "Paris", en: null }, population: null } }))
      .happens({ type: "EntryUpdated", data: { slug: "paris", fields: { name: { fr: "Paris" } }, version: 2 } }));
  test("a slug alone", () =>
    given(created)
      .when(patch({ slug: null }))
      .happens({ type: "EntryUpdated", data: { slug: null, fields, version: 2 } }));
  test("nothing changes nothing", () => given(created).when(patch({})).happens());
  test("what is so already changes nothing", () =>
    given(created)
      .when(patch({ slug: "paris", fields: { population: 2_102_650, absent: null } }))
      .happens());
  test("members called __proto__ and constructor are members", () => {
    const result = decide(
      patch({ fields: JSON.parse('{"constructor": 1, "meta": {"__proto__": {"polluted": true}}}') }),
      after(created),
    );
    expect(result.ok && JSON.stringify(result.value[0]?.data)).toContain(
      '"constructor":1,"meta":{"__proto__":{"polluted":true}}',
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
  test("what is not there is refused", () => given().when(patch({})).refuses("entry-missing", 'There is no entry "p"'));
});

describe("publishing", () => {
  test("gives readers the draft", () => given(created, updated(2)).when(ask("Publish")).happens(published(2)));
  test("what is published already changes nothing", () => given(created, published(1)).when(ask("Publish")).happens());
  test("again after a change", () =>
    given(created, published(1), updated(2)).when(ask("Publish")).happens(published(2)));
  test("an archived entry is refused", () =>
    given(created, archived(false)).when(ask("Publish")).refuses("entry-archived"));
  test("taking back what was never published changes nothing", () => given(created).when(ask("Unpublish")).happens());
  test("taking back", () => given(created, published(1), updated(2)).when(ask("Unpublish")).happens(unpublished));
});

describe("archiving", () => {
  test("a draft", () => given(created).when(ask("Archive")).happens(archived(false)));
  test("a published entry withdraws it in the same event", () =>
    given(created, published(1)).when(ask("Archive")).happens(archived(true)));
  test("twice is refused", () => given(created, archived(false)).when(ask("Archive")).refuses("entry-archived"));
  test("and back", () => given(created, archived(true)).when(ask("Unarchive")).happens(unarchived));
  test("what is not archived changes nothing", () => given(created).when(ask("Unarchive")).happens());
});

describe("deleting", () => {
  test("a draft, a published, an archived entry", () => {
    given(created).when(ask("Delete")).happens(deleted);
    given(created, published(1)).when(ask("Delete")).happens(deleted);
    given(created, archived(true)).when(ask("Delete")).happens(deleted);
  });
  test("what is not there, or no longer, is refused", () => {
    given().when(ask("Delete")).refuses("entry-missing");
    given(created, deleted).when(ask("Delete")).refuses("entry-missing");
  });
});

test("status follows from what happened", () => {
  const status = (...events: EntryEvent[]) => {
    const entry = after(...events);
    return entry.is === "present" ? statusOf(entry) : "absent";
  };
  expect(status()).toBe("absent");
  expect(status(created)).toBe("draft");
  expect(status(created, published(1))).toBe("published");
  expect(status(created, published(1), updated(2))).toBe("changed");
  expect(status(created, published(1), unpublished)).toBe("draft");
  expect(status(created, published(1), archived(true))).toBe("archived");
  expect(status(created, published(1), archived(true), unarchived)).toBe("draft");
  expect(status(created, deleted)).toBe("absent");
});
