// The Worker under `wrangler dev` or, where nobody changes or debugs it, in its emulator alone (worker-host.ts): as a child with its own state, ports and log.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { copyDocsAssets } from "./docs-assets.ts";
import type { Keeper } from "./keeper.ts";
import { freePort, until } from "./ports.ts";
import type { HostPlan } from "./worker-host.ts";

export type WorkerPlan = {
  readonly dataDir: string;
  readonly port: number;
  /** The wrangler configuration file. */
  readonly config: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly keeper: Keeper;
  /** Rebuilds and restarts the Worker when its source changes. Otherwise it runs what the source was at the start. */
  readonly watch: boolean;
};

export type WorkerProcess = {
  /** Where the platform's own events are rung, as `/cdn-cgi/local/scheduled`. */
  readonly events: string;
  stop(): Promise<void>;
};

const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");

export async function startWorker(plan: WorkerPlan): Promise<WorkerProcess> {
  const { dataDir, port, config, variables, keeper, watch } = plan;
  copyDocsAssets();
  mkdirSync(join(dataDir, "logs"), { recursive: true });
  const logFile = join(dataDir, "logs", "worker.log");
  const environment = join(dataDir, "worker.env");
  writeFileSync(
    environment,
    Object.entries(variables)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(""),
    { mode: 0o600 },
  );
  const state = join(dataDir, "worker");
  const eventsPort = watch ? port : await freePort();
  const args = watch
    ? devCommand({ config, port, state, environment, inspectorPort: await freePort() })
    : hostCommand({ config, port, eventsPort, state, envFile: environment, entrypoint: await build(plan) });
  const log = openSync(logFile, "w");
  const child = spawn(process.execPath, args, {
    cwd: dirname(config),
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...environmentOf(dataDir), ...(watch ? {} : { WRANGLER_CI_DISABLE_CONFIG_WATCHING: "true" }) },
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new Error("cannot start wrangler");
  keeper.watch(pid, "KILL");
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const stop = async (): Promise<void> => {
    // The group has workerd in it too; wrangler's own goodbye takes seconds and there is nothing to save.
    if (!ended()) process.kill(-pid, "SIGTERM");
    const slow = setTimeout(() => process.kill(-pid, "SIGKILL"), 5_000);
    await gone;
    clearTimeout(slow);
    keeper.forget(pid);
  };
  try {
    await until("the Worker answers", 90_000, async () => {
      if (ended()) throw new Error(`The Worker ended:\n${readFileSync(logFile, "utf8").slice(-4000)}`);
      return isAnswering(`http://127.0.0.1:${port}/`);
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { events: `http://127.0.0.1:${eventsPort}`, stop };
}

interface DevPlan {
  readonly config: string;
  readonly port: number;
  readonly inspectorPort: number;
  readonly state: string;
  readonly environment: string;
}

function devCommand({ config, port, inspectorPort, state, environment }: DevPlan): readonly string[] {
  const options = {
    config,
    ip: "127.0.0.1",
    port,
    "inspector-port": inspectorPort,
    "persist-to": state,
    "env-file": environment,
    "log-level": "log",
    "show-interactive-dev-session": false,
  };
  return [WRANGLER, "dev", ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)];
}

function hostCommand(plan: HostPlan): readonly string[] {
  return [join(import.meta.dirname, "worker-host.ts"), JSON.stringify(plan)];
}

const isAnswering = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(10_000) }).then(
    () => true,
    () => false,
  );

function environmentOf(dataDir: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    CI: "1",
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    WRANGLER_LOG_PATH: join(dataDir, "logs"),
    // Stacks beside this one run a Worker of the same name.
    WRANGLER_REGISTRY_PATH: join(dataDir, "worker", "registry"),
  };
}

/** Bundles the Worker into the data directory and answers its file. */
async function build({ dataDir, config, keeper }: WorkerPlan): Promise<string> {
  const out = join(dataDir, "worker", "bundle");
  const args = [WRANGLER, "deploy", "--dry-run", `--config=${config}`, "--env=", `--outdir=${out}`];
  const child = spawn(process.execPath, args, {
    cwd: dirname(config),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: environmentOf(dataDir),
  });
  if (child.pid !== undefined) keeper.watch(child.pid, "KILL");
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said += chunk;
    });
  }
  const status = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  if (child.pid !== undefined) keeper.forget(child.pid);
  if (status !== 0) throw new Error(`The Worker does not build:\n${said}`);
  return join(out, "worker.js");
}
