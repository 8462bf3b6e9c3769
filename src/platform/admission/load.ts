// How much an isolate has under way, and who may still begin. What is worth least is refused first, and one space cannot take all of it.
// Whatever is under way is a lease with a time: a request that the platform cancels never says that it ended.
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import type { SpaceLife } from "../freshness/digest.ts";

/** `low`: can wait (search, export, statistics, preview); `usual`: what readers look at; `high`: writes, which somebody waits for. */
export type Value = "low" | "usual" | "high";

export type Lease = number & { readonly __id: "lease" };

export interface Load {
  /** `undefined`: not now. */
  enter(space: SpaceLife, value: Value): Lease | undefined;
  leave(lease: Lease): void;
  underWay(): number;
}

/** Of the whole. */
const SHARE: Readonly<Record<Value, number>> = { low: 0.5, usual: 0.8, high: 1 };
/** Of what its value may have, one space may have this much. */
const ONE_SPACE = 0.25;
/** Longer than any request waits for its database. */
const LEASE: Millis = millis(15_000);

export function openLoad(clock: Clock, capacity: number): Load {
  const leases = new Map<Lease, { readonly space: string; readonly until: Instant }>();
  const bySpace = new Map<string, number>();
  let last = 0;

  function leave(lease: Lease): void {
    const held = leases.get(lease);
    if (held === undefined) return;
    leases.delete(lease);
    const left = (bySpace.get(held.space) ?? 1) - 1;
    if (left > 0) bySpace.set(held.space, left);
    else bySpace.delete(held.space);
  }

  function isFull(space: string, value: Value): boolean {
    const share = capacity * SHARE[value];
    return leases.size >= share || (bySpace.get(space) ?? 0) >= share * ONE_SPACE;
  }

  return {
    leave,
    underWay: () => leases.size,
    enter({ uid, epoch }, value) {
      const space = `${uid}.${epoch}`;
      const now = clock.now();
      if (isFull(space, value)) for (const [lease, { until }] of leases) if (until <= now) leave(lease);
      if (isFull(space, value)) return undefined;
      last += 1;
      const lease = last as Lease;
      leases.set(lease, { space, until: instant(now + LEASE) });
      bySpace.set(space, (bySpace.get(space) ?? 0) + 1);
      return lease;
    },
  };
}
