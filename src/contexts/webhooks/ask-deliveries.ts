// What an owner asks of deliveries: a test message, a replay and how it fares, and the log of what was sent. None of it takes a position.
import { sql } from "drizzle-orm";
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import type { Writer, Written } from "../../platform/event-log/writer.ts";
import { checkMatch, etagOf, hex, type IfMatch } from "../tenancy/tenancy.ts";
import { webhookMissing } from "./domain/webhook-decisions.ts";
import type { Waker } from "./waker.ts";
import { decodeWebhook, webhookStatement } from "./webhook-row.ts";

export interface AskingData {
  readonly writer: Writer;
  readonly secrets: { random(bytes: number): Uint8Array };
  readonly webhooks: { readonly waker: Waker };
}

const ID_BYTES = 12;

/** One message `webhook.test`, whatever the endpoint asks for. Refuses with `webhook-missing`, `conflict`/`webhook-disabled`. */
export async function testWebhook(
  { space, data: { writer, secrets, webhooks } }: Scope<AskingData>,
  { id, ifMatch }: { readonly id: string; readonly ifMatch: IfMatch },
): Promise<Result<Written>> {
  const met = await checkWebhook(writer, space, id, ifMatch);
  if (!met.ok) return met;
  const delivery = hex(secrets.random(ID_BYTES));
  const view = { id: delivery, event: "webhook.test", status: "pending", createdAt: writer.marks.at };
  const written = await writer.aside("webhook_test", { webhook: id, delivery }, { view, accepted: true });
  if (!written.ok) return refuse(refusalOf(written.fault, id));
  if (!written.value.replayed) await webhooks.waker.deliveries(space, [{ id: delivery, delay: 0 }]);
  return written;
}

export interface ReplayWebhook {
  readonly id: string;
  /** Both inclusive; `toPosition` absent: the head. */
  readonly fromPosition: number;
  readonly toPosition?: number | undefined;
  readonly ifMatch: IfMatch;
}

/** A job. Refuses with `webhook-missing`, `conflict`/`webhook-disabled`, `invalid`/`replay-range`. */
export async function replayWebhook(
  { space, data: { writer, secrets, webhooks } }: Scope<AskingData>,
  { id, fromPosition, toPosition, ifMatch }: ReplayWebhook,
): Promise<Result<Written>> {
  const met = await checkWebhook(writer, space, id, ifMatch);
  if (!met.ok) return met;
  const replay = hex(secrets.random(ID_BYTES));
  const view = {
    id: replay,
    kind: "webhook-replay",
    status: "queued",
    createdAt: writer.marks.at,
    startedAt: null,
    finishedAt: null,
    webhook: id,
    fromPosition,
    toPosition: toPosition ?? writer.marks.position,
    deliveries: { pending: 0, delivered: 0, failed: 0, cancelled: 0 },
  };
  const effect = { webhook: id, replay, fromPosition, ...(toPosition === undefined ? {} : { toPosition }) };
  const written = await writer.aside("webhook_replay", effect, {
    view,
    accepted: true,
    location: `webhooks/${id}/replays/${replay}`,
  });
  if (!written.ok) return refuse(refusalOf(written.fault, id));
  if (!written.value.replayed) await webhooks.waker.replay(space, replay);
  return written;
}

/** Deliveries that were made already and not sent are not sent any more. Refuses with `missing`/`job-missing`. */
export async function cancelReplay(
  { space, data: { writer } }: Scope<Pick<AskingData, "writer">>,
  {
    id,
    replay,
    whyNot,
  }: { readonly id: string; readonly replay: string; whyNot(view: JsonObject): Promise<Fault | undefined> },
): Promise<Result<Written>> {
  const loaded = await writer.load([
    sql`select ${replayColumns(sql`${space.uid}`)} where r.space = ${space.uid} and r.id = ${replay} and r.webhook = ${id}`,
  ]);
  if (!loaded.ok) return loaded;
  const row = loaded.value.rows[0]?.[0];
  if (row === undefined) return refuse(jobMissing(replay));
  const shown = replayView(row);
  const stopped = await whyNot(shown);
  if (stopped !== undefined) return refuse(stopped);
  const over = shown["status"] === "completed";
  const view = over ? shown : { ...shown, status: "cancelled", finishedAt: shown["finishedAt"] ?? writer.marks.at };
  const written = await writer.aside("webhook_replay_cancel", { webhook: id, replay }, { view });
  return written.ok ? written : refuse(refusalOf(written.fault, id));
}

/** `If-Match` names a state of the webhook. */
async function checkWebhook(writer: Writer, space: SpaceRef, id: string, ifMatch: IfMatch): Promise<Result<undefined>> {
  if (ifMatch === undefined) return ok(undefined);
  const loaded = await writer.load([webhookStatement(space.uid, id)]);
  if (!loaded.ok) return loaded;
  const row = loaded.value.rows[0]?.[0];
  if (row === undefined) return refuse(webhookMissing(id));
  return checkMatch(ifMatch, etagOf(space.epoch, decodeWebhook(row).state.revision), `webhook "${id}"`);
}

function refusalOf(found: Fault, id: string): Fault {
  const extras: { position?: Position } = found.position === undefined ? {} : { position: found.position };
  switch (found.code) {
    case "webhook-missing":
      return { ...webhookMissing(id), ...extras };
    case "webhook-disabled":
      return fault("conflict", "webhook-disabled", `Cannot send to webhook ${quote(id)}: it is disabled`, extras);
    case "job-missing":
      return { ...jobMissing(id), ...extras };
    case "replay-range": {
      const detail = "A replay begins at or before its end, and ends at or before the space's head";
      return fault("invalid", "replay-range", detail, {
        ...extras,
        errors: [{ pointer: "/toPosition", code: "replay-range", detail }],
      });
    }
    default:
      return found;
  }
}

export function jobMissing(id: string): Fault {
  return fault("missing", "job-missing", `There is no job ${quote(id)}`);
}

/** With what became of its deliveries. */
export function replayColumns(space: ReturnType<typeof sql>) {
  return sql`r.id, r.webhook, r.from_pos, r.to_pos, r.reached, r.cancelled_at, r.created_at, r.started_at, d.pending, d.delivered, d.failed, d.cancelled, d.finished_at
    from webhook_replays r cross join lateral (
      select count(*) filter (where d.state = 'pending') as pending, count(*) filter (where d.state = 'delivered') as delivered,
        count(*) filter (where d.state = 'failed') as failed, count(*) filter (where d.state = 'cancelled') as cancelled, max(d.finished_at) as finished_at
      from deliveries d where d.space = ${space} and d.webhook = r.webhook and d.replay = r.id offset 0) d`;
}

/** Completed when each of its deliveries has ended. */
export function replayView(row: Readonly<Record<string, unknown>>): JsonObject {
  const n = (name: string): number => Number(row[name] ?? 0);
  const isMade = n("reached") >= n("to_pos");
  const isOver = isMade && n("pending") === 0;
  const cancelled = (row["cancelled_at"] as string | null) ?? null;
  const started = (row["started_at"] as string | null) ?? null;
  return {
    id: row["id"] as string,
    kind: "webhook-replay",
    status: cancelled !== null ? "cancelled" : isOver ? "completed" : started === null ? "queued" : "running",
    createdAt: row["created_at"] as string,
    startedAt: started,
    finishedAt: cancelled ?? (isOver ? ((row["finished_at"] as string | null) ?? started) : null),
    webhook: row["webhook"] as string,
    fromPosition: n("from_pos"),
    toPosition: n("to_pos"),
    deliveries: { pending: n("pending"), delivered: n("delivered"), failed: n("failed"), cancelled: n("cancelled") },
  };
}
