// Secrets at rest: AES-256-GCM under a key derived (HKDF, RFC 5869) from the server's secret and the idempotency key, so that neither
// a copy of the database nor a copy of the configuration opens them.
import type { Sealer } from "../../platform/event-log/open-writer.ts";

const NONCE_BYTES = 12;
const INFO = new TextEncoder().encode("meridian sealed answers 1");

export function webSealer(serverSecret: string): Sealer {
  const root = new TextEncoder().encode(serverSecret);

  async function keyFor(salt: string): Promise<CryptoKey> {
    const master = await crypto.subtle.importKey("raw", root, "HKDF", false, ["deriveKey"]);
    const derivation = { name: "HKDF", hash: "SHA-256", salt: new TextEncoder().encode(salt), info: INFO };
    return await crypto.subtle.deriveKey(derivation, master, { name: "AES-GCM", length: 256 }, false, [
      "encrypt",
      "decrypt",
    ]);
  }

  return {
    async seal(text, key) {
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const closed = await crypto.subtle.encrypt(
        { name: "AES-GCM", iv },
        await keyFor(key),
        new TextEncoder().encode(text),
      );
      return toBase64([...iv, ...new Uint8Array(closed)]);
    },
    async open(sealed, key) {
      const bytes = Uint8Array.from(atob(sealed), (character) => character.charCodeAt(0));
      const iv = bytes.subarray(0, NONCE_BYTES);
      const text = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await keyFor(key), bytes.subarray(NONCE_BYTES));
      return new TextDecoder().decode(text);
    },
  };
}

const toBase64 = (bytes: readonly number[]): string => btoa(String.fromCharCode(...bytes));
