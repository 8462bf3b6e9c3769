// Cursors: where a walk goes on, signed together with the query that it belongs to. Opaque to clients.
import { fault } from "../../kernel/fault.ts";
import { type Position, position } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Place } from "./stretch.ts";

/** A keyed signature. `mac` is text of `A-Za-z0-9_-`. */
export interface Signer {
  sign(text: string): Promise<string>;
  verify(text: string, mac: string): Promise<boolean>;
}

export interface Cursor {
  /** The position of the walk's first page. */
  readonly at: Position;
  readonly place: Place;
}

const FORMAT = "1";
const PAYLOAD = /^1\.(\d{1,10})\.(\d{1,10})\.(\d{1,16})\.(.*)$/s;
const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** `binding`: the canonical query, without limit. */
export async function writeCursor(
  { at, place }: Cursor,
  space: SpaceRef,
  binding: string,
  signer: Signer,
): Promise<string> {
  const payload = [FORMAT, space.uid, space.epoch, at, JSON.stringify([place.phase, place.key ?? null, place.id])].join(
    ".",
  );
  return `${toBase64url(payload)}.${await signer.sign(signedText(payload, binding))}`;
}

/** Refuses with 400 `cursor-invalid`, or 410 `history-restored` for one that was given out before the space was restored or erased. */
export async function readCursor(
  text: string,
  space: SpaceRef,
  binding: string,
  signer: Signer,
): Promise<Result<Cursor>> {
  const [encoded = "", mac = ""] = text.split(".", 2);
  const payload = fromBase64url(encoded);
  const parts = payload === undefined ? undefined : PAYLOAD.exec(payload);
  if (payload === undefined || !parts || !(await signer.verify(signedText(payload, binding), mac)))
    return refuse(CURSOR_INVALID);
  const [, uid, epoch, at, rest] = parts;
  if (Number(uid) !== space.uid) return refuse(CURSOR_INVALID);
  if (Number(epoch) !== space.epoch) return refuse(HISTORY_RESTORED);
  // Ours, since its signature is.
  const [phase, key, id] = JSON.parse(rest ?? "") as [number, string | number | null, string];
  return ok({ at: position(Number(at)), place: { phase, id, ...(key === null ? {} : { key }) } });
}

const CURSOR_INVALID = fault(
  "malformed",
  "cursor-invalid",
  "The cursor was not given out for this query, or was changed on its way",
  {
    errors: [
      {
        parameter: "cursor",
        code: "cursor-invalid",
        detail: "Start the walk anew, and keep every parameter but limit as it was",
      },
    ],
  },
);
const HISTORY_RESTORED = fault(
  "gone",
  "history-restored",
  "The cursor is from before this space was restored; start the walk anew",
  {
    errors: [{ parameter: "cursor", code: "history-restored", detail: "Positions of that time mean nothing any more" }],
  },
);

function signedText(payload: string, binding: string): string {
  return `cursor\n${payload}\n${binding}`;
}

function toBase64url(text: string): string {
  const bytes = utf8.encoder.encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64url(text: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return utf8.decoder.decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)));
}
