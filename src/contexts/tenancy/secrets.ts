// What API keys are made with: randomness and hashing, which the runtime has.

export interface Secrets {
  /** Unpredictable bytes. */
  random(bytes: number): Uint8Array;
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
}

export async function hashOf(secrets: Secrets, text: string): Promise<string> {
  return hex(await secrets.sha256(new TextEncoder().encode(text)));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
