// A short fault run with a fixed seed: everything that `npm run faults` does, on the tests' own stack.
import { expect, test } from "vitest";
import { runFaults } from "../faults/run.ts";
import { stackHere } from "../support/here.ts";

const SEED = 20_269;
const MS = 14_000;

test("clients of all kinds under faults: no invariant is broken", async () => {
  const told: string[] = [];
  const report = await runFaults({
    stack: stackHere() as never,
    seed: SEED,
    ms: MS,
    faults: true,
    log: (line) => void told.push(line),
  });
  expect(report.violations, told.join("\n")).toEqual([]);
  // It was a run: things were written, told and read, and something went wrong meanwhile.
  expect(report.faults.length).toBeGreaterThan(2);
  expect(report.acknowledged).toBeGreaterThan(50);
  expect(report.messages).toBeGreaterThan(50);
  expect(report.reads).toBeGreaterThan(20);
}, 240_000);
