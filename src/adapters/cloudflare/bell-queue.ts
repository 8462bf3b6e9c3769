// The `changes` queue as somebody who rings a bell sees it.
import type { BellSender } from "../../platform/relay/bell.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";

/** The part of a queue's binding that is used here. */
export interface QueueBinding {
  send(body: unknown, options: { contentType: "json"; delaySeconds: number }): Promise<unknown>;
}

export function bellQueue(queue: QueueBinding, guard: Guard): BellSender {
  return {
    async ring(bell, { delay, atMost }) {
      await guard.run(
        async () => {
          try {
            await queue.send(bell, { contentType: "json", delaySeconds: delay });
          } catch (error) {
            throw new Outage(guard.name, "failed", { cause: error });
          }
        },
        atMost === undefined ? {} : { atMost },
      );
    },
  };
}
