// The webhooks of a space, as their owner sees them: never with a secret.
import { fault } from "../../kernel/fault.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import { etagOf } from "../tenancy/tenancy.ts";
import { webhookMissing } from "./domain/webhook-decisions.ts";
import { decodeWebhook, webhookStatement, webhooksStatement, webhookView } from "./webhook-row.ts";

type Asked = Scope<{ readonly reader: Reader }>;

export interface Listing {
  readonly body: Json;
  readonly tagged: Json;
  readonly next: string | null;
  readonly position: Position;
  readonly source: string;
}

export interface Reading {
  readonly body: JsonObject;
  readonly position: Position;
  readonly source: string;
  readonly etag?: string;
}

export async function getWebhook(
  { space, data: { reader } }: Asked,
  { id }: { readonly id: string },
): Promise<Result<Reading>> {
  const answer = await reader.read([webhookStatement(space.uid, id)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const row = rows[0]?.[0];
  if (row === undefined) return refuse(webhookMissing(id));
  const found = decodeWebhook(row);
  const body = webhookView(id, found.state, found);
  return ok({ body, position, source, etag: etagOf(space.epoch, found.state.revision) });
}

/** Milliseconds and id of the last one of the page before. */
const CURSOR = /^(\d{1,15})-([0-9a-f]{18})$/;
/** The last millisecond of the year 9999. */
const LATEST = 253_402_300_799_999;

export async function listWebhooks(
  { space, data: { reader } }: Asked,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<Listing>> {
  const [, at, id] = CURSOR.exec(cursor ?? "") ?? [];
  if (cursor !== undefined && (at === undefined || id === undefined || Number(at) > LATEST))
    return refuse(fault("malformed", "cursor-invalid", "This cursor was not given by this list"));
  const after =
    at === undefined || id === undefined ? undefined : { createdAt: new Date(Number(at)).toISOString(), id };
  const answer = await reader.read([webhooksStatement(space.uid, after, limit + 1)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const found = rows[0] ?? [];
  const data = found.slice(0, limit).map((row) => {
    const one = decodeWebhook(row);
    return webhookView(row["id"] as string, one.state, one);
  });
  const last = found[limit - 1];
  const next = found.length > limit && last ? `${Date.parse(last["created_at"] as string)}-${last["id"]}` : null;
  return ok({ body: { data, page: { next, size: data.length, at: position } }, tagged: data, next, position, source });
}
