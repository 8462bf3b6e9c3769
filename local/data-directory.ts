// Where a stack keeps its data, and how all of it is deleted.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { removeCluster } from "./cluster.ts";
import { claimDirectory } from "./lock.ts";

/** From MERIDIAN_DATA, else `.meridian` in the checkout. */
export const dataDirectory = (): string => process.env.MERIDIAN_DATA || join(import.meta.dirname, "..", ".meridian");

const OURS = [
  "logs",
  "redis",
  "worker",
  "worker.env",
  "secrets.json",
  "postgres.location",
  "demo.json",
  "cities.ndjson",
];

/** Deletes what a stack keeps in a data directory and nothing else. Throws while a stack is running on it. */
export function removeData(dataDir: string): void {
  const release = claimDirectory(dataDir);
  try {
    removeCluster(dataDir);
    for (const name of OURS) rmSync(join(dataDir, name), { recursive: true, force: true });
  } finally {
    release();
  }
}
