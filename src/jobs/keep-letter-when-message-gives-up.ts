// What gave up is kept where its space's data is, until an operator redrives or drops it. Until it is kept, its message stays in the queue.
import { fault } from "../kernel/fault.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import type { MessageGaveUp, ReactionTools } from "./reaction.ts";

export async function keepLetterWhenMessageGivesUp(
  { deadLetters, subscribers: { clock, report } }: ReactionTools,
  { letter, space }: MessageGaveUp,
): Promise<Result<undefined>> {
  const kept = await attempt(() => deadLetters.keep(space, { ...letter, at: clock.now() }));
  if (!kept.ok) return refuse(fault("unavailable", "letter-not-kept", `Not kept yet: ${nameOf(kept.error)}`));
  const { id, queue, reason, attempts } = letter;
  report("dead-letter", { letter: id, queue, reason, attempts, ...(space === undefined ? {} : { space: space.uid }) });
  return ok(undefined);
}
