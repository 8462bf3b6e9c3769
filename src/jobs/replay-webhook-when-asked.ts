// A replay goes on until its events have their deliveries; what one message does not get done, the next sweep asks for again.
import { runReplay } from "../contexts/webhooks/webhooks.ts";
import { ok, type Result } from "../kernel/result.ts";
import { attempt } from "../platform/resilience/attempt.ts";
import type { JobAsked, ReactionTools } from "./reaction.ts";

export async function replayWebhookWhenAsked(
  { webhooks: { replay } }: ReactionTools,
  { uid, epoch, residency, kind, job }: JobAsked,
): Promise<Result<undefined>> {
  if (kind !== "webhook-replay") return ok(undefined);
  const space = { uid, epoch, residency };
  const ran = await attempt(() => runReplay(replay, space, job));
  if (!ran.ok) replay.report("replay-left", { space: uid, job });
  else if (ran.value === "more") await replay.waker.replay(space, job);
  return ok(undefined);
}
