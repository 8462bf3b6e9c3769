// The load generator's process, asked over IPC.
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Load, Measured } from "./load.ts";

export interface Generator {
  run(load: Load): Promise<Measured>;
  stop(): void;
}

export function startGenerator(): Generator {
  const child = fork(join(import.meta.dirname, "load.ts"));
  return {
    run: (load) =>
      new Promise((resolve, reject) => {
        child.once("message", (answer: Measured | { readonly error: string }) => {
          if ("error" in answer) reject(new Error(answer.error));
          else if (answer.failures > 0)
            reject(new Error(`${answer.failures} of ${answer.requests} answers from ${load.path} were not 200`));
          else resolve(answer);
        });
        child.send(load);
      }),
    stop: () => {
      child.kill();
    },
  };
}
