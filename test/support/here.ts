// Which stack a test file runs on: faults and counters are a stack's, so each file has one to itself for as long as it runs. It claims one by
// a file that only one process can make; the runner's own numbers of its workers are given out twice when a group of tests follows another.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { inject } from "vitest";
import type { StackAddresses } from "./stack.ts";

let claimed: StackAddresses | undefined;

export function stackHere(): StackAddresses {
  if (claimed === undefined) throw new Error("No stack was claimed for this file: see test/support/well.ts");
  return claimed;
}

/** Waits until one is free. */
export async function claimStack(): Promise<() => void> {
  const { stacks, claims } = inject("stacks");
  for (;;) {
    for (const [n, stack] of stacks.entries()) {
      const file = join(claims, String(n));
      if (!isMade(file)) continue;
      claimed = stack;
      return () => rmSync(file, { force: true });
    }
    await wait(20);
  }
}

function isMade(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    // Whoever claimed it may have died.
    if (!isAlive(file)) rmSync(file, { force: true });
    return false;
  }
}

function isAlive(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    // Made, and not yet written to.
    return pid === 0 || process.kill(pid, 0);
  } catch {
    return false;
  }
}
