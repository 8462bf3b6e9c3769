// Peers as child processes: installed by npm, started, waited for, stopped by their own pid.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../local/ports.ts";

export interface Program {
  readonly directory: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly log: string;
}

/** Ends with the program; throws when it fails. */
export async function run(program: Program): Promise<void> {
  const child = begin(program);
  const code = await new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  if (code !== 0)
    throw new Error(`${program.command} ${program.args.join(" ")} ended with ${code}: see ${program.log}`);
}

/** Returns when `url` answers. */
export async function serve(program: Program, url: string): Promise<() => Promise<void>> {
  const child = begin(program);
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const slow = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await gone;
    clearTimeout(slow);
  };
  try {
    await until(`${url} answers`, 300_000, async () => {
      if (child.exitCode !== null) throw new Error(`${program.command} ended: see ${program.log}`);
      return fetch(url).then(
        (response) => response.status < 500,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return stop;
}

export function npmInstall(directory: string, packages: readonly string[]): Promise<void> {
  const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages];
  return run({ directory, command: "npm", args, log: join(directory, "install.log") });
}

function begin({ directory, command, args, env = {}, log }: Program): ChildProcess {
  const file = openSync(log, "a");
  return spawn(command, [...args], { cwd: directory, env: { ...process.env, ...env }, stdio: ["ignore", file, file] });
}
