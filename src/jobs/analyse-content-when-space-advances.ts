// The subscriber of insight follows the log, in turns. When something that it needs is away the bell is done: the sweep rings again.
import { fault } from "../kernel/fault.ts";
import { ORIGIN } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Bell } from "../platform/relay/bell.ts";
import { runSubscriber } from "../platform/relay/run-subscriber.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import type { ReactionTools } from "./reaction.ts";

export async function analyseContentWhenSpaceAdvances(tools: ReactionTools, bell: Bell): Promise<Result<undefined>> {
  const { uid, epoch, residency } = bell;
  const ran = await attempt(() => runSubscriber(tools.insight, tools.insight.subscriber, { uid, epoch, residency }));
  // Of a space that could not be marked before its commit only this bell speaks.
  if (ran.ok || bell.position !== ORIGIN) return ok(undefined);
  return refuse(
    fault("unavailable", "subscriber-behind", `Insight of space "${uid}" may be behind: ${nameOf(ran.error)}`),
  );
}
