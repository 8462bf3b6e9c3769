// Starts the local stacks of a run of the tests, one for each worker, and tells the tests where they are: see `stackHere`.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { removeData } from "../../local/data-directory.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { openProvider, PROVIDER_KEY } from "./provider.ts";

export type StackAddresses = Pick<
  Stack,
  "origin" | "events" | "control" | "topology" | "neon" | "redis" | "postgres" | "rootKey" | "secret"
> & {
  /** Who drafts entries: see provider.ts. */
  readonly provider: string;
};

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
  const started: Started[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.stop()));
  };
  try {
    // One after the other: they look for free ports.
    for (let n = 0; n < wanted; n += 1) started.push(await startStackOfTests());
  } catch (error) {
    await end();
    throw error;
  }
  const claims = mkdtempSync(join(tmpdir(), "meridian-claims-"));
  project.provide("stacks", { stacks: started.map(({ addresses }) => addresses), claims });
  return async () => {
    await end();
    rmSync(claims, { recursive: true, force: true });
  };
}

interface Started {
  readonly addresses: StackAddresses;
  stop(): Promise<void>;
}

function addressesOf(stack: Stack, provider: string): StackAddresses {
  const { origin, events, control, topology, neon, redis, postgres, rootKey, secret } = stack;
  return { origin, events, control, topology, neon, redis, postgres, rootKey, secret, provider };
}

async function startStackOfTests(): Promise<Started> {
  const dataDir = mkdtempSync(join(tmpdir(), "meridian-test-"));
  chmodSync(dataDir, 0o755);
  const worker = process.env.MERIDIAN_WORKER !== "none";
  const clear = (): void => {
    removeData(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  const provider = await openProvider();
  const variables = {
    GENERATION_URL: `${provider.url}/v1`,
    GENERATION_KEY: PROVIDER_KEY,
    GENERATION_MODEL: "scripted",
  };
  try {
    const stack = await startStack({ dataDir, demo: false, worker, fsync: false, variables });
    return {
      addresses: addressesOf(stack, provider.url),
      async stop() {
        await stack.stop();
        await provider.close();
        clear();
      },
    };
  } catch (error) {
    await provider.close();
    clear();
    throw error;
  }
}
