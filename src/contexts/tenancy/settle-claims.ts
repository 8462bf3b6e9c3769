// Finishes what a crash between two steps of a creation left behind: a space that its shard has becomes active, an empty claim is freed.
import { ok, type Result } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import { answerOfMade } from "./create-space.ts";
import { activateSpace, freeClaim, takeStaleClaims } from "./directory.ts";
import type { Registry } from "./registry.ts";
import { hex } from "./secrets.ts";

export interface SettledClaims {
  readonly finished: number;
  readonly freed: number;
  /** Left for the next sweep: a shard did not answer. */
  readonly left: number;
}

const MOST = 100;

/** For the sweep, once a minute: claims older than a minute that nobody is at work on. */
export async function settleClaims(scope: Scope<Registry>): Promise<Result<SettledClaims>> {
  const { home, secrets } = scope.data;
  const holder = hex(secrets.random(16));
  const stale = await takeStaleClaims(home, holder, MOST);
  if (!stale.ok) return stale;
  const outcomes = await Promise.all(stale.value.map((ref) => settle(scope.data, ref, holder)));
  const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
  return ok({ finished: count("finished"), freed: count("freed"), left: count("left") });
}

async function settle(registry: Registry, ref: SpaceRef, holder: string): Promise<"finished" | "freed" | "left"> {
  const made = await answerOfMade(registry, ref);
  if (!made.ok) return "left";
  if (made.value === undefined) return (await freeClaim(registry.home, ref.uid, holder)).ok ? "freed" : "left";
  return (await activateSpace(registry.home, ref.uid, made.value)).ok ? "finished" : "left";
}
