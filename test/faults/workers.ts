// The Workers of a fault run: each in a process group of its own, killed without warning and started again.
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { type Emulated, product } from "../../bench/workers/emulator.ts";
import type { Stack } from "../../local/stack.ts";
import { CALM, DISTURBED, PATHS, type QueueTrouble } from "./disturbed.ts";
import { filesOf, type Store } from "./store.ts";

export interface Workers {
  /** Of those that answer. */
  origins(): readonly string[];
  kill(n: number): Promise<void>;
  /** Kills it if it is alive. */
  restart(n: number): Promise<void>;
  /** Of those that are alive now; one that starts later is calm. */
  trouble(trouble: QueueTrouble, seed: number): Promise<void>;
  /** Rings the cron of one of them. */
  ringCron(at: number): Promise<void>;
  /** Lines of their logs that speak of errors, the last thousands of them. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

const MOST_LINES = 5_000;
const CRON_MS = 60_000;

interface Host {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  readonly origin: string;
}

export async function startWorkers(
  stack: Pick<Stack, "topology" | "redis" | "rootKey" | "neon" | "secret">,
  code: string,
  count: number,
  store: Pick<Store, "origin">,
): Promise<Workers> {
  const worker = (n: number): Emulated => {
    const whole = product(code, stack as Stack, `worker-${n}`);
    return {
      ...whole,
      bindings: { ...whole.bindings, SECRET: stack.secret, REDIS_LAG_SECONDS: "0" },
      consumes: "all",
      before: DISTURBED,
      beside: { "files.js": filesOf(store.origin) },
    };
  };
  const lines: string[] = [];
  const note = (line: string): void => {
    lines.push(line);
    if (lines.length > MOST_LINES) lines.shift();
  };
  const hosts: (Host | undefined)[] = await Promise.all(
    Array.from({ length: count }, (_, n) => start(worker(n), note)),
  );
  const alive = (): readonly Host[] => hosts.filter((host) => host !== undefined);

  const kill = async (n: number): Promise<void> => {
    const host = hosts[n];
    hosts[n] = undefined;
    if (host === undefined) return;
    process.kill(-(host.child.pid as number), "SIGKILL");
    await host.gone;
  };
  return {
    lines,
    origins: () => alive().map(({ origin }) => origin),
    kill,
    async restart(n) {
      await kill(n);
      hosts[n] = await start(worker(n), note);
    },
    async trouble(trouble, seed) {
      const body = JSON.stringify({ ...CALM, ...trouble, seed });
      // One may be killed at the same moment.
      for (const { origin } of alive())
        await fetch(`${origin}${PATHS.queues}`, { method: "POST", body }).catch(() => undefined);
    },
    async ringCron(at) {
      const [host] = alive();
      const answer = await fetch(`${host?.origin}${PATHS.cron}?at=${at}`, { signal: AbortSignal.timeout(CRON_MS) });
      if (!answer.ok) throw new Error(`The cron handler failed: ${answer.status} ${await answer.text()}`);
    },
    async stop() {
      await Promise.all(hosts.map((_, n) => kill(n)));
    },
  };
}

async function start(worker: Emulated, note: (line: string) => void): Promise<Host> {
  // A process group of its own: the runtime dies with its host.
  const child = fork(join(import.meta.dirname, "worker-host.ts"), {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.on("message", (message: { answer: number } | { error: string } | { line: string }) => {
      if ("line" in message) note(message.line);
      else if ("error" in message) reject(new Error(message.error));
      else resolve(message.answer);
    });
    child.once("exit", () => reject(new Error(`${worker.name} ended before it answered`)));
    child.send(worker);
  });
  return { child, gone, origin: `http://127.0.0.1:${port}` };
}
