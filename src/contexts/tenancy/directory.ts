// The directory of spaces on the home shard: which id leads to which uid and residency, and the claims of spaces that are being made.
import { type SQL, sql } from "drizzle-orm";
import { seconds } from "../../kernel/clock.ts";
import { fault } from "../../kernel/fault.ts";
import { type SpaceUid, spaceUid } from "../../kernel/id.ts";
import { position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Home, Row } from "../../platform/database/database.ts";
import type { Written } from "../../platform/event-log/writer.ts";

/** Longer than a creation takes that meets no outage. One that outlives its lease does no harm: every step can be repeated. */
const LEASE_SECONDS = 5;
/** A claim this old was left behind. */
const STALE_SECONDS = 60;

/** Finds a space that is neither being made nor deleted. */
export function directoryStatement(id: string): SQL {
  return sql`select id, uid, residency from directory where id = ${id} and state = 'active'`;
}

/** Where the space is that a key says it belongs to. A deleted space's keys stay good, so that they are told 404 and not 401. */
export function spaceOfUidStatement(uid: SpaceUid): SQL {
  return sql`select id, uid, residency from directory where uid = ${uid} and state <> 'creating'`;
}

/** Deleted ones too: their ids are never given out again. */
export function everMadeStatement(id: string): SQL {
  return sql`select id, uid, residency from directory where id = ${id} and state <> 'creating'`;
}

export function directoryPageStatement(after: string, limit: number): SQL {
  return sql`select id, uid, residency from directory where state = 'active' and id > ${after} order by id limit ${limit}`;
}

/** The first life of a space; `space_head` knows later ones. */
export function decodeDirectory(row: Row): SpaceRef {
  return {
    id: row["id"] as string,
    uid: spaceUid(row["uid"] as number),
    epoch: 1,
    residency: row["residency"] as string,
  };
}

export function markDeletedStatement(uid: SpaceUid): SQL {
  return sql`update directory set state = 'deleted' where uid = ${uid} and state = 'active'`;
}

export interface ClaimRequest {
  readonly id: string;
  readonly residency: string;
  /** Unique to this attempt. */
  readonly holder: string;
  /** Both SHA-256, hex. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

type Kept = {
  readonly replayed: true;
  readonly status: number;
  readonly position: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
type Claimed = { readonly uid: number; readonly id: string; readonly residency: string };
type ClaimAnswer = Kept | Claimed | { readonly refused: string; readonly retryAfter?: number };

/** The space to make, or the answer of the request that has made it. Takes up the claim that an earlier request left behind under the same key. */
export async function claimSpace(
  home: Home,
  { id, residency, holder, idempotency }: ClaimRequest,
): Promise<Result<SpaceRef | Written>> {
  const payload = {
    id,
    residency,
    holder,
    leaseSeconds: LEASE_SECONDS,
    idem: idempotency && { key: idempotency.key, fingerprint: idempotency.fingerprint },
  };
  const claim = sql`select claim_space(${JSON.stringify(payload)}::jsonb) as answer`;
  let rows = await home.write(claim);
  const isLost = !rows.ok && rows.fault.code === "outcome-unknown";
  if (isLost) rows = await home.write(claim, "insists");
  if (!rows.ok) return isLost ? refuse(CLAIM_UNKNOWN) : rows;
  const answer = rows.value[0]?.["answer"] as ClaimAnswer;
  if ("replayed" in answer) return ok(replayOf(answer));
  if (!("refused" in answer)) return ok(decodeDirectory(answer));
  switch (answer.refused) {
    case "request-in-progress":
      return refuse(
        fault("conflict", "request-in-progress", "A request with this Idempotency-Key is still running", {
          retryAfter: seconds(answer.retryAfter ?? 1),
        }),
      );
    case "idempotency-key-reused":
      return refuse(
        fault(
          "invalid",
          "idempotency-key-reused",
          "This Idempotency-Key was used for another request: another method, path, query or body",
        ),
      );
    default:
      // Without a key the repeated claim finds its own first one, as somebody's.
      if (isLost) return await ownClaim(home, id, holder);
      return refuse(idTaken(id));
  }
}

async function ownClaim(home: Home, id: string, holder: string): Promise<Result<SpaceRef>> {
  const rows = await home.call(
    sql`select id, uid, residency from directory where id = ${id} and state = 'creating' and holder = ${holder}`,
  );
  if (!rows.ok) return refuse(CLAIM_UNKNOWN);
  const [row] = rows.value;
  return row === undefined ? refuse(idTaken(id)) : ok(decodeDirectory(row));
}

function idTaken(id: string): ReturnType<typeof fault> {
  return fault("conflict", "space-exists", `Cannot create space "${id}": the id is taken, or was once`);
}

/** Makes the id lead to its space and keeps the answer under the claim's key. Doing it twice is doing it once. */
export async function activateSpace(
  home: Home,
  uid: SpaceUid,
  written: Written,
  insists?: "insists",
): Promise<Result<Written>> {
  const { status, headers, body } = written.rendered;
  const payload = { uid, status, headers, body, position: written.position };
  const rows = await home.write(sql`select activate_space(${JSON.stringify(payload)}::jsonb) as answer`, insists);
  if (!rows.ok) return rows;
  const answer = rows.value[0]?.["answer"] as Kept | { readonly refused?: string };
  if ("replayed" in answer) return ok(replayOf(answer));
  return "refused" in answer ? refuse(CREATION_UNFINISHED) : ok(written);
}

/** After a refusal: the id is free again at once. */
export function freeClaim(home: Home, uid: SpaceUid, holder: string): Promise<Result<readonly Row[]>> {
  return home.call(sql`delete from directory where uid = ${uid} and state = 'creating' and holder = ${holder}`);
}

/** After an unknown outcome: whoever retries under the same key need not wait for the lease. */
export function releaseClaim(home: Home, uid: SpaceUid, holder: string): Promise<Result<readonly Row[]>> {
  return home.call(
    sql`update directory set lease_until = '-infinity' where uid = ${uid} and state = 'creating' and holder = ${holder}`,
  );
}

/** Claims left behind, held for this caller from now on. */
export async function takeStaleClaims(home: Home, holder: string, most: number): Promise<Result<readonly SpaceRef[]>> {
  const rows = await home.call(
    sql`select * from take_stale_claims(${holder}, ${STALE_SECONDS}, ${LEASE_SECONDS}, ${most})`,
  );
  return rows.ok ? ok(rows.value.map(decodeDirectory)) : rows;
}

function replayOf({ status, headers, body, position: at }: Kept): Written {
  return { rendered: { status, headers, body }, position: position(at), replayed: true, unchanged: false };
}

const CLAIM_UNKNOWN = fault(
  "unavailable",
  "outcome-unknown",
  "The answer to the claim of the id was lost, twice: it may stand, and is then freed within minutes. Retry with the same Idempotency-Key to go on with it now",
  { retryAfter: seconds(2) },
);

export const CREATION_UNFINISHED = fault(
  "unavailable",
  "outcome-unknown",
  "The answer of a step was lost: the space may or may not be made, which is settled in the background. Retry with the same Idempotency-Key to finish it now",
  { retryAfter: seconds(2) },
);
