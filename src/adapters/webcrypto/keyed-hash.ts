// HMAC-SHA-256 under a key derived from the server's secret for one purpose, cut to 128 bits: tells texts apart without telling them.

const BYTES = 16;

export function keyedHash(secret: string, purpose: string): (text: string) => Promise<string> {
  const encoder = new TextEncoder();
  // Kept as a value once made: a promise of one request must not be awaited by another.
  let key: CryptoKey | undefined;
  const imported = (bytes: BufferSource): Promise<CryptoKey> =>
    crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);

  return async (text) => {
    key ??= await imported(
      await crypto.subtle.sign("HMAC", await imported(encoder.encode(secret)), encoder.encode(purpose)),
    );
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
    return Array.from(mac.subarray(0, BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
}
