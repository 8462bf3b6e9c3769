// The command line as a user starts it: a process of its own, with what it prints and what it ends with.
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Space } from "./client.ts";
import { stackHere } from "./here.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "local", "cli", "meridian.ts");

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  out(): string;
  err(): string;
  signal(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
  isOver(): boolean;
}

export function startMeridian(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, ...env },
  });
  let [out, err, over] = ["", "", false];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => {
      over = true;
      resolve({ code, out, err });
    });
  });
  return {
    out: () => out,
    err: () => err,
    signal: (signal) => {
      child.kill(signal);
    },
    ended,
    isOver: () => over,
  };
}

/** Where a command goes: that space, with its key, at the stack or at `url`. */
export const placeOf = ({ id, key }: Space, url = stackHere().origin): Readonly<Record<string, string>> => ({
  MERIDIAN_URL: url,
  MERIDIAN_SPACE: id,
  MERIDIAN_KEY: key,
});

export const runMeridian = (args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended> =>
  startMeridian(args, env).ended;
