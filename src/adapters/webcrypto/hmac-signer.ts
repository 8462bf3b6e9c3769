// Signs cursors: HMAC-SHA-256 under a key derived from the server's secret for this purpose alone.
const PURPOSE = "meridian cursors";

export interface TextSigner {
  sign(text: string): Promise<string>;
  verify(text: string, mac: string): Promise<boolean>;
}

export function hmacSigner(secret: string): TextSigner {
  const encoder = new TextEncoder();
  // Kept as a value once made: a promise of one request must not be awaited by another.
  let key: CryptoKey | undefined;
  const imported = (bytes: BufferSource): Promise<CryptoKey> =>
    crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

  async function keyOf(): Promise<CryptoKey> {
    key ??= await imported(
      await crypto.subtle.sign("HMAC", await imported(encoder.encode(secret)), encoder.encode(PURPOSE)),
    );
    return key;
  }

  return {
    async sign(text) {
      return toBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", await keyOf(), encoder.encode(text))));
    },
    async verify(text, mac) {
      const bytes = fromBase64url(mac);
      return bytes !== undefined && (await crypto.subtle.verify("HMAC", await keyOf(), bytes, encoder.encode(text)));
    },
  };
}

function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

/** 32 bytes have one spelling: two bits of the last of 43 digits stand for nothing, and are none. */
function fromBase64url(text: string): Uint8Array | undefined {
  if (!/^[\w-]{42}[AEIMQUYcgkosw048]$/.test(text)) return undefined;
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
}
