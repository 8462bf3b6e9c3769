// HMAC-SHA-256, cut to 96 bits: 16 characters a member, and a collision only refreshes an answer too early. By a library that answers at once:
// a call of the platform's Web Crypto for each of five short texts took longer than everything else that names dependencies.
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { TagHash } from "../../platform/freshness/digest.ts";

const BYTES = 12;
/** Keeps this use of the server's secret apart from all others. */
const PURPOSE = "meridian digest tags";

export function tagHash(secret: string): TagHash {
  const key = hmac(sha256, utf8ToBytes(secret), utf8ToBytes(PURPOSE));
  // What the key leads to is computed once, and copied.
  const keyed = hmac.create(sha256, key);
  return {
    hash: (texts) =>
      texts.map((text) => base64url(keyed.clone().update(utf8ToBytes(text)).digest().subarray(0, BYTES))),
  };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}
