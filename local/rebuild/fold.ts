// What the rows of every read model should be: the contexts' own folds over the log, named as the tables' columns.
import {
  type EntryEvent,
  referencesOf,
  replayEntry,
  replayType,
  type TypeEvent,
} from "../../src/contexts/authoring/authoring.ts";
import { sortRowOf, type TypeShape } from "../../src/contexts/delivery/delivery.ts";
import {
  evolveKey,
  evolveSpace,
  type KeyEvent,
  NO_KEY,
  NO_SPACE,
  type SpaceEvent,
} from "../../src/contexts/tenancy/tenancy.ts";
import { evolveWebhook, NO_WEBHOOK, type WebhookEvent } from "../../src/contexts/webhooks/webhooks.ts";
import type { RecordedEvent } from "../../src/kernel/event.ts";
import type { Json, JsonObject } from "../../src/kernel/json.ts";
import type { Stream } from "./log.ts";

/** Columns that are left out are no business of the log: they are as they are. */
export type ExpectedRow = Readonly<Record<string, Json>>;
export type ExpectedRows = Readonly<Record<string, readonly ExpectedRow[]>>;

export interface TypeHistory {
  /** Every shape that the type ever had, oldest first. */
  readonly shapes: readonly { readonly position: number; readonly shape: TypeShape }[];
  /** A job writes its entries' rows by another shape, or has done so and takes back what is left of it. */
  readonly isIndexing: boolean;
}

export type ShapeHistory = ReadonlyMap<string, TypeHistory>;

/** How many entries of each type there are; types that have none any more count 0. */
export type Counts = Map<string, { drafts: number; published: number }>;

const SLOTS: readonly string[] = [...slots("n", 8), ...slots("t", 16), ...slots("k", 4)];
/** Member of a sort row that may hold more than is expected: slots that are not named, and terms. */
export const AT_LEAST = "atLeast";
const NO_SLOTS: ExpectedRow = Object.fromEntries(SLOTS.map((slot) => [slot, null]));

/** `indexing`: types whose rows a job writes. */
export function shapesOf(streams: readonly Stream[], indexing: ReadonlySet<string>): ShapeHistory {
  const history = new Map<string, TypeHistory>();
  for (const { name, events } of streams) {
    const saved = events.filter((event) => event.type === "TypeSaved");
    const shapes = saved.map(({ position, data }) => ({ position, shape: data["shape"] as unknown as TypeShape }));
    const type = name.slice("type:".length);
    history.set(type, { shapes, isIndexing: indexing.has(type) });
  }
  return history;
}

export function rowsOf(space: number, stream: Stream, shapes: ShapeHistory): ExpectedRows {
  const { name, events, commitEnd } = stream;
  if (events.length === 0) return {};
  const id = name.slice(name.indexOf(":") + 1);
  const rows = { space, stream: name, version: events.length, draft_version: 0, position: commitEnd };
  if (name.startsWith("entry:")) {
    const entryEvents = events as readonly (RecordedEvent & EntryEvent)[];
    return {
      streams: [{ ...rows, draft_version: lastDeleted(entryEvents) }],
      ...entryRows(space, id, entryEvents, shapes),
    };
  }
  if (name.startsWith("type:")) return { streams: [rows], types: typeRow(space, id, events) };
  if (name.startsWith("key:")) return { streams: [rows], api_keys: keyRow(space, id, events) };
  if (name.startsWith("webhook:")) return { streams: [rows], webhooks: webhookRow(space, id, events) };
  return { streams: [rows], spaces: spaceRow(space, events) };
}

/** `sign`: −1 takes back what was counted. */
export function count(counts: Counts, stream: Stream, sign: 1 | -1 = 1): void {
  for (const event of stream.events) {
    const type = event.data["type"];
    if (event.type === "EntryCreated" && !counts.has(String(type)))
      counts.set(String(type), { drafts: 0, published: 0 });
  }
  const { entry, published } = replayEntry(stream.events as readonly (RecordedEvent & EntryEvent)[]);
  const counted = counts.get(entry?.type ?? "");
  if (counted === undefined) return;
  counted.drafts += sign;
  if (published !== undefined) counted.published += sign;
}

function entryRows(
  space: number,
  id: string,
  events: readonly (RecordedEvent & EntryEvent)[],
  shapes: ShapeHistory,
): ExpectedRows {
  const { entry, published, past, revisions } = replayEntry(events);
  const common = { space, id };
  const sorted = (fields: JsonObject, shape: TypeShape, atLeast: boolean) => ({
    ...common,
    ...(atLeast ? { [AT_LEAST]: true } : NO_SLOTS),
    ...(sortRowOf(shape, fields) as JsonObject),
  });
  const current = ({ type, fields }: { readonly type: string; readonly fields: JsonObject }) =>
    sorted(fields, shapeAt(shapes, type), shapes.get(type)?.isIndexing === true);
  const refs = (side: string, { type, fields }: { type: string; fields: JsonObject }) =>
    referencesOf(shapeAt(shapes, type), fields).map((reference) => ({ ...common, side, ...reference }));
  return {
    entries:
      entry === undefined
        ? []
        : [
            {
              ...common,
              ...timed(entry),
              status: entry.status,
              fields: entry.fields,
              version: entry.version,
              published_version: entry.publishedVersion,
              revision: entry.revision,
              position: entry.position,
              created_by: entry.createdBy,
              updated_by: entry.updatedBy,
            },
          ],
    draft_ix:
      entry === undefined
        ? []
        : [
            {
              ...current(entry),
              ...timed(entry),
              from_pos: entry.position,
              status: entry.status,
            },
          ],
    revision: revisions.map((row) => ({ ...common, ...row })),
    published:
      published === undefined
        ? []
        : [
            {
              ...common,
              ...timed(published),
              version: published.version,
              from_pos: published.fromPosition,
              fields: published.fields,
            },
          ],
    published_ix:
      published === undefined
        ? []
        : [
            {
              ...current(published),
              ...timed(published),
              from_pos: published.fromPosition,
            },
          ],
    // The sort row moves to the past as it stood: under the shape that the type had when the version ended. Types saved later leave it be. It may
    // hold more, when a job was just writing the rows of other indexes: nobody asks for these of a version that ended before they were there.
    published_past: past.map((row) => ({
      ...sorted(row.fields, shapeAt(shapes, row.type, row.toPosition), true),
      ...timed(row),
      from_pos: row.fromPosition,
      version: row.version,
      to_pos: row.toPosition,
    })),
    refs: [...(entry ? refs("d", entry) : []), ...(published ? refs("p", published) : [])],
  };
}

interface Timed {
  readonly type: string;
  readonly slug: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string | null;
}

function timed({ type, slug, createdAt, updatedAt, publishedAt }: Timed) {
  return { type, slug, created_at: createdAt, updated_at: updatedAt, published_at: publishedAt };
}

function typeRow(space: number, type: string, events: readonly RecordedEvent[]): readonly ExpectedRow[] {
  const state = replayType(events as unknown as readonly TypeEvent[]);
  if (state.is === "absent") return [];
  const { revision, document, shape } = state;
  const life = events.slice(events.findLastIndex((event) => event.type === "TypeDeleted") + 1);
  return [{ space, type, revision, document, shape, ...stamps(life), position: lastOf(life).position }];
}

/** When a key was last used is no event. */
function keyRow(space: number, id: string, events: readonly RecordedEvent[]): readonly ExpectedRow[] {
  const state = (events as readonly (RecordedEvent & KeyEvent)[]).reduce(evolveKey, NO_KEY);
  if (state.is === "absent") return [];
  const revoked = events.find((event) => event.type === "KeyRevoked");
  return [
    {
      space,
      id,
      name: state.name,
      scopes: state.scopes,
      hash: `\\x${state.hash}`,
      previous_hash: state.previous === null ? null : `\\x${state.previous}`,
      previous_until: state.previousUntil,
      expires_at: state.expiresAt,
      created_at: stamps(events).created_at,
      revoked_at: revoked === undefined ? null : timestamp(revoked),
      revision: events.length,
      position: lastOf(events).position,
    },
  ];
}

function webhookRow(space: number, id: string, events: readonly RecordedEvent[]): readonly ExpectedRow[] {
  const state = (events as unknown as readonly WebhookEvent[]).reduce(evolveWebhook, NO_WEBHOOK);
  if (state.is === "absent") return [];
  const { url, types, description, enabled, disabledReason, secret, previous, previousUntil } = state;
  return [
    {
      space,
      id,
      url,
      events: state.events,
      types,
      description,
      enabled,
      disabled_reason: disabledReason,
      secret,
      previous_secret: previous,
      previous_until: previousUntil,
      from_pos: events[state.since - 1]?.position ?? 0,
      ...stamps(events),
      revision: state.revision,
      position: lastOf(events).position,
    },
  ];
}

/** The public id is the directory's, not the log's. */
function spaceRow(space: number, events: readonly RecordedEvent[]): readonly ExpectedRow[] {
  const state = (events as unknown as readonly SpaceEvent[]).reduce(evolveSpace, NO_SPACE);
  if (state.is === "absent") return [];
  return [{ space, state: state.is, settings: state.settings, revision: events.length, ...stamps(events) }];
}

/** An id that is used again goes on counting where the deleted draft stood. */
function lastDeleted(events: readonly (RecordedEvent & EntryEvent)[]): number {
  return replayEntry(events.slice(0, events.findLastIndex((event) => event.type === "EntryDeleted") + 1)).state.version;
}

/** The shape in force right before a position; without one: now. */
function shapeAt(shapes: ShapeHistory, type: string, before = Number.POSITIVE_INFINITY): TypeShape {
  const found = shapes.get(type)?.shapes.findLast(({ position }) => position < before);
  if (found === undefined) throw new Error(`The log has entries of type "${type}" and no event that made the type`);
  return found.shape;
}

function stamps(events: readonly RecordedEvent[]) {
  return { created_at: timestamp(events[0]), updated_at: timestamp(lastOf(events)) };
}

function lastOf(events: readonly RecordedEvent[]): RecordedEvent {
  const last = events.at(-1);
  if (last === undefined) throw new Error("A stream has at least one event");
  return last;
}

function timestamp(event: RecordedEvent | undefined): string {
  return new Date(event?.at ?? 0).toISOString();
}

function slots(letter: string, most: number): readonly string[] {
  return Array.from({ length: most }, (_, i) => `${letter}${i + 1}`);
}
