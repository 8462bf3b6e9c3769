// Exact budgets by @upstash/ratelimit's fixed window. Its script goes into our own request, through the guard, with whatever else has to
// reach Redis before the write.
import { Ratelimit } from "@upstash/ratelimit";
import type { Redis as Client } from "@upstash/redis/cloudflare";
import { instant } from "../../kernel/clock.ts";
import type { Counted, ExactCounter, Marking } from "../../platform/admission/exact-budgets.ts";
import { Outage } from "../../platform/resilience/outage.ts";
import { positionOf } from "./digest-store.ts";
import { markIn } from "./dirty-set.ts";
import type { Redis, Replied } from "./redis.ts";

/**
 * Milliseconds that a counter outlives its window. The library lets it live for exactly one window from its first count, so that a request which
 * was slower on its way than that first one finds no counter, begins a new one and is let through although the quota is used up.
 */
const LINGER = 60_000;
/** The guard gives up long before. Should it not, the library would let everybody through and say why. */
const BACKSTOP = 5_000;

export function exactCounter(redis: Redis): ExactCounter {
  return {
    async count(key, { quota, window }, weight, marking) {
      const rider = ride(redis, marking);
      const limiter = new Ratelimit({
        redis: rider.client,
        limiter: Ratelimit.fixedWindow(quota, `${window} s`),
        prefix: "spent",
        // Unbounded, and of this limiter alone; what is used up is remembered by the caller.
        ephemeralCache: false,
        analytics: false,
        enableProtection: false,
        enableTelemetry: false,
        timeout: BACKSTOP,
      });
      const { success, remaining, reset, reason } = await limiter.limit(key, { rate: weight });
      if (reason === "timeout") throw new Outage("redis", "timeout");
      const marked = rider.marked();
      return { admitted: success, remaining, endsAt: instant(reset), ...(marked === undefined ? {} : { marked }) };
    },
  };
}

interface Rider {
  readonly client: Client;
  marked(): Counted["marked"];
}

/** The two methods that the library's fixed window calls, each one request. */
function ride(redis: Redis, marking: Marking | undefined): Rider {
  let marked: Counted["marked"];
  const send = async (verb: "evalsha" | "eval", script: string, keys: string[], args: unknown[]): Promise<unknown> => {
    const [tokens, window, increment] = args.map(Number) as [number, number, number];
    // A repetition with the script's text does not mark again.
    const along = marked === undefined ? marking : undefined;
    const replies = await redis.each((pipeline) => {
      pipeline[verb](script, keys, [tokens, window + LINGER, increment].map(String));
      if (along !== undefined) markIn(pipeline, along.space, along.mark);
    });
    const [counted, added, head] = replies as readonly [Replied, Replied?, Replied?];
    if (added !== undefined && head !== undefined && !added.error && !head.error)
      marked = { seen: positionOf(head.result) };
    if (counted.error === undefined) return counted.result;
    // The library reads this to send the script's text.
    if (counted.error.includes("NOSCRIPT")) throw new Error("NOSCRIPT");
    throw new Outage("redis", "failed", { cause: new Error(counted.error.slice(0, 200)) });
  };
  const client = {
    evalsha: (digest: string, keys: string[], args: unknown[]) => send("evalsha", digest, keys, args),
    eval: (script: string, keys: string[], args: unknown[]) => send("eval", script, keys, args),
  };
  return { client: client as unknown as Client, marked: () => marked };
}
