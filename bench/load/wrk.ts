// wrk as the load generator, when this machine has it: it costs far less processor time a request than Node's sockets do.
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import type { Load, Measured } from "./connections.ts";
import { checked, type Generator } from "./generator.ts";

/** `undefined` when there is none. Only for loads with one path and a time. */
export function findWrk(): Generator | undefined {
  try {
    execFileSync("wrk", ["-v"], { stdio: "pipe" });
  } catch (error) {
    // `wrk -v` prints its version and ends with 1; only a wrk that is not there has no exit status.
    if (typeof (error as { status?: unknown }).status !== "number") return undefined;
  }
  return { name: "wrk", run: runWrk, stop: () => {} };
}

async function runWrk(load: Load): Promise<Measured> {
  const { port, paths, connections, seconds, headers = {} } = load;
  const [path, ...others] = paths;
  if (path === undefined || others.length > 0 || seconds === undefined)
    throw new Error("wrk asks one path, for a time");
  const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const about = ["-t", "1", "-c", String(connections), "-d", `${Math.max(1, Math.round(seconds))}s`, ...lines];
  const { stdout } = await promisify(execFile)("wrk", [...about, `http://127.0.0.1:${port}${path}`]);
  return checked(load, readWrk(stdout));
}

/** What wrk prints. It calls 2xx and 3xx alike good, so that a 200 in the place of a 304 has to be looked for beforehand. */
export function readWrk(text: string): Measured {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const requests = number(/(\d+) requests in/);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const broken = (errors ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0);
  const bytes =
    number(/requests in [\d.]+\w+, ([\d.]+)[KMG]?B read/) * unitOf(/, [\d.]+([KMG]?)B read/.exec(text)?.[1]);
  return {
    requests,
    failures: number(/Non-2xx or 3xx responses: (\d+)/) + broken,
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    bytes: Math.round(bytes / Math.max(1, requests)),
  };
}

function unitOf(letter: string | undefined): number {
  return 1024 ** (letter === undefined || letter === "" ? 0 : "KMG".indexOf(letter) + 1);
}
