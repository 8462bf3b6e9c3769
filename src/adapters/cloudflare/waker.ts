// The queues of deliveries and of work as webhooks see them: messages that wake. What is not sent, the sweep sends.
import type { Waker } from "../../contexts/webhooks/webhooks.ts";
import type { Report } from "../../platform/relay/relay.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import type { QueueBinding } from "./bell-queue.ts";

export interface BatchQueue extends QueueBinding {
  sendBatch(messages: readonly { body: unknown; contentType: "json"; delaySeconds: number }[]): Promise<unknown>;
}

/** What the platform takes at once. */
const BATCH = 100;

export function queueWaker(
  queues: { readonly deliveries: BatchQueue; readonly work: QueueBinding },
  guard: Guard,
  report: Report,
): Waker {
  const send = async (space: number, work: () => Promise<unknown>): Promise<void> => {
    try {
      await guard.run(work);
    } catch (error) {
      report("not-woken", { space, why: error instanceof Error ? error.name : typeof error });
    }
  };
  return {
    async deliveries({ uid, epoch, residency }, wakes) {
      for (let at = 0; at < wakes.length; at += BATCH) {
        const messages = wakes.slice(at, at + BATCH).map(({ id, delay }) => ({
          body: { uid, epoch, residency, delivery: id },
          contentType: "json" as const,
          delaySeconds: delay,
        }));
        await send(uid, () => queues.deliveries.sendBatch(messages));
      }
    },
    async replay({ uid, epoch, residency }, id) {
      const body = { uid, epoch, residency, kind: "webhook-replay", job: id };
      await send(uid, () => queues.work.send(body, { contentType: "json", delaySeconds: 0 }));
    },
  };
}
