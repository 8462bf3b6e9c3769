// Insight has a queue of its own, because it takes the processor: nothing that others wait for shares an invocation with it. Its bell is the
// one that was heard here. What is not sent, the sweep sends.
import { fault } from "../kernel/fault.ts";
import { ORIGIN } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Bell } from "../platform/relay/bell.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import type { ReactionTools } from "./reaction.ts";

export async function callInsightWhenSpaceAdvances({ insight }: ReactionTools, bell: Bell): Promise<Result<undefined>> {
  const rung = await attempt(() => insight.bells.ring(bell));
  // Of a space that could not be marked before its commit only this bell speaks.
  if (rung.ok || bell.position !== ORIGIN) return ok(undefined);
  return refuse(fault("unavailable", "subscriber-behind", `Insight could not be called: ${nameOf(rung.error)}`));
}
