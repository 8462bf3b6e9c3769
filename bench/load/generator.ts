// The load generator's process, asked over IPC.
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Load, Measured } from "./connections.ts";

export interface Generator {
  readonly name: string;
  run(load: Load): Promise<Measured>;
  stop(): void;
}

export function startGenerator(): Generator {
  const child = fork(join(import.meta.dirname, "connections.ts"));
  return {
    name: "node",
    run: (load) =>
      new Promise((resolve, reject) => {
        child.once("message", (answer: Measured | { readonly error: string }) => {
          if ("error" in answer) reject(new Error(answer.error));
          else resolve(checked(load, answer));
        });
        child.send(load);
      }),
    stop: () => {
      child.kill();
    },
  };
}

/** Throws when an answer was not what it had to be. */
export function checked(load: Load, measured: Measured): Measured {
  if (measured.failures === 0) return measured;
  throw new Error(
    `${measured.failures} of ${measured.requests} answers from ${load.paths[0]} were not ${load.status ?? 200}`,
  );
}
