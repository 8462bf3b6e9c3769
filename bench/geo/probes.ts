// How long a publication takes to be seen in every region: watched by readers who ask again and again, and by the first readers of keys
// that nobody has asked for since they were cached.
import { setTimeout as wait } from "node:timers/promises";
import { seeded } from "../numbers/chance.ts";
import { type Published, publish } from "./editor.ts";
import type { FirstReader, RegionPlan, Visible } from "./plan.ts";
import { type Entry, type Notes, read } from "./reader.ts";

export interface Probed {
  readonly watched: readonly Visible[];
  readonly firstReaders: readonly FirstReader[];
}

const EVERY_MS = 1_000;
/** Between an entry being cached everywhere and its publication: longer than any memo of freshness lives. */
const REST_MS = 3_000;
/** A watcher who has patience for long asks more seldom: together watchers stay below the traffic. */
const OFTEN_FOR_MS = 4_000;
const often = (patienceMs: number): number => Math.max(100, patienceMs / 100);
const seldom = (patienceMs: number): number => patienceMs / 25;

export async function probe(notes: Notes): Promise<Probed> {
  const { plan } = notes;
  const random = seeded(plan.seed + 1);
  const watched: Visible[] = [];
  const firstReaders: FirstReader[] = [];
  const under: Promise<void>[] = [];
  const end = performance.now() + plan.seconds * 1000;
  for (let n = 0; performance.now() < end && n < plan.probes * plan.spaces.length; n += 1) {
    const space = plan.spaces[n % plan.spaces.length];
    const region = plan.regions[Math.floor(random() * plan.regions.length)];
    if (space === undefined || region === undefined) break;
    const entry = { space: space.id, n: plan.entries - 1 - Math.floor(n / plan.spaces.length) };
    const isWatched = n % 4 < 2;
    under.push(
      one(notes, region, entry, plan.edition + n, async (published) => {
        const found = isWatched
          ? await watch(notes, entry, published)
          : await readOnce(notes, entry, published, () => random() * plan.idleMs);
        if (isWatched) watched.push(...(found as readonly Visible[]));
        else firstReaders.push(...(found as readonly FirstReader[]));
      }),
    );
    await wait(EVERY_MS);
  }
  await Promise.all(under);
  return { watched, firstReaders };
}

async function one(
  notes: Notes,
  region: RegionPlan,
  entry: Entry,
  edition: number,
  then: (published: Published) => Promise<void>,
): Promise<void> {
  await Promise.all(
    notes.plan.regions.map((each) => read(notes, { region: each, entry, due: performance.now(), kind: "probe" })),
  );
  await wait(REST_MS);
  const published = await publish(notes, region, entry, edition, undefined);
  if (published !== undefined) await then(published);
}

async function watch(notes: Notes, entry: Entry, { at, version }: Published): Promise<readonly Visible[]> {
  return await Promise.all(
    notes.plan.regions.map(async (region) => {
      const state: { firstNew: number | undefined; lastOld: number } = { firstNew: undefined, lastOld: 0 };
      const look = async (): Promise<void> => {
        const got = await read(notes, { region, entry, due: performance.now(), kind: "probe" });
        if (got === undefined) return;
        const after = got.sentAt - at;
        if (got.version < version) state.lastOld = Math.max(state.lastOld, after);
        else state.firstNew = Math.min(state.firstNew ?? after, after);
      };
      // Once it was seen it is looked for a little longer: an old answer after a new one would be the worst of all.
      for (let left = 5; left > 0 && performance.now() - at < notes.plan.patienceMs; ) {
        const asked = performance.now();
        await look();
        if (state.firstNew !== undefined) left -= 1;
        const pace = (performance.now() - at < OFTEN_FOR_MS ? often : seldom)(notes.plan.patienceMs);
        await wait(Math.max(0, asked + pace - performance.now()));
      }
      return { region: region.name, ...state };
    }),
  );
}

async function readOnce(
  notes: Notes,
  entry: Entry,
  { at, version }: Published,
  delay: () => number,
): Promise<readonly FirstReader[]> {
  const found = await Promise.all(
    notes.plan.regions.map(async (region) => {
      await wait(delay());
      const got = await read(notes, { region, entry, due: performance.now(), kind: "probe" });
      return got && { region: region.name, after: got.sentAt - at, isOld: got.version < version };
    }),
  );
  return found.filter((one) => one !== undefined);
}
