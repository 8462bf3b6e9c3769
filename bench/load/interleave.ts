// Several places under the same load in turn, round after round: what a neighbour takes away falls on all of them alike.

import type { Load } from "./connections.ts";
import type { Cpu, Meter } from "./cpu.ts";
import type { Generator } from "./generator.ts";

export interface Place {
  readonly name: string;
  /** Of one round; rounds may ask for different things. */
  load(round: number): Load;
  /** Before a round, unmeasured. */
  prepare?(round: number): Promise<void>;
}

export interface Seen {
  readonly rates: readonly number[];
  /** Of all rounds; `undefined` where processor time cannot be read. */
  readonly spent: (Cpu & { readonly requests: number }) | undefined;
}

export async function interleave(
  places: readonly Place[],
  rounds: number,
  generator: Generator,
  meter: Meter | undefined,
): Promise<ReadonlyMap<string, Seen>> {
  const seen = new Map<string, { rates: number[]; spent: (Cpu & { requests: number }) | undefined }>();
  for (const { name } of places) seen.set(name, { rates: [], spent: undefined });
  for (let round = 0; round < rounds; round += 1) {
    for (const place of round % 2 === 0 ? places : places.toReversed()) {
      await place.prepare?.(round);
      const before = await meter?.read();
      const { perSecond, requests } = await generator.run(place.load(round));
      const after = await meter?.read();
      const so = seen.get(place.name);
      so?.rates.push(perSecond);
      if (so && before && after) so.spent = add(so.spent, before, after, requests);
    }
  }
  return seen;
}

function add(
  sum: (Cpu & { requests: number }) | undefined,
  before: Cpu,
  after: Cpu,
  requests: number,
): Cpu & { requests: number } {
  const part = (name: keyof Cpu): number => (sum?.[name] ?? 0) + after[name] - before[name];
  return {
    requests: (sum?.requests ?? 0) + requests,
    worker: part("worker"),
    gateway: part("gateway"),
    postgres: part("postgres"),
  };
}

/** Rates of a place as shares of another's in the same round. */
export function shares(seen: ReadonlyMap<string, Seen>, name: string, base: string): readonly number[] {
  const below = seen.get(base)?.rates ?? [];
  return (seen.get(name)?.rates ?? []).map((rate, round) => rate / (below[round] ?? Number.NaN));
}

/** Processor time of one request, in clock ticks; NaN where it cannot be read. */
export function ticksOf(seen: Seen | undefined, parts: readonly (keyof Cpu)[]): number {
  const { spent } = seen ?? {};
  if (spent === undefined || spent.requests === 0) return Number.NaN;
  return parts.reduce((sum, part) => sum + spent[part], 0) / spent.requests;
}
