// Entity tags (RFC 9110, 8.8.3): made from what is sent, compared as the two conditions ask.
import { isObject, type Json } from "../kernel/json.ts";
import type { Conditions } from "./operation.ts";

/** 128 bits: two representations of one resource do not meet by chance. */
const BYTES = 16;
const ENCODER = new TextEncoder();

/** SHA-256, at once; `undefined` for more bytes than that is worth: the platform's own answers later. */
export type QuickHash = (bytes: Uint8Array) => Uint8Array | undefined;

/** Strong: over the whole representation, byte for byte. */
export async function strongTag(representation: Uint8Array | string, quick?: QuickHash): Promise<string> {
  const bytes = typeof representation === "string" ? ENCODER.encode(representation) : representation;
  const hash =
    quick?.(bytes) ?? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return `"${base64url(hash.subarray(0, BYTES))}"`;
}

/** Weak: over the data with its members in order, so that equal data that was assembled in another order has the same tag. */
export async function weakTag(tagged: Json, quick?: QuickHash): Promise<string> {
  return `W/${await strongTag(JSON.stringify(tagged, inOrder), quick)}`;
}

function inOrder(_: string, value: Json): Json {
  return isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
}

/** Whether `If-None-Match` makes a GET or HEAD answer 304: weak comparison. */
export function isNotModified(conditions: Conditions, etag: string): boolean {
  const { ifNoneMatch } = conditions;
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch === "*") return true;
  const opaque = opaqueOf(etag);
  return ifNoneMatch.some((tag) => opaqueOf(tag) === opaque);
}

/** Whether `If-Match` lets a write go on: strong comparison, and something must be there. */
export function isMatch(ifMatch: readonly string[] | "*", etag: string | undefined): boolean {
  if (etag === undefined) return false;
  if (ifMatch === "*") return true;
  return !etag.startsWith("W/") && ifMatch.includes(etag);
}

function opaqueOf(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (sign) =>
    sign === "+" ? "-" : sign === "/" ? "_" : "",
  );
}
