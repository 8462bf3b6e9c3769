// An API key's record: how it is asked for, what it says, and whether a presented key is it.
import { type SQL, sql } from "drizzle-orm";
import { type Instant, instant } from "../../kernel/clock.ts";
import type { KeyId, SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { ScopeName } from "../../kernel/scope.ts";
import type { Row } from "../../platform/database/database.ts";
import type { KeyState } from "./domain/key.ts";
import { type PresentedKey, sameText } from "./domain/key-text.ts";
import { hashOf, type Secrets } from "./secrets.ts";

export interface KeyRecord {
  readonly id: KeyId;
  readonly name: string;
  readonly scopes: ReadonlySet<ScopeName>;
  /** SHA-256 of the secret, hex. */
  readonly hash: string;
  /** The secret before the last rotation, accepted until then. */
  readonly previous: { readonly hash: string; readonly until: Instant } | null;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly lastUsedAt: string | null;
  /** Version of the stream `key:<id>`. */
  readonly revision: number;
  /** Of the key's last event. */
  readonly position: Position;
}

const COLUMNS = sql`id, name, scopes, encode(hash, 'hex') as hash, encode(previous_hash, 'hex') as previous_hash, previous_until,
  created_at, expires_at, revoked_at, last_used_at, revision, position`;

/** Revoked keys too: `keyTrouble` tells. */
export function keyStatement(uid: SpaceUid, id: KeyId): SQL {
  return sql`select ${COLUMNS} from api_keys where space = ${uid} and id = ${id}`;
}

/** Keys that were not revoked, oldest first, after the one that the cursor names. */
export function keysStatement(
  uid: SpaceUid,
  after: { readonly createdAt: string; readonly id: string } | undefined,
  limit: number,
): SQL {
  const rest = after ? sql`and (created_at, id) > (${after.createdAt}::timestamptz, ${after.id}::text)` : sql``;
  return sql`select ${COLUMNS} from api_keys where space = ${uid} and revoked_at is null ${rest} order by created_at, id limit ${limit}`;
}

/** Takes no position; does nothing within an hour of the last time. */
export function keyUseStatement(uid: SpaceUid, id: KeyId): SQL {
  return sql`select note_key_use(${uid}, ${id})`;
}

export function decodeKey(row: Row): KeyRecord {
  const previous = row["previous_hash"] as string | null;
  const until = row["previous_until"] as string | null;
  return {
    id: row["id"] as KeyId,
    name: row["name"] as string,
    scopes: new Set(row["scopes"] as readonly ScopeName[]),
    hash: row["hash"] as string,
    previous: previous === null || until === null ? null : { hash: previous, until: instant(Date.parse(until)) },
    createdAt: row["created_at"] as string,
    expiresAt: row["expires_at"] as string | null,
    revokedAt: row["revoked_at"] as string | null,
    lastUsedAt: row["last_used_at"] as string | null,
    revision: row["revision"] as number,
    position: position(row["position"] as number),
  };
}

/** Why nobody can use this key any more; `undefined` when somebody can. */
export function keyTrouble(record: KeyRecord, now: Instant): "revoked" | "expired" | undefined {
  if (record.revokedAt !== null) return "revoked";
  return record.expiresAt !== null && Date.parse(record.expiresAt) <= now ? "expired" : undefined;
}

/** Whether the secret is the record's, or the one before it within the overlap of a rotation. Compares in constant time. */
export async function verifyKey(
  presented: PresentedKey,
  record: KeyRecord,
  now: Instant,
  secrets: Secrets,
): Promise<boolean> {
  const hash = await hashOf(secrets, presented.secret);
  const isCurrent = sameText(hash, record.hash);
  const isPrevious = record.previous !== null && sameText(hash, record.previous.hash) && now < record.previous.until;
  return presented.id === record.id && (isCurrent || isPrevious) && keyTrouble(record, now) === undefined;
}

export function keyStateOf(record: KeyRecord): KeyState {
  return {
    is: record.revokedAt === null ? "live" : "revoked",
    name: record.name,
    scopes: [...record.scopes],
    hash: record.hash,
    previous: record.previous?.hash ?? null,
    previousUntil: record.previous ? new Date(record.previous.until).toISOString() : null,
    expiresAt: record.expiresAt,
  };
}

export function keyView(
  key: Pick<KeyRecord, "id" | "name" | "createdAt" | "expiresAt" | "lastUsedAt"> & {
    readonly scopes: Iterable<string>;
  },
): JsonObject {
  const { id, name, scopes, createdAt, expiresAt, lastUsedAt } = key;
  return { id, name, scopes: [...scopes], createdAt, expiresAt, lastUsedAt };
}
