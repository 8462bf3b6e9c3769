// The shapes of names that clients choose, and the opaque ids the system gives.

/** A space inside: never reused, unlike its public id. */
export type SpaceUid = number & { readonly __id: "space" };
export type KeyId = string & { readonly __id: "key" };

export const spaceUid = (n: number): SpaceUid => n as SpaceUid;

export const SPACE_ID = /^[a-z][a-z0-9-]{1,38}$/;
export const TYPE_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
export const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
export const ENTRY_ID = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;
/** BCP 47 language tags in their common forms: `en`, `pt-BR`, `zh-Hant`. */
export const LOCALE = /^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}$/;
/** 1 to 200 characters without `/ ? #` and control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what a slug must not hold
export const SLUG = /^[^/?#\u0000-\u001f\u007f-\u009f]{1,200}$/u;

/** Names that a field may not have, because answers and queries use them. */
export const RESERVED_FIELDS: ReadonlySet<string> = new Set([
  "id",
  "type",
  "slug",
  "locale",
  "status",
  "createdAt",
  "updatedAt",
  "publishedAt",
  "version",
  "position",
  "fields",
  "included",
  "or",
  "and",
  "not",
]);
