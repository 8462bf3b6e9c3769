// Whether this actor may do what the route does: 403 with the scope that is missing.
import { fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Actor, ScopeName } from "../../kernel/scope.ts";
import type { Who } from "../route.ts";

export function allow(actor: Actor, who: Who): Result<undefined> {
  if (actor.type === "root") {
    // The root key acts on spaces, limits and keys, and on nothing else.
    const acts = who.kind === "root" || who.kind === "anyone" || (who.kind === "scope" && who.orRoot);
    return acts
      ? ok(undefined)
      : refuse(fault("forbidden", "scope-missing", "The root key does not act here; use an API key of the space"));
  }
  switch (who.kind) {
    case "anyone":
    case "member":
      return ok(undefined);
    case "root":
      return refuse(fault("forbidden", "scope-missing", "Only the root key may do this"));
    case "reader":
      return actor.type === "anonymous" ? ok(undefined) : holds(actor, "content:read");
    case "scope":
      return holds(actor, who.scope);
  }
}

function holds(actor: Actor, scope: ScopeName): Result<undefined> {
  if (
    actor.type === "key" &&
    (actor.scopes.has(scope) || (scope === "content:preview" && actor.scopes.has("content:write")))
  )
    return ok(undefined);
  return refuse(
    fault("forbidden", "scope-missing", `This needs the scope "${scope}", which the API key does not hold`),
  );
}
