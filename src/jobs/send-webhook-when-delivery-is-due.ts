// A message only wakes: whether the delivery may be sent, and by whom, its row decides. The sending goes on behind the message, so that a
// receiver who is slow keeps nobody else's message waiting; the claim's lease stands in for the message then.
import { claimDelivery, deliverOn } from "../contexts/webhooks/webhooks.ts";
import { fault } from "../kernel/fault.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Defer, DeliveryDue, ReactionTools } from "./reaction.ts";

/** A message waits no longer than that for its row: later ones are the sweep's. */
const SOON_S = 60;

export async function sendWebhookWhenDeliveryIsDue(
  { webhooks: { deliver } }: ReactionTools,
  { uid, epoch, residency, delivery }: DeliveryDue,
  defer: Defer,
): Promise<Result<undefined>> {
  const space = { uid, epoch, residency };
  const claimed = await claimDelivery(deliver, space, delivery);
  if (claimed.is === "mine") {
    defer(deliverOn(deliver, space, claimed.claim));
    return ok(undefined);
  }
  const { after } = claimed;
  if (after === undefined || after > SOON_S) return ok(undefined);
  return refuse(fault("unavailable", "too-early", `Delivery "${delivery}" is not due yet`, { retryAfter: after }));
}
