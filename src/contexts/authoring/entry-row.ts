// An entry as the primary keeps it → the state that decisions are made on, and the view that clients are given.
import { type SQL, sql } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Row } from "../../platform/database/database.ts";
import { type Entry, type PresentEntry, statusOf } from "./domain/entry.ts";

/** What the events do not carry in themselves: when, and by whom. RFC 3339, or a writer's mark. */
export interface Stamps {
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly publishedAt: string | null;
  readonly createdBy: string;
  readonly updatedBy: string;
}

export interface LoadedEntry {
  readonly entry: Entry;
  /** `undefined` when the entry is absent. */
  readonly stamps: Stamps | undefined;
  /** Readers were given it once, since it was created. */
  readonly told: boolean;
}

/** Always one row: the stream is remembered after the entry is gone. */
export function entryStatement(uid: SpaceUid, id: string): SQL {
  return sql`select v.version as stream_version, v.draft_version, e.type, e.slug, e.status, e.fields, e.version, e.published_version,
      e.created_at, e.updated_at, e.published_at, e.created_by, e.updated_by, p.slug as published_slug,
      exists (select from published_past h where h.space = ${uid} and h.id = ${id} and h.created_at = e.created_at) as told
    from (select 1) one
    left join streams v on v.space = ${uid} and v.stream = ${`entry:${id}`}
    left join entries e on e.space = ${uid} and e.id = ${id}
    left join published p on p.space = ${uid} and p.id = ${id}`;
}

/**
 * Several entries at once, each a row with its `id`; documents above `most` bytes are left out (`fields` null though there is an entry), because
 * one answer holds no more than eight mebibytes. The lateral joins look each one up: no plan that walks a type can be chosen.
 */
export function entriesStatement(uid: SpaceUid, ids: readonly string[], most: number): SQL {
  return sql`select i.id, v.version as stream_version, v.draft_version, e.type, e.slug, e.status, e.version, e.published_version,
      case when coalesce(e.size, ${most} + 1) <= ${most} then e.fields end as fields, e.created_at, e.updated_at, e.published_at, e.created_by, e.updated_by,
      p.slug as published_slug, exists (select from published_past h where h.space = ${uid} and h.id = i.id and h.created_at = e.created_at) as told
    from unnest(${sql.param(ids)}::text[]) i(id)
    left join lateral (select v.version, v.draft_version from streams v where v.space = ${uid} and v.stream = 'entry:' || i.id offset 0) v on true
    left join lateral (select e.* from entries e where e.space = ${uid} and e.id = i.id offset 0) e on true
    left join lateral (select p.slug from published p where p.space = ${uid} and p.id = i.id offset 0) p on true`;
}

export function decodeEntry(row: Row | undefined): LoadedEntry {
  const revision = Number(row?.["stream_version"] ?? 0);
  if (row === undefined || row["type"] == null) {
    return {
      entry: { is: "absent", revision, version: Number(row?.["draft_version"] ?? 0) },
      stamps: undefined,
      told: false,
    };
  }
  const published =
    row["published_version"] == null
      ? null
      : { version: Number(row["published_version"]), slug: textOf(row["published_slug"]) };
  return {
    entry: {
      is: "present",
      revision,
      version: Number(row["version"]),
      type: String(row["type"]),
      slug: textOf(row["slug"]),
      fields: row["fields"] as JsonObject,
      archived: row["status"] === "archived",
      published,
    },
    stamps: {
      createdAt: String(row["created_at"]),
      updatedAt: String(row["updated_at"]),
      publishedAt: textOf(row["published_at"]),
      createdBy: String(row["created_by"]),
      updatedBy: String(row["updated_by"]),
    },
    told: published !== null || row["told"] === true,
  };
}

/** The Entry of the contract. */
export function entryView(id: string, entry: PresentEntry, stamps: Stamps): JsonObject {
  const { createdAt, updatedAt, publishedAt, createdBy, updatedBy } = stamps;
  return {
    id,
    type: entry.type,
    slug: entry.slug,
    status: statusOf(entry),
    fields: entry.fields,
    version: entry.version,
    publishedVersion: entry.published?.version ?? null,
    createdAt,
    updatedAt,
    publishedAt,
    createdBy,
    updatedBy,
  };
}

function textOf(value: unknown): string | null {
  return value == null ? null : String(value);
}
