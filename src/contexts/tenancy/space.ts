// A space's row: how it is asked for, what it says, and how it is shown to operators.
import { type SQL, sql } from "drizzle-orm";
import { type SpaceUid, spaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Row } from "../../platform/database/database.ts";
import { BUDGETS, type SpaceSettings, type SpaceState } from "./domain/space.ts";

export interface SpaceRecord {
  readonly uid: SpaceUid;
  readonly id: string;
  readonly epoch: number;
  readonly state: "active" | "deleted";
  readonly settings: SpaceSettings;
  /** Version of the stream `space`. */
  readonly revision: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function spaceStatement(uid: SpaceUid): SQL {
  return sql`select s.space, s.id, s.state, s.settings, s.revision, s.created_at, s.updated_at, h.epoch
    from spaces s join space_head h on h.space = s.space where s.space = ${uid} and h.space = ${uid}`;
}

/** Where its settings and content types stand: what a commit must find unmoved. */
export function headStatement(uid: SpaceUid): SQL {
  return sql`select settings_pos, schema_pos from space_head where space = ${uid}`;
}

/** Several spaces of one shard, whichever space the reader is bound to. */
export function spacesStatement(uids: readonly SpaceUid[]): SQL {
  return sql`select * from spaces_of(${sql.param(uids)}::int[])`;
}

export function decodeSpace(row: Row): SpaceRecord {
  return {
    uid: spaceUid(row["space"] as number),
    id: row["id"] as string,
    epoch: row["epoch"] as number,
    state: row["state"] as SpaceRecord["state"],
    settings: row["settings"] as SpaceSettings,
    revision: row["revision"] as number,
    createdAt: row["created_at"] as string,
    updatedAt: row["updated_at"] as string,
  };
}

export function stateOf(record: SpaceRecord): SpaceState {
  return { is: record.state, settings: record.settings };
}

export interface SpaceTimes {
  readonly createdAt: string;
  readonly updatedAt: string;
}

export function spaceView(ref: SpaceRef, settings: SpaceSettings, { createdAt, updatedAt }: SpaceTimes): JsonObject {
  const { name, locales, defaultLocale, publicRead, plan, limits, clientMaxAge, edgeOutsideResidency } = settings;
  const overridden = BUDGETS.flatMap((budget) => {
    const limit = limits[budget];
    return limit ? [[budget, { quota: limit.quota, window: limit.window }] as const] : [];
  });
  return {
    id: ref.id,
    name,
    residency: ref.residency,
    locales,
    defaultLocale,
    publicRead,
    plan,
    limits: Object.fromEntries(overridden),
    clientMaxAge: clientMaxAge ?? null,
    edgeOutsideResidency: edgeOutsideResidency ?? true,
    createdAt,
    updatedAt,
  };
}

export const etagOf = (epoch: number, revision: number): string => `"${epoch}.${revision}"`;
