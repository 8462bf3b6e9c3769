// One PostgreSQL server of the cluster: its data directory made, started, found again after a crash, and stopped.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import type { Keeper } from "./keeper.ts";
import { freePort, until } from "./ports.ts";
import { connectToPostgres } from "./postgres-connection.ts";

export type PostgresServer = {
  readonly name: string;
  port(): number;
  start(): Promise<void>;
  /** `fast` ends sessions and checkpoints; `immediate` is a crash. */
  stop(how: "fast" | "immediate"): Promise<void>;
};

export type ServerPlan = {
  readonly name: string;
  readonly directory: string;
  readonly logFile: string;
  readonly fsync: boolean;
  /** Set for a reader: the server that it follows. */
  readonly follows: PostgresServer | undefined;
};

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "48MB",
  work_mem: "4MB",
  maintenance_work_mem: "32MB",
  max_wal_size: "512MB",
  wal_keep_size: "256MB",
  autovacuum_naptime: "20s",
  autovacuum_max_workers: "2",
  max_parallel_workers_per_gather: "0",
  max_logical_replication_workers: "0",
  io_method: "sync",
  wal_receiver_status_interval: "1s",
  wal_retrieve_retry_interval: "100ms",
  log_min_messages: "warning",
  timezone: "UTC",
};

/** Makes the data directory of a primary, with an empty database in it. */
export async function initialise(binaries: Binaries, directory: string, database: string): Promise<void> {
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"];
  const rest = ["--auth=trust", "--no-sync", "--no-instructions", ...locale];
  await run(binaries, binaries.initdb, ["-D", directory, "-U", "postgres", ...rest]);
  // In single-user mode, before the readers are copied: nothing has to be replicated then.
  const single = ["--single", "-D", directory, "-c", "fsync=off", "postgres"];
  await run(binaries, binaries.postgres, single, `create database ${database}\n`);
}

/** Makes the data directory of a reader from the directory of its stopped primary. */
export async function cloneAsReader(binaries: Binaries, from: string, to: string): Promise<void> {
  await run(binaries, "cp", ["-R", from, to]);
  writeFileSync(join(to, "standby.signal"), "");
  if (binaries.owner !== undefined) chownSync(join(to, "standby.signal"), binaries.owner.uid, binaries.owner.gid);
}

async function run(binaries: Binaries, program: string, args: readonly string[], input = ""): Promise<void> {
  const child = spawn(program, args, { ...asOwner(binaries), cwd: "/", stdio: ["pipe", "ignore", "pipe"] });
  child.stdin.end(input);
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${basename(program)} ${args.join(" ")} failed: ${said}`);
}

export function makeDirectory(binaries: Binaries, directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (binaries.owner !== undefined) chownSync(directory, binaries.owner.uid, binaries.owner.gid);
}

export function createPostgresServer(binaries: Binaries, keeper: Keeper, plan: ServerPlan): PostgresServer {
  let port = 0;
  let running: ChildProcess | undefined;

  const launch = async (): Promise<void> => {
    const settings: Record<string, string> = {
      ...SETTINGS,
      port: String(port),
      fsync: plan.fsync ? "on" : "off",
      full_page_writes: plan.fsync ? "on" : "off",
    };
    if (plan.follows !== undefined) {
      settings.primary_conninfo = `host=127.0.0.1 port=${plan.follows.port()} user=postgres application_name=${plan.name}`;
    }
    const log = openSync(plan.logFile, "a");
    const child = spawn(
      binaries.postgres,
      ["-D", plan.directory, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      { ...asOwner(binaries), detached: true, stdio: ["ignore", log, log], cwd: "/" },
    );
    closeSync(log);
    if (child.pid === undefined) throw new Error(`cannot start PostgreSQL (${binaries.postgres})`);
    keeper.watch(child.pid, "INT");
    running = child;
    child.once("exit", () => {
      if (child.pid !== undefined) keeper.forget(child.pid);
    });
    await until(`${plan.name} accepts connections`, 60_000, async () => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(lastWords(plan));
      return answers(port);
    });
  };

  return {
    name: plan.name,
    port: () => port,
    async start() {
      await settleLeftovers(plan.directory);
      if (port !== 0) return launch();
      for (let attempt = 1; ; attempt += 1) {
        port = await freePort();
        try {
          return await launch();
        } catch (error) {
          // Another program may have taken the port between our asking and PostgreSQL's binding.
          if (attempt === 3 || !/could not bind|Address already in use/.test(String(error))) throw error;
        }
      }
    },
    async stop(how) {
      const child = running;
      running = undefined;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
      });
      child.kill(how === "fast" ? "SIGINT" : "SIGQUIT");
      const slow = setTimeout(() => child.kill("SIGQUIT"), 10_000);
      await gone;
      clearTimeout(slow);
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const connection = await connectToPostgres({ port, user: "postgres", database: "postgres" });
    connection.close();
    return true;
  } catch {
    return false;
  }
}

/** After a kill -9 a server of ours may still be going down, or its pid file may name a process that is none of ours. */
async function settleLeftovers(directory: string): Promise<void> {
  const file = join(directory, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  if (isServerOf(pid, directory)) {
    process.kill(pid, "SIGINT");
    await until(`an earlier server of ${basename(directory)} ends`, 15_000, () => !isServerOf(pid, directory));
  }
  rmSync(file, { force: true });
}

function isServerOf(pid: number, directory: string): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  const command = existsSync("/proc/self/cmdline")
    ? existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
    : spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" }).stdout;
  return typeof command === "string" && command.includes(`-D ${directory} `);
}

function asOwner({ owner }: Binaries): { uid?: number; gid?: number; env: NodeJS.ProcessEnv } {
  return { ...(owner ?? {}), env: { PATH: process.env.PATH ?? "", LC_ALL: "C", TZ: "UTC" } };
}

function lastWords(plan: ServerPlan): string {
  const log = existsSync(plan.logFile) ? readFileSync(plan.logFile, "utf8") : "";
  return `${plan.name} ended while starting:\n${log.split("\n").slice(-12).join("\n")}`;
}
