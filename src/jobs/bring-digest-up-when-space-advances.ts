// Usually the committer has done it already, and one look at Redis ends the matter.
import { fault } from "../kernel/fault.ts";
import { ORIGIN } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Bell } from "../platform/relay/bell.ts";
import { bringUp } from "../platform/relay/bring-up.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import type { ReactionTools } from "./reaction.ts";

export async function bringDigestUpWhenSpaceAdvances(tools: ReactionTools, bell: Bell): Promise<Result<undefined>> {
  const brought = await attempt(async () => {
    const [head] = await tools.digest.heads([bell]);
    const isThere = bell.position !== ORIGIN && head !== undefined && head >= bell.position;
    if (!isThere) await bringUp(tools, bell, head);
  });
  // A space that was marked before its commit is found by the next sweep. Of one that could not be marked only this bell speaks.
  if (brought.ok || bell.position !== ORIGIN) return ok(undefined);
  return refuse(
    fault("unavailable", "digest-behind", `The digest of space "${bell.uid}" may be behind: ${nameOf(brought.error)}`),
  );
}
