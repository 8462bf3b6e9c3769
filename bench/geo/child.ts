// Parts of the simulation that run in processes of their own, so that one's work is not another's delay.
import { fork } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";

export interface Lag {
  /** Milliseconds by which timers came late. */
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

export interface Child<Told, Answer> {
  ask(told: Told): Promise<Answer>;
  stop(): void;
}

/** `file` calls `answerParent`. */
export function startChild<Told, Answer>(file: string): Child<Told, Answer> {
  const child = fork(file);
  return {
    ask: (told) =>
      new Promise((resolve, reject) => {
        const ended = (): void => reject(new Error(`${file} ended`));
        child.once("exit", ended);
        child.once("message", (message: { readonly answer: Answer } | { readonly error: string }) => {
          child.off("exit", ended);
          if ("error" in message) reject(new Error(message.error));
          else resolve(message.answer);
        });
        child.send(told as object);
      }),
    stop: () => {
      child.kill();
    },
  };
}

/** Answers every question of the process that started this file; does nothing where the file is only imported. */
export function answerParent<Told, Answer>(importer: string, work: (told: Told) => Promise<Answer>): void {
  if (process.send === undefined || importer !== pathToFileURL(process.argv[1] ?? "").href) return;
  process.on("message", (told: Told) => {
    void work(told).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}

/** Answers the lag since it was last called, or since it was opened. */
export function openLag(): () => Lag {
  const resolution = 5;
  const histogram = monitorEventLoopDelay({ resolution });
  histogram.enable();
  const ms = (nanoseconds: number): number => Number(Math.max(0, nanoseconds / 1e6 - resolution).toFixed(1));
  return () => {
    const lag = { p50: ms(histogram.percentile(50)), p99: ms(histogram.percentile(99)), most: ms(histogram.max) };
    histogram.reset();
    return lag;
  };
}
