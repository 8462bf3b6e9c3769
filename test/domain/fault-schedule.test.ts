// What goes wrong in a fault run is the seed's and nothing else's, one phase after the other, and sooner or later everything does.
import { describe, expect, test } from "vitest";
import { seeded } from "../../bench/numbers/chance.ts";
import { type Disturbance, scheduleOf } from "../faults/schedule.ts";

const scheduled = (seed: number, ms = 600_000) =>
  scheduleOf(seeded(seed), { ms, workers: 2, longCalm: { every: 6, ms: 25_000 } });

describe("a schedule", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(scheduled(7)).toEqual(scheduled(7));
    expect(scheduled(8)).not.toEqual(scheduled(7));
  });

  test("has phases that do not overlap, end in time, and leave calm in which nothing has an excuse", () => {
    const phases = scheduled(7);
    expect(phases.length).toBeGreaterThan(60);
    let last = 0;
    const calm: number[] = [];
    for (const { from, to } of phases) {
      expect(from).toBeGreaterThan(last);
      expect(to).toBeGreaterThan(from);
      calm.push(from - last);
      last = to;
    }
    expect(last).toBeLessThanOrEqual(600_000);
    expect(calm.filter((ms) => ms >= 25_000).length).toBeGreaterThan(5);
  });

  test("brings everything that can go wrong, and never two on one thing", () => {
    const all = [1, 2, 3, 4, 5].flatMap((seed) => scheduled(seed));
    const kinds = new Set(all.flatMap(({ disturbances }) => disturbances.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(["flush", "kill", "modes", "node", "queues", "replay", "store"]);
    const faults = all
      .flatMap(({ disturbances }) => disturbances)
      .flatMap((one) => (one.kind === "node" ? [one.fault.mode] : []));
    expect(new Set(faults)).toEqual(new Set(["down", "error", "hang", "latency", "kill"]));
    const thing = (one: Disturbance): string => ("node" in one ? one.node : "reader" in one ? one.reader : one.kind);
    for (const { disturbances } of all) expect(new Set(disturbances.map(thing)).size).toBe(disturbances.length);
  });
});
