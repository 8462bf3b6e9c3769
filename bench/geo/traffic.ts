// The process that readers and editors of all regions live in. Open loop: what is due is sent when it is due, whoever is still waiting.
import { setTimeout as wait } from "node:timers/promises";
import { inLanes } from "../../local/lanes.ts";
import { type Random, scattered, seeded, untilNext, zipf } from "../numbers/chance.ts";
import { answerParent, openLag } from "./child.ts";
import { publish } from "./editor.ts";
import type { RegionPlan, Traffic, TrafficPlan } from "./plan.ts";
import { probe } from "./probes.ts";
import { type Entry, type Notes, openNotes, read } from "./reader.ts";

const SKEW = 0.99;
const WARM_LANES = 16;

async function run(plan: TrafficPlan): Promise<Traffic> {
  await warmUp(plan);
  const notes = openNotes(plan);
  const lag = openLag();
  const started = performance.now();
  const [{ watched, firstReaders }] = await Promise.all([probe(notes), flow(notes)]);
  const perSecond = (notes.sent * 1000) / (performance.now() - started);
  const { samples, judged, staleness, late, failures } = notes;
  return { samples, watched, firstReaders, judged, staleness, late, failures, lag: lag(), perSecond };
}

/** The most popular entries are read once in every region: caches that hold nothing yet are not what is compared. */
async function warmUp(plan: TrafficPlan): Promise<void> {
  const notes = openNotes(plan);
  const entryAt = placesOf(plan);
  const ranks = Array.from({ length: plan.warm }, (_, rank) => rank);
  await Promise.all(
    plan.regions.map((region) =>
      inLanes(WARM_LANES, ranks, async (rank) => {
        await read(notes, { region, entry: entryAt(rank), due: 0, kind: "probe" });
      }),
    ),
  );
}

async function flow(notes: Notes): Promise<void> {
  const { plan } = notes;
  const random = seeded(plan.seed);
  const draw = drawEntry(plan, random);
  /** By region and space: where its editors last stood. */
  const positions = new Map<string, number>();
  const under = new Set<Promise<void>>();
  const end = performance.now() + plan.seconds * 1000;
  let edition = plan.edition;
  for (let due = performance.now(); due < end; due += untilNext(plan.rate, random)) {
    const early = due - performance.now();
    if (early > 0) await wait(early);
    const region = plan.regions[Math.floor(random() * plan.regions.length)];
    if (region === undefined) break;
    edition += 1;
    const work =
      random() < plan.writes
        ? write(notes, region, draw(), edition, due, positions)
        : readSome(notes, region, draw(), due, random() < plan.atLeast ? positions : undefined);
    under.add(work);
    void work.finally(() => under.delete(work));
  }
  await Promise.all(under);
}

async function write(
  notes: Notes,
  region: RegionPlan,
  entry: Entry,
  edition: number,
  due: number,
  positions: Map<string, number>,
): Promise<void> {
  const published = await publish(notes, region, entry, edition, due);
  if (published === undefined) return;
  const place = `${region.name} ${entry.space}`;
  positions.set(place, Math.max(published.position, positions.get(place) ?? 0));
  await read(notes, { region, entry, due: performance.now(), atLeast: published.position, kind: "own" });
}

async function readSome(
  notes: Notes,
  region: RegionPlan,
  entry: Entry,
  due: number,
  positions: ReadonlyMap<string, number> | undefined,
): Promise<void> {
  const atLeast = positions?.get(`${region.name} ${entry.space}`);
  await read(notes, { region, entry, due, ...(atLeast === undefined ? {} : { atLeast }) });
}

export function drawEntry(plan: TrafficPlan, random: Random): () => Entry {
  const rank = zipf((plan.entries - plan.probes) * plan.spaces.length, SKEW, random);
  const entryAt = placesOf(plan);
  return () => entryAt(rank());
}

/** Popular entries are spread over both spaces and over the whole of each. */
function placesOf({ spaces, entries, probes }: TrafficPlan): (rank: number) => Entry {
  const scatter = scattered((entries - probes) * spaces.length);
  return (rank) => {
    const place = scatter(rank);
    return { space: spaces[place % spaces.length]?.id ?? "", n: Math.floor(place / spaces.length) };
  };
}

answerParent(import.meta.url, run);
