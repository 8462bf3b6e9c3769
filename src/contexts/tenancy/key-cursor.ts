// Where the next page of a space's keys begins.
import { fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";

export interface KeyCursor {
  readonly createdAt: string;
  readonly id: string;
}

const SHAPE = /^(\d{1,15})-([0-9A-Za-z]{11,16})$/;

export function encodeKeyCursor({ createdAt, id }: KeyCursor): string {
  return `${Date.parse(createdAt)}-${id}`;
}

/** Opaque to clients; it decides only where a list goes on, so it is not signed. */
export function decodeKeyCursor(cursor: string | undefined): Result<KeyCursor | undefined> {
  if (cursor === undefined) return ok(undefined);
  const [, at, id] = SHAPE.exec(cursor) ?? [];
  if (at === undefined || id === undefined || Number(at) > LATEST)
    return refuse(fault("malformed", "cursor-invalid", "This cursor was not given by this list"));
  return ok({ createdAt: new Date(Number(at)).toISOString(), id });
}

/** The last millisecond of the year 9999. */
const LATEST = 253_402_300_799_999;
