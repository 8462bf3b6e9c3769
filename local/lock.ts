// One stack to a data directory: a second one would start a second Postgres on the same files.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

type Claim = { readonly pid: number; readonly startedAt: string };

/** Throws when a living stack holds the directory; answers how to let go of it. */
export function claimDirectory(dataDir: string): () => void {
  const file = join(dataDir, "stack.lock");
  const claim: Claim = { pid: process.pid, startedAt: startOf(process.pid) };
  for (let attempt = 1; ; attempt += 1) {
    try {
      writeFileSync(file, JSON.stringify(claim), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      const holder = read(file);
      if (holder !== undefined && isAlive(holder)) {
        throw new Error(
          `A stack (process ${holder.pid}) is running on ${dataDir}. Stop it, or set MERIDIAN_DATA and PORT`,
          { cause: error },
        );
      }
      if (attempt === 3) throw error;
      // Its process was killed: the claim is void.
      rmSync(file, { force: true });
    }
  }
}

function read(file: string): Claim | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Claim;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, startedAt }: Claim): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return startOf(pid) === startedAt;
}

/** When the process began, where the system tells: a number given out again is then not mistaken for the first. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
