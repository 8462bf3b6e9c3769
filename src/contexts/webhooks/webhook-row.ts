// A webhook as Postgres keeps it: how it is asked for, the state that decisions are made on, and the view that its owner is given.
import { type SQL, sql } from "drizzle-orm";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Row } from "../../platform/database/database.ts";
import type { Announcement, DisabledReason, PresentWebhook, WebhookState } from "./domain/webhook.ts";

export interface LoadedWebhook {
  readonly state: PresentWebhook;
  readonly createdAt: string;
  readonly updatedAt: string;
}

const COLUMNS = sql`id, url, events, types, description, enabled, disabled_reason, secret, previous_secret, previous_until,
  created_at, updated_at, revision`;

export function webhookStatement(uid: SpaceUid, id: string): SQL {
  return sql`select ${COLUMNS} from webhooks where space = ${uid} and id = ${id}`;
}

/** Oldest first, after the one that is named. */
export function webhooksStatement(
  uid: SpaceUid,
  after: { readonly createdAt: string; readonly id: string } | undefined,
  limit: number,
): SQL {
  const rest = after ? sql`and (created_at, id) > (${after.createdAt}::timestamptz, ${after.id}::text)` : sql``;
  return sql`select ${COLUMNS} from webhooks where space = ${uid} ${rest} order by created_at, id limit ${limit}`;
}

export function countStatement(uid: SpaceUid): SQL {
  return sql`select count(*) as n from webhooks where space = ${uid}`;
}

export function decodeWebhook(row: Row): LoadedWebhook {
  return {
    state: {
      is: "present",
      revision: row["revision"] as number,
      url: row["url"] as string,
      events: row["events"] as readonly Announcement[],
      types: row["types"] as readonly string[] | null,
      description: row["description"] as string | null,
      enabled: row["enabled"] as boolean,
      disabledReason: row["disabled_reason"] as DisabledReason | null,
      secret: row["secret"] as string,
      previous: row["previous_secret"] as string | null,
      previousUntil: row["previous_until"] as string | null,
      since: 0,
    },
    createdAt: row["created_at"] as string,
    updatedAt: row["updated_at"] as string,
  };
}

/** Without its secret. */
export function webhookView(
  id: string,
  state: Extract<WebhookState, { is: "present" }>,
  { createdAt, updatedAt }: Pick<LoadedWebhook, "createdAt" | "updatedAt">,
): JsonObject {
  const { url, events, types, description, enabled, disabledReason } = state;
  return { id, url, events, types, description, enabled, disabledReason, createdAt, updatedAt };
}
