// What an endpoint is sent: the event by its public name, and the entry as the event left it, whatever happened since.
import type { JsonObject } from "../../kernel/json.ts";
import { type Document, showContent, showEntry } from "../delivery/delivery.ts";
import type { Announcement } from "./domain/webhook.ts";

interface Moment {
  readonly type: string | null;
  readonly version: number | null;
  /** Milliseconds since the epoch. */
  readonly at: number | null;
}

/** The answer of `told_event` (migrations/0008_webhooks.sql). */
export interface ToldEvent {
  readonly type: string;
  readonly stream: string;
  readonly at: number;
  readonly data: JsonObject;
  readonly draft?: {
    readonly version: number;
    readonly type: string;
    readonly slug: string | null;
    readonly fields: JsonObject;
    readonly actor: string;
    readonly at: number;
  };
  readonly born?: { readonly actor: string; readonly at: number };
  /** The last event but updates, this one included; and the one before it. */
  readonly shown?: Moment;
  readonly before?: Moment;
}

export interface Message {
  readonly event: Announcement;
  readonly position: number;
  readonly space: string;
  readonly webhook: string;
  readonly replayed: boolean;
  /** Absent for `webhook.test`, which is of `at`. */
  readonly told: ToldEvent | null;
  readonly at: number;
}

/** The body's text; equal for every attempt. `undefined`: the log does not hold the event (any more). */
export function bodyOf({ event, position, space, webhook, replayed, told, at }: Message): string | undefined {
  if (told === null && event !== "webhook.test") return undefined;
  const data = told === null ? { space, webhook: { id: webhook } } : { space, ...subjectOf(event, told) };
  const timestamp = new Date(told?.at ?? at).toISOString();
  return JSON.stringify({ type: event, timestamp, position, ...(replayed ? { replayed: true } : {}), data });
}

function subjectOf(event: Announcement, told: ToldEvent): JsonObject {
  const id = told.stream.slice(told.stream.indexOf(":") + 1);
  if (told.stream.startsWith("entry:")) return { entry: entryOf(event, id, told) };
  const [subject = ""] = event.split(".");
  // Of an import, how it went: nobody can read it from the log.
  if (event === "import.completed") return { import: { id, ...told.data } };
  const reason = told.data["reason"];
  return { [subject]: { id, ...(event === "webhook.disabled" ? { disabledReason: reason ?? null } : {}) } };
}

function entryOf(event: Announcement, id: string, told: ToldEvent): JsonObject {
  const { draft, born, shown, before } = told;
  if (draft === undefined) return { id };
  if (event === "entry.unpublished" || event === "entry.deleted") {
    // The version that was withdrawn; of an entry that nobody could read, its draft's.
    const version = before?.type === "EntryPublished" ? before.version : draft.version;
    return { id, type: draft.type, version };
  }
  const published = shown?.type === "EntryPublished" ? shown : undefined;
  const archived = shown?.type === "EntryArchived";
  const status = archived
    ? "archived"
    : published === undefined
      ? "draft"
      : published.version === draft.version
        ? "published"
        : "changed";
  const document: Document = {
    id,
    type: draft.type,
    slug: draft.slug,
    version: draft.version,
    fields: draft.fields,
    createdAt: timeOf(born?.at ?? draft.at),
    updatedAt: timeOf(draft.at),
    publishedAt: published?.at == null ? null : timeOf(published.at),
    draft: {
      status,
      publishedVersion: published?.version ?? null,
      createdBy: born?.actor ?? draft.actor,
      updatedBy: draft.actor,
    },
  };
  return event === "entry.published" ? showContent(document, WHOLE) : showEntry(document, WHOLE);
}

/** All fields in all locales, as they are stored. */
const WHOLE = { shape: { fields: [] }, locale: "*", defaultLocale: "*", fields: undefined } as unknown as Parameters<
  typeof showContent
>[1];

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
