// HMAC-SHA-256 by the platform's Web Crypto, cut to 96 bits: 16 characters a member, and a collision only refreshes an answer too early.
import type { TagHash } from "../../platform/freshness/digest.ts";

const BYTES = 12;
/** Keeps this use of the server's secret apart from all others. */
const PURPOSE = "meridian digest tags";

export function tagHash(secret: string): TagHash {
  const encoder = new TextEncoder();
  // Kept as a value once made: a promise of one request must not be awaited by another.
  let key: CryptoKey | undefined;

  async function sign(under: CryptoKey, text: string): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign("HMAC", under, encoder.encode(text)));
  }

  async function importKey(bytes: Uint8Array): Promise<CryptoKey> {
    return await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  }

  return {
    async hash(texts) {
      key ??= await importKey(await sign(await importKey(encoder.encode(secret)), PURPOSE));
      const under = key;
      return await Promise.all(texts.map(async (text) => base64url((await sign(under, text)).subarray(0, BYTES))));
    },
  };
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}
