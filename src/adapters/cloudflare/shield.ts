// The Durable Object that collapses the fills of many isolates and data centres of a region into one query, and how it is asked.
import { DurableObject } from "cloudflare:workers";
import type { Clock } from "../../kernel/clock.ts";
import type { Result } from "../../kernel/result.ts";
import { collapse } from "../../platform/edge-cache/collapse.ts";
import { type Kept, sizeOf } from "../../platform/edge-cache/kept.ts";
import { spreadOf } from "../../platform/edge-cache/key.ts";
import { memory } from "../../platform/edge-cache/memory.ts";
import type { Origin, Shielded, ShieldTier, Want } from "../../platform/edge-cache/tiers.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { nearestRegion, type Region } from "./regions.ts";

/** Objects a region: each is one thread, and holds its part of the keys in memory. */
const SHARDS = 4;
const MOST_BYTES = 48 * 1024 * 1024;
const MOST_ANSWERS = 50_000;
const LARGEST_BYTES = 8 * 1024 * 1024;

/** What travels is data that later versions may only add to: objects of two versions meet while a deployment is gradual. */
export interface ShieldObject<Question> {
  ask(question: Question, key: string, want: Want): Promise<Result<Shielded>>;
  /** Does nothing: whoever is answered knows that objects answer. */
  ping(): Promise<void>;
}

interface Namespace<Question> {
  getByName(name: string, options: { locationHint: Region }): ShieldObject<Question>;
}

/** The class that the platform finds by name. `origin`: reads Postgres from where the object is. */
export function shieldObject<Question>(origin: Origin<Question>, clock: Clock) {
  // Objects that share an isolate share this as well: its 128 MB are one.
  const answers = memory<Kept>(MOST_ANSWERS, { most: MOST_BYTES, largest: LARGEST_BYTES, of: sizeOf });
  return class Shield extends DurableObject implements ShieldObject<Question> {
    readonly #ask = collapse({ origin, clock, memory: answers });

    async ask(question: Question, key: string, want: Want): Promise<Result<Shielded>> {
      return await this.#ask(question, key, want);
    }

    async ping(): Promise<void> {}
  };
}

export function shieldTier<Question>(namespace: Namespace<Question>, guard: Guard): ShieldTier<Question> {
  return {
    async ask(question, key, want) {
      const region = nearestRegion(want.place);
      const name = `${region}.${Math.floor(spreadOf(key) * SHARDS)}`;
      const answered = await attempt(() =>
        guard.run(() => namespace.getByName(name, { locationHint: region }).ask(question, key, want)),
      );
      return answered.ok ? answered.value : undefined;
    },
  };
}

/** Throws when it is away. Nobody else may be asking: without this, a breaker that once opened would be seen half open for ever. */
export async function pingShield<Question>(namespace: Namespace<Question>, guard: Guard): Promise<void> {
  const region = nearestRegion(undefined);
  await guard.run(() => namespace.getByName(`${region}.0`, { locationHint: region }).ping());
}
