// An entry: what can have happened to it, and what that makes of it.
import type { JsonObject } from "../../../kernel/json.ts";
import { never } from "../../../kernel/result.ts";

export type EntryEvent =
  | {
      readonly type: "EntryCreated";
      readonly data: { readonly type: string; readonly slug: string | null; readonly fields: JsonObject };
    }
  | {
      readonly type: "EntryUpdated";
      readonly data: { readonly slug: string | null; readonly fields: JsonObject; readonly version: number };
    }
  | { readonly type: "EntryPublished"; readonly data: { readonly version: number } }
  | { readonly type: "EntryUnpublished"; readonly data: Record<never, never> }
  | { readonly type: "EntryArchived"; readonly data: { readonly withdrew: boolean } }
  | { readonly type: "EntryUnarchived"; readonly data: Record<never, never> }
  | { readonly type: "EntryDeleted"; readonly data: { readonly type: string } };

/** What readers are given: a version of the draft, and the slug it had. */
export interface Publication {
  readonly version: number;
  readonly slug: string | null;
}

/** Never there, or deleted: an id that is used again goes on counting. */
export interface AbsentEntry {
  readonly is: "absent";
  /** Events in the stream. */
  readonly revision: number;
  /** The highest version that a draft of this id ever had. */
  readonly version: number;
}

export interface PresentEntry {
  readonly is: "present";
  readonly revision: number;
  /** States of the draft, counted from 1. */
  readonly version: number;
  readonly type: string;
  readonly slug: string | null;
  readonly fields: JsonObject;
  readonly archived: boolean;
  readonly published: Publication | null;
}

export type Entry = AbsentEntry | PresentEntry;

export const NO_ENTRY: Entry = { is: "absent", revision: 0, version: 0 };

export type EntryStatus = "draft" | "published" | "changed" | "archived";

export function statusOf(entry: PresentEntry): EntryStatus {
  if (entry.archived) return "archived";
  if (entry.published === null) return "draft";
  return entry.published.version === entry.version ? "published" : "changed";
}

export function evolve(entry: Entry, event: EntryEvent): Entry {
  const revision = entry.revision + 1;
  if (event.type === "EntryCreated") {
    const version = entry.version + 1;
    return { is: "present", revision, version, ...event.data, archived: false, published: null };
  }
  if (entry.is === "absent") return { ...entry, revision };
  switch (event.type) {
    case "EntryUpdated":
      return { ...entry, revision, ...event.data };
    case "EntryPublished":
      return { ...entry, revision, published: { version: event.data.version, slug: entry.slug } };
    case "EntryUnpublished":
      return { ...entry, revision, published: null };
    case "EntryArchived":
      return { ...entry, revision, published: null, archived: true };
    case "EntryUnarchived":
      return { ...entry, revision, archived: false };
    case "EntryDeleted":
      return { is: "absent", revision, version: entry.version };
    default:
      return never(event);
  }
}
