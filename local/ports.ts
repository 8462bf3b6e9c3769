// Free TCP ports on loopback, and waiting for a condition instead of for a time.
import { createServer } from "node:net";

/** Any, or `wanted` itself: throws when somebody has it. */
export async function freePort(wanted = 0): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks `condition` until it answers true; throws after `limitMs`. The steps between grow from 5 to 100 ms. */
export async function until(what: string, limitMs: number, condition: () => Promise<boolean> | boolean): Promise<void> {
  const start = performance.now();
  for (let step = 5; ; step = Math.min(step * 1.5, 100)) {
    if (await condition()) return;
    if (performance.now() - start > limitMs) throw new Error(`Waited ${limitMs} ms in vain: ${what}`);
    await pause(step);
  }
}
