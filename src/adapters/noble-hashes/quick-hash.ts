// SHA-256 of short answers, for their entity tags: a promise of Web Crypto takes longer than the library needs for them.
import { sha256 } from "@noble/hashes/sha2.js";

/** Bytes; the library takes about 5 µs for each 1,024. */
const SHORT = 16 * 1024;

export function quickHash(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.byteLength <= SHORT ? sha256(bytes) : undefined;
}
