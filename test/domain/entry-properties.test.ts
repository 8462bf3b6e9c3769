// Whatever is asked of an entry, in whatever order: what always holds.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Entry, type EntryEvent, evolve, NO_ENTRY, statusOf } from "../../src/contexts/authoring/domain/entry.ts";
import { decide, type EntryCommand } from "../../src/contexts/authoring/domain/entry-decisions.ts";
import { replayEntry } from "../../src/contexts/authoring/domain/entry-replay.ts";
import { mergePatch } from "../../src/contexts/authoring/domain/merge-patch.ts";
import { sameJson } from "../../src/contexts/authoring/domain/same-json.ts";
import { instant } from "../../src/kernel/clock.ts";
import type { Json } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";

const value = fc.constantFrom<Json>(1, 2, "a", { deep: [1, null] });
const fields = fc.dictionary(fc.constantFrom("a", "b", "constructor", "toString"), value, { maxKeys: 3 });
const slug = fc.constantFrom(null, "one", "two");
const type = fc.constantFrom("city", "city", "city", "country");
const command: fc.Arbitrary<EntryCommand> = fc.oneof(
  fc.record({
    do: fc.constant("CreateEntry" as const),
    id: fc.constant("e"),
    type,
    slug,
    fields,
    publish: fc.boolean(),
  }),
  fc.record({ do: fc.constant("ReplaceEntry" as const), id: fc.constant("e"), type, slug, fields }),
  fc.record(
    { do: fc.constant("PatchEntry" as const), id: fc.constant("e"), slug, fields },
    { requiredKeys: ["do", "id"] },
  ),
  fc
    .constantFrom("PublishEntry", "UnpublishEntry", "ArchiveEntry", "UnarchiveEntry", "DeleteEntry")
    .map((verb) => ({ do: verb as "PublishEntry", id: "e" })),
);

interface Lived {
  readonly before: Entry;
  readonly command: EntryCommand;
  readonly events: readonly EntryEvent[];
  readonly after: Entry;
}

function live(commands: readonly EntryCommand[]): readonly Lived[] {
  let entry: Entry = NO_ENTRY;
  return commands.map((each) => {
    const before = entry;
    const result = decide(each, before);
    const events = result.ok ? result.value : [];
    entry = events.reduce(evolve, before);
    return { before, command: each, events, after: entry };
  });
}

test("versions count states of the draft, gapless, over deletion too; the revision counts events", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      let states = 0;
      let revision = 0;
      for (const { events, after } of live(commands)) {
        states += events.filter((event) => event.type === "EntryCreated" || event.type === "EntryUpdated").length;
        revision += events.length;
        expect(after.version).toBe(states);
        expect(after.revision).toBe(revision);
      }
    }),
  );
});

test("what is published is a version that was, an archived entry is not published, and refusals change nothing", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      for (const { before, command: asked, events, after } of live(commands)) {
        if (events.length === 0) expect(after).toBe(before);
        if (after.is === "absent") continue;
        if (after.published !== null) expect(after.published.version).toBeLessThanOrEqual(after.version);
        if (after.archived) expect(after.published).toBeNull();
        expect(statusOf(after) === "published").toBe(after.published?.version === after.version);
        if (before.is === "present" && before.archived)
          expect(["UnarchiveEntry", "DeleteEntry"].includes(asked.do) || events.length === 0).toBe(true);
        if (before.is === "present") expect(after.type).toBe(before.type);
      }
    }),
  );
});

test("asking twice in a row is once: the second time nothing happens or it is refused", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 20 }), command, (commands, asked) => {
      const [last] = live([...commands, asked, asked]).slice(-1);
      expect(last?.events).toEqual([]);
    }),
  );
});

test("the rows that a replay makes are those of the state", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const lived = live(commands);
      const events = lived.flatMap((each) => each.events);
      const recorded = events.map((event, i) => ({
        ...event,
        position: position(i + 1),
        stream: "entry:e",
        version: i + 1,
        schema: 1,
        at: instant(i * 1_000),
        meta: { actor: `key:${i}`, requestId: "r" },
      }));
      const rows = replayEntry(recorded);
      const state = events.reduce(evolve, NO_ENTRY);
      expect(rows.state).toEqual(state);
      expect(rows.entry === undefined).toBe(state.is === "absent");
      expect(rows.revisions.map((each) => each.version)).toEqual(rows.revisions.map((_, i) => i + 1));
      if (state.is === "present") {
        expect(rows.entry).toMatchObject({
          status: statusOf(state),
          revision: state.revision,
          version: state.version,
          position: events.length,
        });
        expect(rows.published?.version ?? null).toBe(state.published?.version ?? null);
        expect(rows.published?.slug ?? null).toBe(state.published?.slug ?? null);
        const shown = rows.revisions.find((each) => each.version === rows.published?.version);
        if (rows.published !== undefined) expect(rows.published.fields).toEqual(shown?.fields);
      }
      const ranges = [
        ...rows.past.map((past) => [past.fromPosition, past.toPosition]),
        ...(rows.published ? [[rows.published.fromPosition, Number.POSITIVE_INFINITY]] : []),
      ];
      for (const [i, [from = 0, to = 0]] of ranges.entries()) {
        expect(from).toBeLessThan(to);
        expect(from).toBeGreaterThanOrEqual(ranges[i - 1]?.[1] ?? 0);
      }
    }),
  );
});

test("sameJson is what canonical JSON says, and merging a value into itself without nulls changes nothing", () => {
  const json = fc.jsonValue() as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(json, json, (left, right) => {
      expect(sameJson(left, right)).toBe(canonical(left) === canonical(right));
      expect(sameJson(left, JSON.parse(JSON.stringify(left)))).toBe(true);
      if (!JSON.stringify(left).includes("null")) expect(sameJson(mergePatch(left, left), left)).toBe(true);
    }),
  );
});

function canonical(json: Json): string {
  if (Array.isArray(json)) return `[${json.map(canonical).join()}]`;
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  return `{${Object.entries(json)
    .map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`)
    .sort()
    .join()}}`;
}
