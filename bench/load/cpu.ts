// Processor time by part, read from /proc (Linux only; elsewhere nothing is told). Neighbours disturb it far less than they disturb rates.
import { readdirSync, readFileSync } from "node:fs";
import pg from "pg";

/** Clock ticks since the processes began: only differences and ratios mean something. */
export interface Cpu {
  readonly worker: number;
  /** This process, which holds the gateway. */
  readonly gateway: number;
  readonly postgres: number;
}

export interface Meter {
  read(): Promise<Cpu | undefined>;
  stop(): Promise<void>;
}

/** `connectionString`: of the server that answers, as its superuser. */
export async function openMeter(connectionString: string): Promise<Meter> {
  const client = new pg.Client({ connectionString, application_name: "bench" });
  await client.connect();
  return {
    async read() {
      if (process.platform !== "linux") return undefined;
      const { rows } = await client.query<{ pid: number }>(
        "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
      );
      return { worker: sum(workers()), gateway: sum([process.pid]), postgres: sum(rows.map(({ pid }) => pid)) };
    },
    stop: () => client.end(),
  };
}

/** Processes of workerd that this one started. */
export function workers(): readonly number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    const found = statOf(pid);
    return found?.name.startsWith("workerd") === true && found.parent === process.pid;
  });
}

function sum(pids: readonly number[]): number {
  return pids.reduce((total, pid) => total + (statOf(pid)?.ticks ?? 0), 0);
}

/** proc(5): the name stands in brackets and may hold anything. */
function statOf(pid: number): { readonly name: string; readonly parent: number; readonly ticks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const name = text.slice(text.indexOf("(") + 1, end);
  return { name, parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}
