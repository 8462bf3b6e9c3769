// Makes the schedule come true on a local stack, and notes when.
import type { Topology } from "../../local/topology.ts";
import type { Recorder } from "../support/invariants/recording.ts";
import { wait } from "./caller.ts";
import { CALM } from "./disturbed.ts";
import { type Disturbance, type Phase, tellOf } from "./schedule.ts";
import { type Store, WELL } from "./store.ts";
import type { Workers } from "./workers.ts";

export interface Disturbed {
  readonly control: string;
  readonly workers: Workers;
  readonly store: Store;
  readonly recorder: Recorder;
  redis(...command: readonly string[]): Promise<unknown>;
  readonly log: (line: string) => void;
}

/** Ends when every phase is over and lifted, or `isOver` says so between two of them. */
export async function disturb(parts: Disturbed, phases: readonly Phase[], begun: number): Promise<void> {
  for (const { from, to, disturbances } of phases) {
    await wait(Math.max(0, begun + from - Date.now()));
    const what = disturbances.map(tellOf).join(" and ");
    parts.log(`${((Date.now() - begun) / 1_000).toFixed(1)} s: ${what}`);
    const started = Date.now();
    const place = parts.recorder.faults.push({ what, from: started, to: Number.POSITIVE_INFINITY }) - 1;
    const lifts = await Promise.all(disturbances.map((one) => begin(parts, one)));
    await wait(Math.max(0, begun + to - Date.now()));
    for (const lift of lifts) await lift();
    parts.recorder.faults[place] = { what, from: started, to: Date.now() };
  }
}

/** Answers what lifts it. */
async function begin(parts: Disturbed, disturbance: Disturbance): Promise<() => Promise<void>> {
  const { control, workers, store, redis } = parts;
  switch (disturbance.kind) {
    case "node":
      await tell(control, "PUT", `/faults/${disturbance.node}`, disturbance.fault);
      return () => tell(control, "DELETE", `/faults/${disturbance.node}`);
    case "replay":
      await tell(control, "PUT", `/replay/${disturbance.reader}`, { paused: true });
      return () => tell(control, "PUT", `/replay/${disturbance.reader}`, { paused: false });
    case "modes":
      await tell(control, "PUT", "/modes", disturbance.modes);
      return () => tell(control, "DELETE", "/modes");
    case "flush":
      await redis("FLUSHDB");
      return async () => undefined;
    case "kill":
      await workers.kill(disturbance.worker);
      return () => workers.restart(disturbance.worker);
    case "store":
      await store.trouble(disturbance.trouble);
      return () => store.trouble(WELL);
    case "queues":
      await workers.trouble(disturbance.trouble, disturbance.seed);
      return () => workers.trouble(CALM, 1);
  }
}

export async function healAll({ control, workers, store }: Disturbed, topology: Topology): Promise<void> {
  await tell(control, "DELETE", "/faults");
  await tell(control, "DELETE", "/modes");
  for (const { name } of topology.shards.flatMap(({ readers }) => readers))
    await tell(control, "PUT", `/replay/${name}`, { paused: false });
  await workers.trouble(CALM, 1);
  await store.trouble(WELL);
}

async function tell(control: string, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await fetch(`${control}${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}
