// What webhooks need of the outside: addresses judged, names resolved, messages signed and sent, secrets kept.
import type { Instant, Millis } from "../../kernel/clock.ts";

export interface Addresses {
  /** Of a literal address as `URL` writes a host (`127.0.0.1`, `[::1]`) or as a resolver answers it; `undefined`: it is a name. */
  kindOf(host: string): "public" | "loopback" | "special" | undefined;
}

export interface Resolver {
  /** Addresses of a name; empty: it has none. Throws when nobody could be asked. */
  resolve(name: string): Promise<readonly string[]>;
}

/** Standard Webhooks 1.0. */
export interface MessageSigner {
  /** A value of `webhook-signature`. `secret`: `whsec_…`. */
  sign(secret: string, id: string, at: Instant, body: string): string;
}

export interface Vault {
  seal(text: string, key: string): Promise<string>;
  open(sealed: string, key: string): Promise<string>;
}

export interface Posted {
  readonly status: number;
  /** Lower-case names; few, and short. */
  readonly headers: Readonly<Record<string, string>>;
  /** The body's beginning. */
  readonly body: string;
}

export interface Courier {
  /** One POST that follows no redirect, reads no more than the beginning of what comes back and takes no longer than `within` in all. Throws when no answer came: `TimeoutError` or another. */
  post(url: string, headers: Readonly<Record<string, string>>, body: string, within: Millis): Promise<Posted>;
}
