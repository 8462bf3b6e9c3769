// A module that stands before the product and does to its queues what queues do: messages are lost, doubled, late and in any order. It also rings
// the cron, which the emulator's direct sockets do not offer, and keeps files where they outlive it: in the store that all Workers share.

/** Shares of messages, 0 to 1. Letters of what gave up are never lost: nothing else speaks of them. */
export interface QueueTrouble {
  readonly lose: number;
  readonly double: number;
  readonly late: number;
  readonly shuffle: boolean;
}

export const CALM: QueueTrouble = { lose: 0, double: 0, late: 0, shuffle: false };
export const PATHS = { queues: "/fault-run/queues", cron: "/fault-run/cron" } as const;

export const DISTURBED = `
import "./files.js";
import product, { Shield } from "./worker.js";
export { Shield };

const trouble = ${JSON.stringify(CALM)};
let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

export default {
  async fetch(request, env, context) {
    const url = new URL(request.url);
    if (url.pathname === "${PATHS.queues}") {
      const { seed, ...told } = await request.json();
      state = seed >>> 0;
      Object.assign(trouble, told);
      return new Response(null, { status: 204 });
    }
    if (url.pathname === "${PATHS.cron}") {
      await product.scheduled({ scheduledTime: Number(url.searchParams.get("at")) }, env, context);
      return new Response(null, { status: 204 });
    }
    return await product.fetch(request, env, context);
  },
  async queue(batch, env, context) {
    const { queue } = batch;
    const keeps = queue.endsWith("dead-letters");
    const [first, again] = [[], []];
    for (const message of batch.messages) {
      const chance = random();
      if (!keeps && chance < trouble.lose) message.ack();
      else if (!keeps && chance < trouble.lose + trouble.late) message.retry({ delaySeconds: 1 + Math.floor(random() * 4) });
      else {
        first.push(message);
        if (random() < trouble.double) again.push({ id: message.id, body: message.body, attempts: message.attempts, ack() {}, retry() {} });
      }
    }
    const shuffled = (messages) => (trouble.shuffle ? messages.map((one) => [random(), one]).sort((a, b) => a[0] - b[0]).map(([, one]) => one) : messages);
    await Promise.all([
      product.queue({ queue, messages: shuffled(first) }, env, context),
      product.queue({ queue, messages: shuffled(again) }, env, context),
    ]);
  },
};
`;
