// Rights that depend on what is there, beyond those that the route asks for.
import { type Fault, fault } from "../../kernel/fault.ts";
import type { Actor, ScopeName } from "../../kernel/scope.ts";

/** The system acts for decisions that somebody with the right has taken before. */
export function holds(actor: Actor, scope: ScopeName): boolean {
  return actor.type === "system" || (actor.type === "key" && actor.scopes.has(scope));
}

export function scopeMissing(what: string, scope: ScopeName): Fault {
  return fault("forbidden", "scope-missing", `Cannot ${what}: this needs the scope "${scope}"`);
}
