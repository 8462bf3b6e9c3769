// A content type as kept and as known by the isolate: its document (what the editor sent) and the shape derived from it.
import { type SQL, sql } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Row } from "../../platform/database/database.ts";
import type { TypeShape } from "../delivery/delivery.ts";

/** What an editor sends and gets back. Kept as `types.document`. */
export interface TypeDocument {
  readonly name: string;
  readonly schema: JsonObject;
  readonly indexes?: readonly (readonly string[])[];
  readonly requireIfMatch?: boolean;
}

export interface ContentType {
  readonly type: string;
  /** Version of the type's stream. */
  readonly revision: number;
  readonly position: Position;
  readonly document: TypeDocument;
  readonly shape: TypeShape;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly pending?: PendingType;
}

/** A check is under way, after which this is the type: what is written meanwhile satisfies both. */
export interface PendingType {
  readonly job: string;
  readonly document: TypeDocument;
  /** What rows and references hold meanwhile, when the next type indexes other fields. */
  readonly rows?: TypeShape;
  /** The check has ended. Nobody has to obey it any more, and rows lose what they hold besides their type's own. */
  readonly over?: true;
}

/** Every content type of a space, by name. */
export function typesStatement(uid: SpaceUid): SQL {
  return sql`select type, revision, position, document, shape, created_at, updated_at, pending from types where space = ${uid} order by type`;
}

/** Of a row of `typesStatement`. */
export function decodeType(row: Row): ContentType {
  return {
    type: String(row["type"]),
    revision: Number(row["revision"]),
    position: position(Number(row["position"])),
    document: row["document"] as TypeDocument,
    shape: row["shape"] as TypeShape,
    createdAt: String(row["created_at"]),
    updatedAt: String(row["updated_at"]),
    ...(row["pending"] == null ? {} : { pending: row["pending"] as PendingType }),
  };
}

/** The check that is under way; `undefined` for one that has ended. */
export function underWay({ pending }: Pick<ContentType, "pending">): PendingType | undefined {
  return pending?.over ? undefined : pending;
}

/** What entries' rows and references are made by. */
export function rowShapeOf(type: Pick<ContentType, "shape" | "pending">): TypeShape {
  return underWay(type)?.rows ?? type.shape;
}

/** What a commit must find of a type that its decision relied on. `rows`: they are made by the check's shape. */
export function relianceOn(type: Pick<ContentType, "type" | "revision" | "pending">) {
  const pending = underWay(type);
  const { revision } = type;
  if (pending === undefined) return { type: type.type, revision };
  return { type: type.type, revision, pending: pending.job, ...(pending.rows ? { rows: true as const } : {}) };
}

/** The check of its next schema that is under way. */
export function pendingStatement(uid: SpaceUid, type: string): SQL {
  return sql`select pending->>'job' as job from types where space = ${uid} and type = ${type} and not pending ? 'over'`;
}
