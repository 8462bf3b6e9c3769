// The platform's minutes: without them nobody looks for what a lost message leaves behind, jobs pile up, and files are refused for as long as that.
import type { Workers } from "./workers.ts";

const MINUTE_MS = 60_000;

/** Rings the cron of a Worker every minute until what it answers is called. Whoever is away, or cannot, misses a minute, as in production. */
export function ringEveryMinute(workers: Workers): () => Promise<void> {
  let rung: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    rung = workers.ringCron(Date.now()).catch(() => undefined);
  }, MINUTE_MS);
  return async () => {
    clearInterval(timer);
    await rung;
  };
}
