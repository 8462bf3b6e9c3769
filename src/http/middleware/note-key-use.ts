// Notes that a key was used, at most hourly and behind the answer: whether it could be noted changes nothing for whoever used it.
import { type KeyRecord, keyUseStatement } from "../../contexts/tenancy/tenancy.ts";
import { type Clock, type Instant, instant } from "../../kernel/clock.ts";
import type { SpaceRef } from "../../kernel/scope.ts";
import type { Database } from "../../platform/database/open-database.ts";
import { memory } from "../../platform/edge-cache/memory.ts";
import { attempt } from "../../platform/resilience/attempt.ts";

const HOUR = 3_600_000;
/** What could not be noted is tried again so much later. */
const MINUTE = 60_000;

export interface KeyUses {
  note(
    database: Database,
    space: SpaceRef,
    key: Pick<KeyRecord, "id" | "lastUsedAt">,
    defer: (work: Promise<unknown>) => void,
  ): void;
}

export function keyUses(clock: Clock): KeyUses {
  /** Until when this isolate has nothing to note about a key. */
  const quiet = memory<{ readonly until: Instant }>(5_000);

  async function write(database: Database, space: SpaceRef, id: KeyRecord["id"]): Promise<void> {
    const noted = await attempt(() => database.note(space, keyUseStatement(space.uid, id)));
    if (!noted.ok || !noted.value) quiet.set(id, { until: instant(clock.now() + MINUTE) });
  }

  return {
    note(database, space, { id, lastUsedAt }, defer) {
      const now = clock.now();
      if (now < (quiet.get(id)?.until ?? 0)) return;
      const known = lastUsedAt === null ? 0 : Date.parse(lastUsedAt);
      const isKnown = now - known < HOUR;
      quiet.set(id, { until: instant(isKnown ? known + HOUR : now + HOUR) });
      if (!isKnown) defer(write(database, space, id));
    },
  };
}
