// Readers of Postgres that are held back for five seconds or go away for a while, at random: nothing of it may make an answer older.
import { setTimeout as wait } from "node:timers/promises";
import { control } from "../counts/tallies.ts";
import { type Random, seeded } from "../numbers/chance.ts";

const HELD_BACK_MS = 5_000;
const AWAY_MS = 2_000;
const PAUSE_MS = 700;

export interface Disturbance {
  readonly heldBack: number;
  readonly dropped: number;
}

/** Until `isOver`. Afterwards all of them are as they were. */
export async function disturb(
  at: string,
  readers: readonly string[],
  seed: number,
  isOver: () => boolean,
): Promise<Disturbance> {
  const random = seeded(seed);
  const busy = new Set<string>();
  const under: Promise<void>[] = [];
  let heldBack = 0;
  let dropped = 0;
  for (; !isOver(); await wait(PAUSE_MS)) {
    const reader = oneOf(readers, random);
    if (busy.has(reader)) continue;
    busy.add(reader);
    const isDropped = random() < 0.5;
    if (isDropped) dropped += 1;
    else heldBack += 1;
    under.push((isDropped ? drop(at, reader) : holdBack(at, reader)).finally(() => busy.delete(reader)));
  }
  await Promise.all(under);
  return { heldBack, dropped };
}

async function holdBack(at: string, reader: string): Promise<void> {
  await control(at, "PUT", `/replay/${reader}`, { paused: true });
  await wait(HELD_BACK_MS);
  await control(at, "PUT", `/replay/${reader}`, { paused: false });
}

async function drop(at: string, reader: string): Promise<void> {
  await control(at, "PUT", `/faults/${reader}`, { mode: "down" });
  await wait(AWAY_MS);
  await control(at, "DELETE", `/faults/${reader}`);
}

function oneOf(readers: readonly string[], random: Random): string {
  return readers[Math.floor(random() * readers.length)] as string;
}
