// Starts one local stack for a whole run of the tests and tells them where it is: inject("stack").
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { removeData } from "../../local/data-directory.ts";
import { type Stack, startStack } from "../../local/stack.ts";

export type StackAddresses = Pick<Stack, "origin" | "control" | "topology" | "neon" | "redis" | "postgres" | "rootKey">;

declare module "vitest" {
  interface ProvidedContext {
    stack: StackAddresses;
  }
}

/** MERIDIAN_WORKER=none leaves the Worker out, for those who work on SQL alone. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = mkdtempSync(join(tmpdir(), "meridian-test-"));
  chmodSync(dataDir, 0o755);
  const worker = process.env.MERIDIAN_WORKER !== "none";
  const clear = (): void => {
    removeData(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  const stack = await startStack({ dataDir, demo: false, worker, fsync: false }).catch((error: unknown) => {
    clear();
    throw error;
  });
  const { origin, control, topology, neon, redis, postgres, rootKey } = stack;
  project.provide("stack", { origin, control, topology, neon, redis, postgres, rootKey });
  return async () => {
    await stack.stop();
    clear();
  };
}
