// What the product is told when it is measured: the stack's addresses, and silence.
import type { Stack } from "../../local/stack.ts";

export interface Addresses {
  readonly neonEndpoint: string;
  readonly redisUrl: string;
}

export const SECRET = "a secret that only this measurement ever uses";

/** Bindings to services that a read never touches; where they cannot be had they are bound to nothing. */
export const SERVICES = [
  "ASSETS",
  "DELIVERIES",
  "WORK",
  "GENERATION",
  "INSIGHT",
  "COUNTS",
  "DEAD_LETTERS",
  "BLOBS",
] as const;
/** Rate limits of the platform, which let everything through here. */
export const WALLS = ["WALL", "WRITE_WALL", "AUTH_WALL"] as const;
/** A log line costs more than a request. */
const SILENCE = "0";

export function settingsOf(
  { topology, redis, rootKey, neon }: Stack,
  addresses: Addresses = { neonEndpoint: neon.endpoint, redisUrl: redis.url },
): Readonly<Record<string, string>> {
  return {
    TOPOLOGY: JSON.stringify(topology),
    NEON_FETCH_ENDPOINT: addresses.neonEndpoint,
    UPSTASH_REDIS_REST_URL: addresses.redisUrl,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    ROOT_KEY: rootKey,
    SECRET,
    DEVELOPMENT: "true",
    LOG_SAMPLE: SILENCE,
  };
}
