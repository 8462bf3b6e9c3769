// A refusal is a value: every use case answers with a Result, and only outages are thrown.
import type { Fault } from "./fault.ts";

export type Result<T, F = Fault> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: F };

/** Success. Exactly one argument: `ok(undefined)` says that there is nothing to say. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function refuse<F>(fault: F): { readonly ok: false; readonly fault: F } {
  return { ok: false, fault };
}

/** Ends a `switch` over a union: a forgotten case does not compile. Reached only when data broke its type. */
export function never(value: never): never {
  throw new Error(`Unexpected case: ${JSON.stringify(value)}`);
}
