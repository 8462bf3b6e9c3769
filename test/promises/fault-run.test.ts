// A short fault run with a fixed seed: everything that `npm run faults` does, on the tests' own stack, with one trouble of each kind.
import { afterAll, beforeAll, expect, test } from "vitest";
import { runFaults } from "../faults/run.ts";
import type { Phase } from "../faults/schedule.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";

const SEED = 20_269;
const MS = 8_500;
const PHASES: readonly Phase[] = [
  {
    ...{ from: 1_000, to: 2_500 },
    disturbances: [
      { kind: "queues", seed: 7, trouble: { lose: 0.3, double: 0.5, late: 0.2, shuffle: true } },
      { kind: "node", node: "us-primary", fault: { mode: "error", after: true, rate: 0.3 } },
    ],
  },
  {
    ...{ from: 3_000, to: 4_500 },
    disturbances: [
      { kind: "kill", worker: 0 },
      { kind: "store", trouble: { rate: 0.5, after: true } },
    ],
  },
  {
    ...{ from: 5_500, to: 7_000 },
    disturbances: [
      { kind: "node", node: "us-primary", fault: { mode: "down" } },
      { kind: "node", node: "redis", fault: { mode: "down" } },
    ],
  },
];

// The stack's own Worker has files of its own: what its sweep picked up of the run's imports would find none.
beforeAll(() => openControl(stackHere().control).cron(true));
afterAll(() => openControl(stackHere().control).cron(false));

test("clients of all kinds under faults: no invariant is broken", async () => {
  const told: string[] = [];
  const log = (line: string): void => void told.push(line);
  const report = await runFaults({ stack: stackHere() as never, seed: SEED, ms: MS, phases: PHASES, log });
  expect(report.violations, told.join("\n")).toEqual([]);
  // It was a run: things were written, told, imported and read, and something went wrong meanwhile.
  expect(report.faults.length).toBeGreaterThan(2);
  expect(report.acknowledged).toBeGreaterThan(30);
  expect(report.messages).toBeGreaterThan(50);
  expect(report.imports).toBeGreaterThan(2);
  expect(report.reads).toBeGreaterThan(10);
}, 240_000);
