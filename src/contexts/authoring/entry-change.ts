// What a decision about one entry writes and what it relies on: events with their tags, rows, references, names, counts.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Change, EntryChange, NewEvent } from "../../platform/event-log/commit.ts";
import { sortRowOf, type TypeShape } from "../delivery/delivery.ts";
import { type Entry, type EntryEvent, evolve, type PresentEntry, statusOf } from "./domain/entry.ts";
import { referencesOf } from "./references.ts";

/** Version of the shape of entry events. */
const SCHEMA = 1;

export interface EntryStep {
  readonly id: string;
  readonly before: Entry;
  /** At least one. */
  readonly events: readonly EntryEvent[];
  readonly shape: TypeShape;
  readonly actor: string;
  /** Deletes although others refer to it. */
  readonly force: boolean;
  /** Readers were given the entry before, published now or not; what they know is told to be gone. */
  readonly told?: boolean;
}

/** Refuses with `invalid`/`reference-missing` when an entry that is published refers to itself as another type. */
export function changeOf(step: EntryStep): Result<Change> {
  const { id, before, events, shape } = step;
  const recorded: NewEvent[] = [];
  let after = before;
  for (const event of events) {
    const next = evolve(after, event);
    recorded.push(recordedEvent(step, after, next, event, recorded.length + 1));
    after = next;
  }
  const base = { streams: [streamCheck(step, after)], events: recorded };
  if (after.is === "absent") return ok({ ...base, ...deletion(step) });
  const { needs, wrong } = publishes(events) ? needsOf(id, after, shape) : NO_NEEDS;
  if (wrong !== undefined) return refuse(wrong);
  return ok({
    ...base,
    entries: [entryChange(step, after)],
    ...(namesChanged(before, after) ? { names: [{ i: 0, id, type: after.type, slug: after.slug }] } : {}),
    ...(needs.length > 0 ? { needs } : {}),
    ...countsOf(before, after),
  });
}

function streamCheck({ id, before, events }: EntryStep, after: Entry): Change["streams"][number] {
  const check = { i: 0, id: `entry:${id}`, x: before.revision, n: events.length };
  return after.is === "absent" ? { ...check, d: after.version } : check;
}

function recordedEvent(
  { id, told = false }: EntryStep,
  before: Entry,
  after: Entry,
  event: EntryEvent,
  n: number,
): NewEvent {
  const tags = tagsOf(id, before, after, event, told);
  return {
    n,
    stream: `entry:${id}`,
    version: after.revision,
    type: event.type,
    schema: SCHEMA,
    data: event.data,
    tags,
  };
}

/**
 * Of events that change what readers are given, or that end what they were given once; drafts change nothing for them. Followers are told
 * of events with tags and of no others, and find those of a type by the second tag: see migrations/0009_following.sql.
 */
function tagsOf(id: string, before: Entry, after: Entry, event: EntryEvent, told: boolean): readonly string[] {
  const was = before.is === "present" ? before.published : null;
  const is = after.is === "present" ? after.published : null;
  const type = after.is === "present" ? after.type : before.is === "present" ? before.type : undefined;
  const ends = event.type === "EntryDeleted" && told;
  if (type === undefined || (was === null && is === null && !ends)) return [];
  if (was === is && event.type !== "EntryPublished" && !ends) return [];
  const names = new Set([id, was?.slug, is?.slug].filter((name) => name != null));
  return [`entry:${id}`, `type:${type}`, "type:*", ...Array.from(names, (name) => `name:${type}/${name}`)];
}

function publishes(events: readonly EntryEvent[]): boolean {
  return events.some((event) => event.type === "EntryPublished");
}

function entryChange({ id, before, events, shape, actor }: EntryStep, after: PresentEntry): EntryChange {
  const place = (test: (event: EntryEvent) => boolean) => events.findLastIndex(test) + 1;
  const drafted = place((event) => event.type === "EntryCreated" || event.type === "EntryUpdated");
  const publishedAt = place((event) => event.type === "EntryPublished");
  const withdrawn = place(
    (event) => event.type === "EntryUnpublished" || (event.type === "EntryArchived" && event.data.withdrew),
  );
  const { fields, slug } = after;
  return {
    id,
    type: after.type,
    change: "changed",
    n: events.length,
    actor,
    status: statusOf(after),
    version: after.version,
    publishedVersion: after.published?.version ?? null,
    revision: after.revision,
    ...(isFresh(before, after) ? { fresh: true } : {}),
    ...(drafted > 0
      ? { draft: { n: drafted, slug, fields, ix: sortRowOf(shape, fields), refs: referencesOf(shape, fields) } }
      : {}),
    ...(publishedAt > 0
      ? { publication: { n: publishedAt, to: "current" } }
      : withdrawn > 0
        ? { publication: { n: withdrawn, to: "nothing" } }
        : {}),
  };
}

/** Created here, and at most published besides. */
function isFresh(before: Entry, after: PresentEntry): boolean {
  return before.revision === 0 && after.version === 1 && (after.revision === 1 || after.published !== null);
}

function deletion({ id, before, events, actor, force }: EntryStep): Partial<Change> {
  if (before.is === "absent") return {};
  const { type, published } = before;
  return {
    entries: [{ id, type, change: "deleted", n: events.length, actor }],
    counts: [{ type, drafts: -1, published: published === null ? 0 : -1 }],
    entriesDelta: -1,
    ...(force ? {} : { unreferenced: [{ i: 0, id }] }),
  };
}

function namesChanged(before: Entry, after: PresentEntry): boolean {
  return before.is === "absent" || (after.slug !== null && after.slug !== before.slug);
}

function countsOf(before: Entry, after: PresentEntry): Pick<Change, "counts" | "entriesDelta"> {
  const drafts = before.is === "absent" ? 1 : 0;
  const published = (after.published === null ? 0 : 1) - (before.is === "present" && before.published !== null ? 1 : 0);
  return {
    ...(drafts !== 0 || published !== 0 ? { counts: [{ type: after.type, drafts, published }] } : {}),
    ...(drafts !== 0 ? { entriesDelta: drafts } : {}),
  };
}

interface Needs {
  readonly needs: NonNullable<Change["needs"]>;
  readonly wrong?: Fault;
}

const NO_NEEDS: Needs = { needs: [] };

/** Each target once. An entry may refer to itself: it will be there when it is published, and of which type is known here. */
function needsOf(id: string, { type, fields }: PresentEntry, shape: TypeShape): Needs {
  const needs = new Map<string, NonNullable<Change["needs"]>[number]>();
  for (const { path, target, type: wanted } of referencesOf(shape, fields)) {
    const key = `${wanted} ${target}`;
    if (target !== id) needs.set(key, needs.get(key) ?? { i: 0, id: target, path, type: wanted });
    else if (wanted !== type) return { needs: [], wrong: selfOfAnotherType(id, type, wanted, path) };
  }
  return { needs: [...needs.values()] };
}

function selfOfAnotherType(id: string, type: string, wanted: string, path: string): Fault {
  const detail = `Entry ${quote(id)} is a ${quote(type)}, not a ${quote(wanted)}`;
  return fault("invalid", "reference-missing", `Cannot publish: ${detail}`, {
    errors: [{ pointer: `/fields${path}`, code: "reference-missing", detail }],
  });
}
