// Randomness and hashing for API keys, from the runtime's Web Crypto.
import type { Secrets } from "../../contexts/tenancy/tenancy.ts";

export const webSecrets: Secrets = {
  random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
  sha256: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
};
