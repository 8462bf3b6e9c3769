// The keys of a space: making, listing, revoking and rotating them. A secret leaves once, in the answer that made it.
import { fault, quote } from "../../kernel/fault.ts";
import type { KeyId } from "../../kernel/id.ts";
import type { Json } from "../../kernel/json.ts";
import type { Position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, ScopeName } from "../../kernel/scope.ts";
import type { Reader } from "../../platform/database/database.ts";
import type { Change } from "../../platform/event-log/commit.ts";
import { handle } from "../../platform/event-log/handle.ts";
import type { Writer, Written } from "../../platform/event-log/writer.ts";
import { decodeKey, type KeyRecord, keyStatement, keyStateOf, keysStatement, keyView } from "./api-key.ts";
import { evolveKey, type KeyEvent, type KeyState, NO_KEY } from "./domain/key.ts";
import { decideKey } from "./domain/key-decisions.ts";
import { formatKey, ID_BYTES, newKeyId, newSecret, SECRET_BYTES } from "./domain/key-text.ts";
import { decodeKeyCursor, encodeKeyCursor } from "./key-cursor.ts";
import { checkMatch, type IfMatch } from "./precondition.ts";
import { hashOf, type Secrets } from "./secrets.ts";
import { etagOf } from "./space.ts";

export interface KeyData {
  readonly writer: Writer;
  readonly secrets: Secrets;
}

export interface CreateKey {
  readonly name: string;
  readonly scopes: readonly ScopeName[];
  /** RFC 3339. */
  readonly expiresAt: string | null;
}

export async function createKey(
  { space, actor, clock, data: { writer, secrets } }: Scope<KeyData>,
  input: CreateKey,
): Promise<Result<Written>> {
  // Each attempt draws a new id: the only race that it can lose is against another key of the same id.
  return await handle(async () => {
    const id = newKeyId(space.uid, secrets.random(ID_BYTES));
    const secret = newSecret(secrets.random(SECRET_BYTES));
    const decided = decideKey(
      { type: "CreateKey", ...input, hash: await hashOf(secrets, secret) },
      NO_KEY,
      actor,
      clock.now(),
    );
    if (!decided.ok) return decided;
    const { change, state } = changeOf(id, 0, NO_KEY, decided.value);
    const view = keyView({
      id,
      name: state.name,
      scopes: state.scopes,
      createdAt: writer.marks.at,
      expiresAt: state.expiresAt,
      lastUsedAt: null,
    });
    return await writer.commit(change, {
      view: { ...view, key: writer.marks.secret },
      created: true,
      etag: etagOf(space.epoch, 1),
      location: `keys/${id}`,
      secret: formatKey(id, secret),
    });
  });
}

export interface RotateKey {
  readonly id: KeyId;
  /** How long the secret before goes on being accepted. */
  readonly overlapSeconds: number;
  readonly ifMatch: IfMatch;
}

export async function rotateKey(
  { space, actor, clock, data: { writer, secrets } }: Scope<KeyData>,
  { id, overlapSeconds, ifMatch }: RotateKey,
): Promise<Result<Written>> {
  return await handle(async () => {
    const loaded = await load(writer, space.epoch, id, ifMatch);
    if (!loaded.ok) return loaded;
    const record = loaded.value;
    const secret = newSecret(secrets.random(SECRET_BYTES));
    const decided = decideKey(
      { type: "RotateKey", id, overlapSeconds, hash: await hashOf(secrets, secret) },
      keyStateOf(record),
      actor,
      clock.now(),
    );
    if (!decided.ok) return decided;
    const { change } = changeOf(id, record.revision, keyStateOf(record), decided.value);
    return await writer.commit(change, {
      view: { ...keyView(record), key: writer.marks.secret },
      etag: etagOf(space.epoch, record.revision + 1),
      secret: formatKey(id, secret),
    });
  });
}

export async function revokeKey(
  { space, actor, clock, data: { writer } }: Scope<Pick<KeyData, "writer">>,
  { id, ifMatch }: { readonly id: KeyId; readonly ifMatch: IfMatch },
): Promise<Result<Written>> {
  return await handle(async () => {
    const loaded = await load(writer, space.epoch, id, ifMatch);
    if (!loaded.ok) return loaded;
    const decided = decideKey({ type: "RevokeKey", id }, keyStateOf(loaded.value), actor, clock.now());
    if (!decided.ok) return decided;
    return await writer.commit(changeOf(id, loaded.value.revision, keyStateOf(loaded.value), decided.value).change, {});
  });
}

async function load(writer: Writer, epoch: number, id: KeyId, ifMatch: IfMatch): Promise<Result<KeyRecord>> {
  const answer = await writer.load([keyStatement(writer.space.uid, id)]);
  if (!answer.ok) return answer;
  const row = answer.value.rows[0]?.[0];
  const record = row && decodeKey(row);
  if (record === undefined || record.revokedAt !== null)
    return refuse(fault("missing", "key-missing", `There is no key ${quote(id)}`));
  const met = checkMatch(ifMatch, etagOf(epoch, record.revision), `key "${id}"`);
  return met.ok ? ok(record) : met;
}

type LiveKey = Exclude<KeyState, { is: "absent" }>;

function changeOf(
  id: KeyId,
  revision: number,
  before: KeyState,
  events: readonly KeyEvent[],
): { readonly change: Change; readonly state: LiveKey } {
  const state = events.reduce(evolveKey, before) as LiveKey;
  const { name, scopes, hash, previous, previousUntil, expiresAt } = state;
  const stream = `key:${id}`;
  const n = events.length;
  const change: Change = {
    streams: [{ i: 0, id: stream, x: revision, n }],
    events: events.map(({ type, data }, at) => ({
      n: at + 1,
      stream,
      version: revision + at + 1,
      type,
      schema: 1,
      data,
      tags: ["keys"],
    })),
    keys: [
      {
        id,
        n,
        revision: revision + n,
        name,
        scopes,
        hash,
        previous,
        previousUntil,
        expiresAt,
        revoked: state.is === "revoked",
      },
    ],
    moved: { keys: n },
    relies: [],
  };
  return { change, state };
}

export interface KeyList {
  readonly body: Json;
  readonly tagged: Json;
  readonly next: string | null;
  readonly position: Position;
  readonly source: string;
}

/** Never a secret, never a revoked key. */
export async function listKeys(
  { space, data: { reader } }: Scope<{ readonly reader: Reader }>,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<Result<KeyList>> {
  const after = decodeKeyCursor(cursor);
  if (!after.ok) return after;
  const answer = await reader.read([keysStatement(space.uid, after.value, limit + 1)]);
  if (!answer.ok) return answer;
  const { rows, position, source } = answer.value;
  const found = (rows[0] ?? []).map(decodeKey);
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const data = shown.map(keyView);
  const next = found.length > limit && last ? encodeKeyCursor(last) : null;
  return ok({ body: { data, page: { next, size: data.length, at: position } }, tagged: data, next, position, source });
}
