// How long a profile's thread was held in one go: what runs without the engine's coming to rest is one slice.
import type { CpuProfile } from "../profile/inspector.ts";

export interface Slice {
  readonly ms: number;
  /** The function of most of its samples. */
  readonly mostly: string;
}

const RESTS: ReadonlySet<string> = new Set(["(idle)", "(root)"]);
/** The engine is sampled only while it runs: where no sample was taken for five times the interval, it did not. */
export const GAP_US = 1_000;

/** Longest first. `restsToo`: names beside those of the engine that are no work of the thread. */
export function slicesOf(
  { nodes, samples, timeDeltas }: CpuProfile,
  restsToo: readonly string[] = [],
): readonly Slice[] {
  const nameOf = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName || "(anonymous)"]));
  const slices: Slice[] = [];
  let us = 0;
  let names = new Map<string, number>();
  const close = (): void => {
    const [mostly = "(nothing)"] = [...names].sort(([, one], [, other]) => other - one)[0] ?? [];
    if (us > 0) slices.push({ ms: us / 1000, mostly });
    us = 0;
    names = new Map();
  };
  for (const [n, id] of samples.entries()) {
    const name = nameOf.get(id) ?? "(unknown)";
    if (RESTS.has(name) || restsToo.includes(name)) {
      close();
      continue;
    }
    // The time before a sample is the one before's; that of the first after a rest was rest.
    const lasted = Math.max(0, timeDeltas[n + 1] ?? 0);
    if (lasted > GAP_US) {
      close();
      continue;
    }
    us += lasted;
    names.set(name, (names.get(name) ?? 0) + lasted);
  }
  close();
  return slices.sort((one, other) => other.ms - one.ms);
}
