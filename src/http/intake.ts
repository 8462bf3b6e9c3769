// Body, query and idempotency key of a request, checked against what its operation declares: 415, 413, 400, in this order.
import { FILE_MOST } from "../contexts/transfer/transfer.ts";
import { fault } from "../kernel/fault.ts";
import type { Json } from "../kernel/json.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Actor, SpaceRef } from "../kernel/scope.ts";
import { idempotencyOf } from "../platform/event-log/fingerprint.ts";
import type { Idempotency } from "../platform/event-log/open-writer.ts";
import type { Call, Services } from "./call.ts";
import { idempotencyKeyOf, isMedia } from "./conditions.ts";
import { readBody, readQuery, unstorable } from "./input.ts";
import { receiveBody } from "./middleware/receive.ts";
import { receiveUpload } from "./middleware/receive-upload.ts";
import type { Operation, OperatorOperation, QueryReader, ReadOperation, WriteOperation } from "./operation.ts";
import { parseJson } from "./strict-json.ts";

type Asking = ReadOperation | WriteOperation | OperatorOperation;
type Queried = Pick<Operation, "query">;

export interface Body {
  /** As the operation's schema reads it. */
  readonly value: unknown;
  /** As sent: what the idempotency fingerprint is taken from. */
  readonly raw: Json | undefined;
}

const NOTHING: Result<Body> = ok({ value: undefined, raw: undefined });

/** Taken once a request, however often the request is decided. */
export async function takeBody(call: Call, operation: Asking): Promise<Result<Body>> {
  call.body ??= takeFirst(call, operation);
  return await call.body;
}

async function takeFirst(call: Call, operation: Asking): Promise<Result<Body>> {
  if (operation.kind === "read" || call.request.method === "GET") return NOTHING;
  const declared = operation.body;
  const contentType = call.request.headers.get("content-type");
  if (declared === undefined || declared.optional) {
    const bytes = await receiveBody(call.request);
    if (!bytes.ok) return bytes;
    // Actions take no body; clients that send an empty object mean the same.
    if (bytes.value.byteLength === 0) return NOTHING;
    if (declared === undefined) return noBody(bytes.value);
    if (!isMedia(contentType, declared.media)) return refuse(unsupported(contentType, declared.media));
    return parsed(bytes.value, declared.schema);
  }
  if (!isMedia(contentType, declared.media)) return refuse(unsupported(contentType, declared.media));
  if (declared.upload) {
    const isTooLarge = Number(call.request.headers.get("content-length") ?? 0) > FILE_MOST;
    return isTooLarge ? refuse(FILE_TOO_LARGE) : NOTHING;
  }
  const bytes = await receiveBody(call.request);
  return bytes.ok ? parsed(bytes.value, declared.schema) : bytes;
}

/** The file of an operation that takes one, after everything else that was sent was looked at. Taken once a request. */
export async function takeUpload(
  call: Call,
  { uploads, clock }: Pick<Services, "uploads" | "clock">,
  space: SpaceRef,
): Promise<Result<Body>> {
  call.upload ??= (async () => {
    const begun = await uploads.begin(space);
    return begun.ok ? await receiveUpload(call.request, begun.value, clock) : begun;
  })();
  const taken = await call.upload;
  return taken.ok ? ok({ value: taken.value, raw: { sha256: taken.value.sha256 } }) : taken;
}

/** A file that became no job is removed, unless nobody knows whether it did: what was thrown may have been thrown afterwards. */
export async function settleUpload(call: Call, uploads: Services["uploads"], status: number): Promise<void> {
  const taken = await call.upload;
  if (!taken?.ok) return;
  const isKept = (status === 202 && call.event.replayed !== true) || call.event.fault === "outcome-unknown";
  if (!isKept && call.event.error === undefined) await uploads.remove(taken.value);
}

const FILE_TOO_LARGE = fault("malformed", "body-too-large", `The file is larger than ${FILE_MOST} bytes`);

function noBody(bytes: Uint8Array): Result<Body> {
  const json = parseJson(bytes);
  if (!json.ok) return json;
  if (typeof json.value === "object" && json.value !== null && Object.keys(json.value).length === 0) return NOTHING;
  return refuse(
    fault("malformed", "unknown-member", "This request takes no body", {
      errors: [{ pointer: "", code: "unknown-member", detail: "Send no body, or {}" }],
    }),
  );
}

function parsed(bytes: Uint8Array, schema: Parameters<typeof readBody>[0]): Result<Body> {
  const json = parseJson(bytes);
  if (!json.ok) return json;
  const value = readBody(schema, json.value);
  if (!value.ok) return value;
  const bad = unstorable(json.value);
  if (bad.length > 0)
    return refuse(
      fault("invalid", "text-not-storable", "Some text holds U+0000 or a lone surrogate, which cannot be stored", {
        errors: bad,
      }),
    );
  return ok({ value: value.value, raw: json.value });
}

function unsupported(found: string | null, media: readonly string[]): ReturnType<typeof fault> {
  const sent = found === null ? "no Content-Type" : `"${found.slice(0, 80)}"`;
  return fault("malformed", "unsupported-media-type", `This request takes ${media.join(" or ")}; ${sent} was sent`);
}

export function takeQuery(call: Call, operation: Queried): Result<unknown> {
  const { query } = operation;
  if (query !== undefined && "read" in query) return (query as QueryReader<unknown>).read(call.query);
  if (query !== undefined) return readQuery(query, call.query);
  const unknown = call.query.keys().next();
  if (unknown.done) return ok(undefined);
  const name = unknown.value.slice(0, 80);
  const detail = `There is no parameter "${name}" here`;
  return refuse(
    fault("malformed", "unknown-parameter", detail, {
      errors: [{ parameter: name, code: "unknown-parameter", detail }],
    }),
  );
}

export async function takeIdempotency(
  call: Call,
  services: Services,
  actor: Actor,
  body: Json | undefined,
): Promise<Result<Idempotency | undefined>> {
  if (call.route.method === "GET") return ok(undefined);
  const raw = idempotencyKeyOf(call.request.headers);
  if (!raw.ok) return raw;
  if (raw.value === undefined) return ok(undefined);
  const { pathname, search } = new URL(call.request.url);
  const request = { method: call.route.method, path: pathname, query: search, body };
  return ok(await idempotencyOf(raw.value, actor.type === "key" ? actor.id : actor.type, request, services.sha256));
}
