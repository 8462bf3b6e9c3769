// A process that holds one Worker in the emulator, so that it can be killed as a machine dies: with its queues and everything under way. It tells
// its parent of every line that speaks of an error or of something that was left undone.
import { answerParent } from "../../bench/geo/child.ts";
import { type Emulated, startOne } from "../../bench/workers/emulator.ts";

const TOLD = /"error":|"event":"(?:delivery-left|subscriber-stopped|subscriber-parked|job-gave-up|dead-letter)/;

answerParent<Emulated, number>(import.meta.url, async (worker) => {
  const log = (line: string): void => {
    if (TOLD.test(line) && process.connected) process.send?.({ line });
  };
  const { port } = await startOne(worker, { log });
  return port;
});

// Whoever started this is gone: nothing may be left behind.
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
