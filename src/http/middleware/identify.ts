// Who asks: nobody in particular, the root key, or an API key whose record says that it is good. Records are remembered for seconds
// and proved by every snapshot that is read with them (see `keysAt`).
import {
  decodeDirectory,
  decodeKey,
  type KeyRecord,
  keyStatement,
  keyTrouble,
  type PresentedKey,
  parseKey,
  type Secrets,
  sameText,
  spaceOfUidStatement,
  verifyKey,
} from "../../contexts/tenancy/tenancy.ts";
import { type Clock, type Instant, instant } from "../../kernel/clock.ts";
import { type Fault, fault } from "../../kernel/fault.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Actor, SpaceRef } from "../../kernel/scope.ts";
import type { Database } from "../../platform/database/open-database.ts";
import type { Place } from "../../platform/database/topology.ts";
import { memory } from "../../platform/edge-cache/memory.ts";
import type { Freshness as FreshnessMemos } from "../../platform/freshness/memo.ts";
import { ON_KEYS, staleSince } from "../../platform/freshness/view.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { Asker, Freshness } from "../knowledge.ts";
import { keyUses } from "./note-key-use.ts";

export interface Identity {
  readonly actor: Actor;
  /** The key's own space. */
  readonly uid?: SpaceUid;
  /** The position of the space's keys that the record was read at. */
  readonly keysAt?: Position;
  /** The key by its own last event. */
  readonly key?: { readonly id: string; readonly position: Position };
  /** Of the snapshot that the record was read in. */
  readonly position?: Position;
  /** When the record stops being good without an event: expiry, or the end of a rotation's overlap. */
  readonly until?: Instant;
}

/** `defer`: lets the note that a key was used go on behind the answer; without, none is made. */
export interface Behind extends Asker {
  defer?(work: Promise<unknown>): void;
}

export interface Credentials {
  identify(request: Request, place: Place | undefined, freshness: Freshness, asker?: Behind): Promise<Result<Identity>>;
  /** Whether these very credentials were found to be good before. Asks nobody. */
  remembers(request: Request): boolean;
}

interface Remembered {
  readonly record: KeyRecord;
  readonly space: SpaceRef;
  readonly keysAt: Position;
  readonly position: Position;
  readonly readAt: Instant;
  /** The text that was verified against this record; SHA-256 is asynchronous here, so it is done once. */
  readonly text: string;
}

/**
 * Milliseconds, while the digest is away: a revoked key is dead everywhere within five seconds, however far behind the endpoint that answers
 * its reads. While the digest is known, a record lasts until it says that the space's keys have changed.
 */
const RECORD_LIFE = 4_000;
/** While the primary is away, known keys go on reading for an hour. */
const RECORD_LAST_RESORT = 3_600_000;

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;

const ANYBODY: Result<Identity> = ok({ actor: { type: "anonymous" } });
const ROOT: Result<Identity> = ok({ actor: { type: "root" } });
const INVALID: Fault = fault(
  "unauthenticated",
  "credentials-invalid",
  "The credentials are not valid: unknown, mistyped, expired or revoked",
);

/** The end of a rotation's overlap comes without an event: which of the two secrets was verified before it no longer counts. */
function overlapEnded({ record: { previous }, readAt }: Remembered, now: Instant): boolean {
  return previous !== null && readAt < previous.until && now >= previous.until;
}

function endOf({ record: { previous, expiresAt }, readAt }: Remembered): Instant {
  const expiry = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
  return instant(previous !== null && readAt < previous.until ? Math.min(expiry, previous.until) : expiry);
}

/** Nobody's time is left for what goes on behind: it is not waited for, and may be lost. */
const dropped = (work: Promise<unknown>): void => void attempt(() => work);

export function credentialsOf(parts: {
  database: Database;
  rootKey: string;
  secrets: Secrets;
  clock: Clock;
  freshness: FreshnessMemos;
}): Credentials {
  const { clock, freshness } = parts;
  const uses = keyUses(clock);
  const byId = memory<Remembered>(5_000);

  async function fetchRecord(
    database: Database,
    presented: PresentedKey,
    text: string,
    place: Place | undefined,
  ): Promise<Result<Remembered | undefined>> {
    const known = byId.get(presented.id);
    const space = known ? ok(known.space) : await locate(database, presented.space, place);
    if (!space.ok) return space;
    if (space.value === undefined) return ok(undefined);
    const ask = (from: "primary" | "nearest") =>
      database.snapshot({ space: space.value as SpaceRef, from, place, caller: "request" }, [
        keyStatement(presented.space, presented.id),
      ]);
    let found = await ask("primary");
    if (!found.ok && found.fault.kind === "unavailable") {
      // A reader that has seen the space's keys change since would not take our older record; one that lags must not undo it.
      found = await ask("nearest");
      const lags = !found.ok || (known !== undefined && found.value.head.keys < known.keysAt);
      if (lags && known && clock.now() - known.readAt < RECORD_LAST_RESORT) return ok(known);
    }
    if (!found.ok) return found.fault.kind === "missing" ? ok(undefined) : found;
    const row = found.value.rows[0]?.[0];
    if (row === undefined) return ok(undefined);
    const { head } = found.value;
    const { keys: keysAt, position } = head;
    // A record's space is one life of it: what the digest of another says does not concern it.
    const ref = { ...space.value, epoch: head.epoch };
    return ok({ record: decodeKey(row), space: ref, keysAt, position, readAt: clock.now(), text });
  }

  async function locate(
    database: Database,
    uid: SpaceUid,
    place: Place | undefined,
  ): Promise<Result<SpaceRef | undefined>> {
    const statement = spaceOfUidStatement(uid);
    let rows = await database.homeNearby(statement, place);
    if (rows.ok && rows.value.length === 0) rows = await database.home.call(statement);
    if (!rows.ok) return rows;
    return ok(rows.value[0] && decodeDirectory(rows.value[0]));
  }

  async function identifyKey(
    asker: Behind,
    text: string,
    presented: PresentedKey,
    place: Place | undefined,
    wanted: Freshness,
    isRead: boolean,
  ): Promise<Result<Identity>> {
    const known = byId.get(presented.id);
    const isSame = known && wanted === "cached" && sameText(known.text, text) && !overlapEnded(known, clock.now());
    if (isSame) {
      // One question to the digest, which a read's answer needs anyway, instead of one to the primary. A write asks the primary in any case.
      if (isRead && !isCurrent(known)) await freshness.current(freshness.memo(known.space), asker.defer ?? dropped);
      if (isCurrent(known)) return good(asker, known);
    }
    const fetched = await fetchRecord(asker.database, presented, text, place);
    if (!fetched.ok) return fetched;
    const remembered = fetched.value;
    if (remembered === undefined) return refuse(INVALID);
    if (!(await verifyKey(presented, remembered.record, clock.now(), parts.secrets))) {
      // That a key is dead is remembered too, or the record from before would count again while the primary is away. No text fits it.
      if (keyTrouble(remembered.record, clock.now()) !== undefined) byId.set(presented.id, { ...remembered, text: "" });
      return refuse(INVALID);
    }
    byId.set(presented.id, remembered);
    return good(asker, remembered);
  }

  function isCurrent({ space, position, readAt }: Remembered): boolean {
    const memo = freshness.memo(space);
    const now = clock.now();
    if (!freshness.isLive(memo, now) || memo.view === undefined) return now - readAt < RECORD_LIFE;
    return staleSince(memo.view, position, ON_KEYS) === undefined;
  }

  function good({ database, defer }: Behind, remembered: Remembered): Result<Identity> {
    const { record, space, keysAt, position } = remembered;
    // Expiry comes without an event.
    if (keyTrouble(record, clock.now()) !== undefined) return refuse(INVALID);
    const { id, scopes } = record;
    if (defer) uses.note(database, space, record, defer);
    return ok({
      actor: { type: "key", id, scopes },
      uid: space.uid,
      keysAt,
      key: { id, position: record.position },
      position,
      until: endOf(remembered),
    });
  }

  return {
    remembers(request) {
      const text = BEARER.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
      const known = byId.get(parseKey(text)?.id ?? "");
      return sameText(parts.rootKey, text) || (known !== undefined && sameText(known.text, text));
    },
    async identify(request, place, freshness, asker = parts) {
      const header = request.headers.get("authorization");
      if (header === null) return ANYBODY;
      const text = BEARER.exec(header)?.[1];
      if (text === undefined) return refuse(INVALID);
      if (sameText(parts.rootKey, text)) return ROOT;
      const presented = parseKey(text);
      if (presented === undefined) return refuse(INVALID);
      const isRead = request.method === "GET" || request.method === "HEAD";
      return await identifyKey(asker, text, presented, place, freshness, isRead);
    },
  };
}
