// Messages that gave up, on their way to where they are kept and back into the queue that they came from.
import type { LetterQueues } from "../../platform/relay/dead-letters.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import type { QueueBinding } from "./bell-queue.ts";

/** A queue's name without the deployment's. */
type Queues = { readonly "dead-letters": QueueBinding } & Readonly<Record<string, QueueBinding>>;

export function letterQueues(queues: Queues, guard: Guard): LetterQueues {
  const send = (queue: QueueBinding, body: unknown): Promise<void> =>
    guard.run(async () => {
      try {
        await queue.send(body, { contentType: "json", delaySeconds: 0 });
      } catch (error) {
        throw new Outage(guard.name, "failed", { cause: error });
      }
    });
  return {
    giveUp: (said) => send(queues["dead-letters"], { gaveUp: said }),
    async send(name, body) {
      const queue = Object.hasOwn(queues, name) ? queues[name] : undefined;
      if (queue === undefined) return false;
      await send(queue, JSON.parse(body));
      return true;
    },
  };
}
