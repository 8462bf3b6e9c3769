// What the clock's chores are made of: the sweep over the relay, creations that were cut off, and rows that nobody can ask for any more.
import { type Registry, type Secrets, settleClaims } from "../contexts/tenancy/tenancy.ts";
import { spaceUid } from "../kernel/id.ts";
import type { SpaceRef } from "../kernel/scope.ts";
import type { Database } from "../platform/database/open-database.ts";
import type { Outcome, Rendered } from "../platform/event-log/commit.ts";
import type { BoundWriter, WriterBinding } from "../platform/event-log/open-writer.ts";
import { CLAIMS, claimsMarkAt } from "../platform/relay/dirty-set.ts";
import { type SweepParts, sweepDirty, sweepRecent } from "../platform/relay/sweep.ts";
import type { Chores } from "./keep-house.ts";

export interface ChoreParts {
  readonly sweep: SweepParts;
  readonly database: Database;
  readonly residencies: readonly string[];
  readonly secrets: Secrets;
  openWriter(defer: (work: Promise<unknown>) => void, binding: WriterBinding): BoundWriter;
  /** The answer to the request that was cut off: kept, for its repetition. */
  render(outcome: Outcome): Rendered;
  forgetExpired(): Promise<number>;
}

export function openChores(parts: ChoreParts): Chores {
  return {
    sweepDirty: () => sweepDirty(parts.sweep),
    sweepRecent: () => sweepRecent(parts.sweep),
    settleClaims: () => settleAll(parts),
    forgetExpired: parts.forgetExpired,
  };
}

/** How many were settled; what an outage left is for the next minute. */
async function settleAll({ sweep, database, residencies, secrets, openWriter, render }: ChoreParts): Promise<number> {
  const after: Promise<unknown>[] = [];
  const readerOf = (space: SpaceRef) => database.reader({ space, from: "primary", caller: "job" });
  const data: Registry = {
    home: database.home,
    residencies,
    secrets,
    readerOf,
    markClaim: async () => undefined,
    writerOf: (space) =>
      openWriter((work) => after.push(work), {
        space,
        known: undefined,
        caller: "job",
        meta: { actor: "system:sweep", requestId: "sweep" },
        idempotency: undefined,
        render,
        load: (statements) => readerOf(space).read(statements),
      }),
  };
  const space = { id: "", uid: spaceUid(0), epoch: 0, residency: "" };
  const settled = await settleClaims({
    space,
    actor: { type: "system", name: "sweep" },
    requestId: "sweep",
    clock: sweep.clock,
    data,
  });
  await Promise.all(after);
  // Their mark goes with its time: whatever could not be settled yet needs another.
  if (!settled.ok || settled.value.left > 0)
    await sweep.dirty.remark([{ space: CLAIMS, mark: claimsMarkAt(sweep.clock.now(), sweep.random()) }]);
  return settled.ok ? settled.value.finished + settled.value.freed : 0;
}
