// What goes wrong when, drawn from a seed: phases of one or two troubles with calm between them, so that every run of a seed has the same.
import type { Random } from "../../bench/numbers/chance.ts";
import type { Fault, Modes } from "../../local/conditions.ts";
import type { QueueTrouble } from "./disturbed.ts";
import type { StoreTrouble } from "./store.ts";

export type Disturbance =
  | { readonly kind: "node"; readonly node: string; readonly fault: Fault }
  | { readonly kind: "replay"; readonly reader: string }
  | { readonly kind: "modes"; readonly modes: Partial<Modes> }
  | { readonly kind: "flush" }
  | { readonly kind: "kill"; readonly worker: number }
  | { readonly kind: "store"; readonly trouble: StoreTrouble }
  | { readonly kind: "queues"; readonly trouble: QueueTrouble; readonly seed: number };

export interface Phase {
  /** Milliseconds after the start. */
  readonly from: number;
  readonly to: number;
  readonly disturbances: readonly Disturbance[];
}

const PRIMARIES = ["us-primary", "eu-primary"];
const READERS = ["us-fra", "us-sin", "eu-ams"];

export interface ScheduleOptions {
  readonly ms: number;
  readonly workers: number;
  /** Every so many phases the calm is so long that what is seen in it has no excuse. */
  readonly longCalm: { readonly every: number; readonly ms: number };
}

export function scheduleOf(random: Random, { ms, workers, longCalm }: ScheduleOptions): readonly Phase[] {
  const between = (low: number, high: number): number => Math.round(low + random() * (high - low));
  const one = <T>(many: readonly T[]): T => many[Math.floor(random() * many.length)] as T;
  const nodeFault = (): Fault =>
    one<() => Fault>([
      () => ({ mode: "down" }),
      () => ({ mode: "down", rate: one([0.3, 0.5]) }),
      () => ({ mode: "error", rate: one([0.2, 0.5, 1]) }),
      () => ({ mode: "error", after: true, rate: one([0.3, 0.5, 0.67]) }),
      () => ({ mode: "hang", rate: one([0.2, 0.5, 1]) }),
      () => ({ mode: "hang", after: true, rate: one([0.2, 0.5]) }),
      () => ({ mode: "latency", ms: one([100, 700, 1_500]), rate: one([0.5, 1]) }),
    ])();
  const draws: readonly (() => Disturbance)[] = [
    () => ({ kind: "node", node: one(PRIMARIES), fault: nodeFault() }),
    () => ({ kind: "node", node: one(PRIMARIES), fault: nodeFault() }),
    () => ({ kind: "node", node: one(READERS), fault: nodeFault() }),
    () => ({ kind: "node", node: "redis", fault: nodeFault() }),
    () => ({ kind: "node", node: "redis", fault: nodeFault() }),
    () => ({ kind: "node", node: one([...PRIMARIES, ...READERS]), fault: { mode: "kill" } }),
    () => ({ kind: "replay", reader: one(READERS) }),
    () => ({ kind: "modes", modes: { redisStaleReadsMs: one([500, 2_000]) } }),
    () => ({ kind: "modes", modes: { uncleanSessions: true } }),
    () => ({ kind: "modes", modes: { redisLatencyMs: one([100, 400]) } }),
    () => ({ kind: "flush" }),
    () => ({ kind: "store", trouble: { rate: one([0.3, 1]), after: random() < 0.5 } }),
    () => ({ kind: "kill", worker: Math.floor(random() * workers) }),
    () => ({ kind: "kill", worker: Math.floor(random() * workers) }),
    () => ({ kind: "kill", worker: Math.floor(random() * workers) }),
    () => ({
      kind: "queues",
      seed: Math.floor(random() * 2 ** 31),
      trouble: { lose: one([0, 0.3, 1]), double: one([0, 0.5, 1]), late: one([0, 0.2]), shuffle: true },
    }),
    () => ({
      kind: "queues",
      seed: Math.floor(random() * 2 ** 31),
      trouble: { lose: 0.1, double: 0.8, late: 0.2, shuffle: true },
    }),
  ];
  const phases: Phase[] = [];
  for (let from = 4_000; ; ) {
    const to = from + between(1_500, 5_000);
    if (to > ms) return phases;
    const first = one(draws)();
    const second = random() < 0.5 ? one(draws)() : undefined;
    // Two on one thing would be one: the later replaces the earlier.
    const disturbances = second === undefined || targetOf(second) === targetOf(first) ? [first] : [first, second];
    phases.push({ from, to, disturbances });
    from = to + (phases.length % longCalm.every === 0 ? longCalm.ms : between(500, 3_000));
  }
}

function targetOf(disturbance: Disturbance): string {
  if (disturbance.kind === "node") return disturbance.node;
  if (disturbance.kind === "replay") return disturbance.reader;
  return disturbance.kind;
}

export function tellOf(disturbance: Disturbance): string {
  const { kind, ...more } = disturbance;
  return `${kind} ${JSON.stringify(more)}`;
}
