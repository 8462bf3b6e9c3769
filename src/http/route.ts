// The columns of the route table: what has to be said of every route. None has a default.
import type { ScopeName } from "../kernel/scope.ts";
import type { Operation } from "./operation.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type Budget = "read" | "write" | "bulk" | "auth" | "generate" | "none";

/** Who may ask. `anyone`: no credentials needed; `reader`: `content:read`, or nobody in particular when the space is publicRead;
 * `member`: any credential of the space; `root`: the root key; otherwise a scope, `orRoot` when the root key acts here too. */
export type Who =
  | { readonly kind: "anyone" }
  | { readonly kind: "reader" }
  | { readonly kind: "member" }
  | { readonly kind: "root" }
  | { readonly kind: "scope"; readonly scope: ScopeName; readonly orRoot: boolean };

/** How long an answer may be served in time-to-live mode, and how long after that while it is refreshed (`1m`, `1d`). */
export type Kept =
  | { readonly kind: "never" }
  | { readonly kind: "fresh"; readonly fresh: number; readonly stale: number };

export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly operation: Operation;
  readonly who: Who;
  readonly budget: Budget;
  readonly kept: Kept;
}

export const anyone: Who = { kind: "anyone" };
export const reader: Who = { kind: "reader" };
export const member: Who = { kind: "member" };
export const root: Who = { kind: "root" };

export function holder(scope: ScopeName): Who {
  return { kind: "scope", scope, orRoot: false };
}

export function holderOrRoot(scope: ScopeName): Who {
  return { kind: "scope", scope, orRoot: true };
}

export const never: Kept = { kind: "never" };

/** Seconds: see `Policy` of the edge cache. */
export function fresh(seconds: number): { stale(stale: number): Kept } {
  return { stale: (stale) => ({ kind: "fresh", fresh: seconds, stale }) };
}

export const MINUTE = 60;
export const DAY = 86_400;

/** Every column is required: a route without a policy does not compile. */
export function route(method: Method, path: string, operation: Operation, who: Who, budget: Budget, kept: Kept): Route {
  return { method, path, operation, who, budget, kept };
}
