// Request headers that change what a request means: conditions, idempotency, positions, preferences, media types.
import { fault, quote } from "../kernel/fault.ts";
import { type Position, position } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Conditions } from "./operation.ts";

const NO_CONDITIONS: Result<Conditions> = ok({});
const NOTHING = ok(undefined);
const NO_PREFERENCES: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

/** One member of an entity-tag list and the comma before the next; a tag may itself hold commas. */
const ENTITY_TAG = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\u00ff]*")?[ \t]*(?:,|$)/y;
/** RFC 9651 String, as an Item without parameters. */
const SF_STRING = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
const PRINTABLE = /^[\x20-\x7e]{1,255}$/;
const POSITION = /^\d{1,16}$/;
/** One preference of RFC 7240 and the comma after it: name, optional value, and parameters, which no preference of ours has. */
const PREFERENCE =
  /[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?[^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*)?(?:,|$)/y;
const MEDIA_TYPE = /^([!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+)[ \t]*((?:;[^,]*)?)$/;
const CHARSET = /;[ \t]*charset[ \t]*=[ \t]*"?([^\s";]*)"?/g;

/** `If-None-Match`, and on writes `If-Match`; a list that RFC 9110 does not know is 400 `invalid-header`. */
export function conditionsOf(headers: Headers, kind: "read" | "write" | "operator"): Result<Conditions> {
  const match = kind === "read" ? null : headers.get("If-Match");
  const noneMatch = headers.get("If-None-Match");
  if (match === null && noneMatch === null) return NO_CONDITIONS;
  const ifMatch = match === null ? undefined : entityTags(match);
  if (match !== null && ifMatch === undefined)
    return badHeader("If-Match", match, 'a list of entity tags like "1.5", or *');
  const ifNoneMatch = noneMatch === null ? undefined : entityTags(noneMatch);
  if (noneMatch !== null && ifNoneMatch === undefined)
    return badHeader("If-None-Match", noneMatch, 'a list of entity tags like "1.5", or *');
  return ok({ ...(ifMatch === undefined ? {} : { ifMatch }), ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }) });
}

/** The key itself: `"abc"` (as the draft writes it) and `abc` (as clients send it) are the same. */
export function idempotencyKeyOf(headers: Headers): Result<string | undefined> {
  const sent = headers.get("Idempotency-Key");
  if (sent === null) return NOTHING;
  const key = sent.startsWith('"') ? SF_STRING.exec(sent)?.[1]?.replaceAll(/\\(["\\])/g, "$1") : sent;
  if (key !== undefined && PRINTABLE.test(key)) return ok(key);
  const detail = `Header "Idempotency-Key" must be 1 to 255 printable ASCII characters, quoted or not; found ${quote(sent)}`;
  return refuse(
    fault("malformed", "idempotency-key-invalid", detail, {
      errors: [{ parameter: "Idempotency-Key", code: "idempotency-key-invalid", detail }],
    }),
  );
}

/** The position that the answer must not be older than. */
export function atLeastOf(headers: Headers): Result<Position | undefined> {
  const sent = headers.get("Meridian-At-Least");
  if (sent === null) return NOTHING;
  return readPosition("Meridian-At-Least", sent);
}

/** A position in a header. */
export function readPosition(header: string, sent: string): Result<Position> {
  const n = POSITION.test(sent) ? Number(sent) : Number.NaN;
  return Number.isSafeInteger(n) ? ok(position(n)) : badHeader(header, sent, "a position: a whole number from 0");
}

/** Preferences by lower-case name; the first of a name counts, and one without a value has `""`. What cannot be read is ignored, as RFC 7240 asks. */
export function preferOf(headers: Headers): Readonly<Record<string, string>> {
  const sent = headers.get("Prefer");
  if (sent === null) return NO_PREFERENCES;
  const preferences: Record<string, string> = Object.create(null);
  PREFERENCE.lastIndex = 0;
  while (PREFERENCE.lastIndex < sent.length) {
    const found = PREFERENCE.exec(sent);
    if (found === null) break;
    if (found[1] !== undefined)
      preferences[found[1].toLowerCase()] ??= found[3] ?? found[2]?.replaceAll(/\\(.)/g, "$1") ?? "";
  }
  return preferences;
}

/** Whether a body's `Content-Type` is one of `accepted` (lower case, without parameters); a charset, if given, must be UTF-8. */
export function isMedia(contentType: string | null, accepted: readonly string[]): boolean {
  if (contentType === null) return false;
  if (accepted.includes(contentType)) return true;
  const [, essence, parameters] = MEDIA_TYPE.exec(contentType.toLowerCase()) ?? [];
  if (essence === undefined || !accepted.includes(essence)) return false;
  for (const [, charset] of (parameters ?? "").matchAll(CHARSET)) {
    if (charset !== "utf-8" && charset !== "utf8") return false;
  }
  return true;
}

function entityTags(value: string): readonly string[] | "*" | undefined {
  if (value === "*") return "*";
  const tags: string[] = [];
  ENTITY_TAG.lastIndex = 0;
  while (ENTITY_TAG.lastIndex < value.length) {
    const found = ENTITY_TAG.exec(value);
    if (found === null) return undefined;
    // RFC 9110, 5.6.1: empty list members are skipped.
    if (found[1] !== undefined) tags.push(found[1]);
  }
  return tags.length === 0 ? undefined : tags;
}

function badHeader(name: string, value: string, wanted: string): Result<never> {
  const detail = `Header "${name}" must be ${wanted}; found ${quote(value)}`;
  return refuse(
    fault("malformed", "invalid-header", detail, { errors: [{ parameter: name, code: "invalid-header", detail }] }),
  );
}
