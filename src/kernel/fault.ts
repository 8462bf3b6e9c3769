// What a refusal says. Its words are public: what was wanted, what was found, the value in quotes.
import type { Seconds } from "./clock.ts";
import type { Position } from "./position.ts";

/** Why something was refused, without any transport's vocabulary; `http/problem.ts` maps kinds to status codes. */
export type FaultKind =
  | "malformed"
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "missing"
  | "gone"
  | "conflict"
  | "outdated"
  | "limited"
  | "unsupported"
  | "unavailable";

/** One offending place: a JSON Pointer (RFC 6901) from the body's root, or a parameter's name. */
export interface FaultItem {
  readonly pointer?: string;
  readonly parameter?: string;
  readonly code: string;
  readonly detail: string;
}

export interface Fault {
  readonly kind: FaultKind;
  /** Stable, kebab-case; `/problems/<code>` documents it. */
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly FaultItem[];
  readonly retryAfter?: Seconds;
  /** The position at which the refusal was decided, when one was read. */
  readonly position?: Position;
}

export interface FaultExtras {
  readonly errors?: readonly FaultItem[];
  readonly retryAfter?: Seconds;
  readonly position?: Position;
}

export function fault(kind: FaultKind, code: string, detail: string, extras: FaultExtras = {}): Fault {
  return { kind, code, detail, ...extras };
}

/** Quotes a value for a refusal's detail, bounded so that a hostile value cannot fill a log line. Never cut within a surrogate pair. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return `"${text.length > 80 ? `${text.slice(0, 77).replace(/[\ud800-\udbff]$/, "")}...` : text}"`;
}
