// A local stack that lives as long as one measurement, in a directory of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeData } from "../../local/data-directory.ts";
import { type Stack, startStack } from "../../local/stack.ts";

export interface Bench {
  readonly stack: Stack;
  /** Called in reverse order at the end, whatever happened. */
  readonly after: (stop: () => unknown) => void;
}

export async function withStack(work: (bench: Bench) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "meridian-bench-"));
  const stops: (() => unknown)[] = [() => rmSync(dataDir, { recursive: true, force: true }), () => removeData(dataDir)];
  const after = (stop: () => unknown): void => void stops.push(stop);
  try {
    const stack = await startStack({ dataDir, demo: false, worker: false, fsync: false });
    after(stack.stop);
    await work({ stack, after });
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}
