// A content type as the primary keeps it, and how many entries it has, for deciding about it; and the view that clients are given.
import { type SQL, sql } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Row } from "../../platform/database/database.ts";
import type { TypeShape } from "../delivery/delivery.ts";
import { type ContentType, decodeType, type TypeDocument } from "./content-type.ts";

export interface LoadedType {
  /** Events in the type's stream. */
  readonly revision: number;
  readonly current: ContentType | undefined;
  /** Drafts of the type, and the highest position among them: what a commit checks again. */
  readonly entries: number;
  readonly last: number;
}

/** Always one row. */
export function typeStatement(uid: SpaceUid, type: string): SQL {
  return sql`select v.version as stream_version, y.type, y.revision, y.position, y.document, y.shape, y.created_at, y.updated_at, y.pending,
      coalesce((select c.drafts from type_count c where c.space = ${uid} and c.type = ${type}), 0) as entries,
      coalesce((select max(e.position) from entries e where e.space = ${uid} and e.type = ${type}), 0) as last
    from (select 1) one
    left join streams v on v.space = ${uid} and v.stream = ${`type:${type}`}
    left join types y on y.space = ${uid} and y.type = ${type}`;
}

export function decodeLoadedType(row: Row | undefined): LoadedType {
  return {
    revision: Number(row?.["stream_version"] ?? 0),
    current: row === undefined || row["type"] == null ? undefined : decodeType(row),
    entries: Number(row?.["entries"] ?? 0),
    last: Number(row?.["last"] ?? 0),
  };
}

export interface TypeStamps {
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** `indexing`: every index is written in the commit that declares it, so each is ready. */
export function typeView(
  type: string,
  document: TypeDocument,
  shape: TypeShape,
  { createdAt, updatedAt }: TypeStamps,
): JsonObject {
  const indexing = shape.fields
    .filter((field) => field.indexed)
    .map((field) => ({ field: field.name, state: "ready" }));
  return {
    type,
    name: document.name,
    schema: document.schema,
    indexes: document.indexes ?? [],
    requireIfMatch: document.requireIfMatch ?? false,
    createdAt,
    updatedAt,
    indexing,
  };
}
