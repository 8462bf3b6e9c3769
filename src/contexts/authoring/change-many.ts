// Changes of several entries as one commit: what each writes and relies on, put one behind the other.
import type { Change, EntryChange, NewEvent } from "../../platform/event-log/commit.ts";

export interface OneOfMany {
  /** Index of the operation that wanted it: refusals name it. */
  readonly i: number;
  readonly change: Change;
}

/** Each is of another entry. Events stand in the order given. */
export function mergeChanges(many: readonly OneOfMany[]): Change {
  const streams: Change["streams"][number][] = [];
  const events: NewEvent[] = [];
  const entries: EntryChange[] = [];
  const names: NonNullable<Change["names"]>[number][] = [];
  const needs: NonNullable<Change["needs"]>[number][] = [];
  const unreferenced: NonNullable<Change["unreferenced"]>[number][] = [];
  const counts = new Map<string, { type: string; drafts: number; published: number }>();
  let entriesDelta = 0;
  for (const { i, change } of many) {
    const before = events.length;
    for (const stream of change.streams) streams.push({ ...stream, i });
    for (const event of change.events) events.push({ ...event, n: event.n + before });
    for (const entry of change.entries ?? []) entries.push(movedBy(entry, before));
    for (const name of change.names ?? []) names.push({ ...name, i });
    for (const need of change.needs ?? []) needs.push({ ...need, i });
    for (const one of change.unreferenced ?? []) unreferenced.push({ ...one, i });
    for (const { type, drafts, published } of change.counts ?? []) {
      const sum = counts.get(type) ?? { type, drafts: 0, published: 0 };
      counts.set(type, { type, drafts: sum.drafts + drafts, published: sum.published + published });
    }
    entriesDelta += change.entriesDelta ?? 0;
  }
  return {
    streams,
    events,
    entries,
    ...(names.length > 0 ? { names } : {}),
    ...(needs.length > 0 ? { needs } : {}),
    ...(unreferenced.length > 0 ? { unreferenced } : {}),
    ...(counts.size > 0 ? { counts: [...counts.values()] } : {}),
    ...(entriesDelta === 0 ? {} : { entriesDelta }),
  };
}

function movedBy(entry: EntryChange, by: number): EntryChange {
  const { draft, publication } = entry;
  return {
    ...entry,
    n: entry.n + by,
    ...(draft === undefined ? {} : { draft: { ...draft, n: draft.n + by } }),
    ...(publication === undefined ? {} : { publication: { ...publication, n: publication.n + by } }),
  };
}
