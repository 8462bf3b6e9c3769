// Starts the local stacks of a run of the tests, one for each worker, and tells the tests where they are: see `stackHere`.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { removeData } from "../../local/data-directory.ts";
import { type Stack, startStack } from "../../local/stack.ts";

export type StackAddresses = Pick<
  Stack,
  "origin" | "control" | "topology" | "neon" | "redis" | "postgres" | "rootKey" | "secret"
>;

declare module "vitest" {
  interface ProvidedContext {
    /** `claims`: a directory. See `claimStack`. */
    stacks: { readonly stacks: readonly StackAddresses[]; readonly claims: string };
  }
}

/** MERIDIAN_WORKER=none leaves the Worker out, for those who work on SQL alone. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Not in its types; where it is missing, too many are started.
  const { filenamePattern } = project.vitest as { readonly filenamePattern?: string[] };
  const { testFiles } = await project.globTestFiles(filenamePattern);
  const wanted = Math.min(project.config.maxWorkers, testFiles.length);
  const started: { readonly stack: Stack; clear(): void }[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(started.map(({ stack }) => stack.stop()));
    for (const { clear } of started) clear();
  };
  try {
    // One after the other: they look for free ports.
    for (let n = 0; n < wanted; n += 1) started.push(await startStackOfTests());
  } catch (error) {
    await end();
    throw error;
  }
  const claims = mkdtempSync(join(tmpdir(), "meridian-claims-"));
  project.provide("stacks", { stacks: started.map(({ stack }) => addressesOf(stack)), claims });
  return async () => {
    await end();
    rmSync(claims, { recursive: true, force: true });
  };
}

function addressesOf({ origin, control, topology, neon, redis, postgres, rootKey, secret }: Stack): StackAddresses {
  return { origin, control, topology, neon, redis, postgres, rootKey, secret };
}

async function startStackOfTests(): Promise<{ readonly stack: Stack; clear(): void }> {
  const dataDir = mkdtempSync(join(tmpdir(), "meridian-test-"));
  chmodSync(dataDir, 0o755);
  const worker = process.env.MERIDIAN_WORKER !== "none";
  const clear = (): void => {
    removeData(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    const stack = await startStack({ dataDir, demo: false, worker, fsync: false });
    return { stack, clear };
  } catch (error) {
    clear();
    throw error;
  }
}
