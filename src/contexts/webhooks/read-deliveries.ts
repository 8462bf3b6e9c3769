// The log of what was sent to a webhook, in the order in which it was made, and the replays of a webhook.
import { sql } from "drizzle-orm";
import { fault } from "../../kernel/fault.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Reader, Row } from "../../platform/database/database.ts";
import { jobMissing, replayColumns, replayView } from "./ask-deliveries.ts";
import { webhookMissing } from "./domain/webhook-decisions.ts";
import type { Listing, Reading } from "./read-webhooks.ts";
import { webhookStatement } from "./webhook-row.ts";

type Asked = Scope<{ readonly reader: Reader }>;
interface Page {
  readonly id: string;
  readonly limit: number;
  /** Id of the last one of the page before. */
  readonly after?: string | undefined;
}

const ID = /^[0-9a-f]{24}$/;

export async function listDeliveries(
  { space, data: { reader } }: Asked,
  { id, limit, after }: Page,
): Promise<Result<Listing>> {
  if (after !== undefined && !ID.test(after)) return refuse(NOT_GIVEN);
  const { uid } = space;
  const answer = await reader.read([
    webhookStatement(uid, id),
    sql`select d.id, d.event, d.position, d.replay, d.state, d.attempts, d.created_at, d.due_at, d.lease_until, d.finished_at,
          d.state = 'pending' and (not w.enabled or w.from_pos <> d.generation) as void,
          (select coalesce(jsonb_agg(jsonb_build_object('n', a.n, 'at', floor(extract(epoch from a.at) * 1000)::bigint, 'durationMs', a.took_ms, 'status', a.status,
              'error', a.error, 'request', a.request, 'response', a.response) order by a.n), '[]')
            from delivery_attempts a where a.space = ${uid} and a.delivery = d.id) as tried
        from deliveries d join webhooks w on w.space = ${uid} and w.id = d.webhook
        where d.space = ${uid} and d.webhook = ${id} and d.id > ${after ?? ""} order by d.id limit ${limit + 1}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  if (rows[0]?.[0] === undefined) return refuse(webhookMissing(id));
  const found = rows[1] ?? [];
  const data = found.slice(0, limit).map(deliveryView);
  const next = found.length > limit ? ((found[limit - 1]?.["id"] as string | undefined) ?? null) : null;
  return ok({ body: { data, page: { next, size: data.length, at: position } }, tagged: data, next, position, source });
}

/** Times are null where they do not apply: a delivery that waits for an older one of its entry has no time of its own yet. */
function deliveryView(row: Row): JsonObject {
  const isVoid = row["void"] === true;
  const status = isVoid ? "cancelled" : (row["state"] as string);
  const due = row["due_at"] as string;
  const attempts = (row["tried"] as readonly JsonObject[]).map(({ at, ...rest }) => ({
    ...rest,
    at: new Date(at as number).toISOString(),
  }));
  return {
    id: row["id"] as string,
    event: row["event"] as string,
    position: row["position"] as number,
    replayed: row["replay"] !== "",
    status,
    createdAt: row["created_at"] as string,
    nextAttemptAt: status === "pending" && !due.startsWith("infinity") ? due : null,
    finishedAt: row["finished_at"] as string | null,
    attempts,
  };
}

export async function listReplays(
  { space, data: { reader } }: Asked,
  { id, limit, after }: Page,
): Promise<Result<Listing>> {
  if (after !== undefined && !ID.test(after)) return refuse(NOT_GIVEN);
  const { uid } = space;
  const answer = await reader.read([
    webhookStatement(uid, id),
    sql`select ${replayColumns(sql`${uid}`)} where r.space = ${uid} and r.webhook = ${id}
        and (${after ?? ""} = '' or (r.created_at, r.id) > (select a.created_at, a.id from webhook_replays a where a.space = ${uid} and a.id = ${after ?? ""}))
        order by r.created_at, r.id limit ${limit + 1}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  if (rows[0]?.[0] === undefined) return refuse(webhookMissing(id));
  const found = rows[1] ?? [];
  const data = found.slice(0, limit).map(replayView);
  const next = found.length > limit ? ((found[limit - 1]?.["id"] as string | undefined) ?? null) : null;
  return ok({ body: { data, page: { next, size: data.length, at: position } }, tagged: data, next, position, source });
}

export async function getReplay(
  { space, data: { reader } }: Asked,
  { id, replay }: { readonly id: string; readonly replay: string },
): Promise<Result<Reading>> {
  const { uid } = space;
  const answer = await reader.read([
    sql`select ${replayColumns(sql`${uid}`)} where r.space = ${uid} and r.id = ${replay} and r.webhook = ${id}`,
  ]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const row = rows[0]?.[0];
  return row === undefined ? refuse(jobMissing(replay)) : ok({ body: replayView(row), position, source });
}

const NOT_GIVEN = fault("malformed", "cursor-invalid", "This cursor was not given by this list");
