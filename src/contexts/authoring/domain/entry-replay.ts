// An entry's rows as a fold over its events: what rebuilding compares the live read models with.
import type { Instant } from "../../../kernel/clock.ts";
import type { RecordedEvent } from "../../../kernel/event.ts";
import type { JsonObject } from "../../../kernel/json.ts";
import type { Position } from "../../../kernel/position.ts";
import { type Entry, type EntryEvent, type EntryStatus, evolve, NO_ENTRY, statusOf } from "./entry.ts";

/** Names as in the table `entries`; times in RFC 3339 UTC with milliseconds. */
export interface EntryRow {
  readonly type: string;
  readonly slug: string | null;
  readonly status: EntryStatus;
  readonly fields: JsonObject;
  readonly version: number;
  readonly publishedVersion: number | null;
  readonly revision: number;
  readonly position: Position;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string | null;
  readonly createdBy: string;
  readonly updatedBy: string;
}

/** Table `published`, and with `toPosition` a range of `published_past`: valid over `[fromPosition, toPosition)`. */
export interface PublishedRow {
  readonly type: string;
  readonly slug: string | null;
  readonly version: number;
  readonly fromPosition: Position;
  readonly fields: JsonObject;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string;
}

export interface PastRow extends PublishedRow {
  readonly toPosition: Position;
}

/** Table `revision`: kept after the entry is deleted. */
export interface RevisionRow {
  readonly version: number;
  readonly type: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
  readonly position: Position;
  readonly at: string;
  readonly actor: string;
}

export interface EntryRows {
  readonly state: Entry;
  readonly entry: EntryRow | undefined;
  readonly published: PublishedRow | undefined;
  readonly past: readonly PastRow[];
  readonly revisions: readonly RevisionRow[];
}

/** All events of one stream `entry:<id>`, in order. */
export function replayEntry(events: readonly (RecordedEvent & EntryEvent)[]): EntryRows {
  return events.reduce(step, { state: NO_ENTRY, entry: undefined, published: undefined, past: [], revisions: [] });
}

function step(rows: EntryRows, event: RecordedEvent & EntryEvent): EntryRows {
  const state = evolve(rows.state, event);
  if (state.is === "absent") return { ...rows, state, entry: undefined, ...ended(rows, event) };
  const at = timestamp(event.at);
  const wrote = event.type === "EntryCreated" || event.type === "EntryUpdated";
  const { type, slug, fields, version } = state;
  const entry: EntryRow = {
    type,
    slug,
    status: statusOf(state),
    fields,
    version,
    publishedVersion: state.published?.version ?? null,
    revision: state.revision,
    position: event.position,
    createdAt: rows.entry?.createdAt ?? at,
    updatedAt: wrote ? at : (rows.entry?.updatedAt ?? at),
    publishedAt:
      state.published === null ? null : event.type === "EntryPublished" ? at : (rows.entry?.publishedAt ?? at),
    createdBy: rows.entry?.createdBy ?? event.meta.actor,
    updatedBy: wrote ? event.meta.actor : (rows.entry?.updatedBy ?? event.meta.actor),
  };
  const revision: RevisionRow = { version, type, slug, fields, position: event.position, at, actor: event.meta.actor };
  const next = { ...rows, state, entry, revisions: wrote ? [...rows.revisions, revision] : rows.revisions };
  if (event.type === "EntryPublished") {
    const { createdAt, updatedAt } = entry;
    const published = {
      type,
      slug,
      version,
      fromPosition: event.position,
      fields,
      createdAt,
      updatedAt,
      publishedAt: at,
    };
    return { ...next, ...ended(rows, event), published };
  }
  return state.published === null ? { ...next, ...ended(rows, event) } : next;
}

function ended(rows: EntryRows, event: RecordedEvent): Pick<EntryRows, "published" | "past"> {
  const { published, past } = rows;
  if (published === undefined) return { published, past };
  return { published: undefined, past: [...past, { ...published, toPosition: event.position }] };
}

function timestamp(at: Instant): string {
  return new Date(at).toISOString();
}
