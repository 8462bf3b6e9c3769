// A process that holds one Worker in the emulator, so that it can be killed as a machine dies: with its queues and everything under way.
import { answerParent } from "../../bench/geo/child.ts";
import { type Emulated, startOne } from "../../bench/workers/emulator.ts";

answerParent<Emulated, number>(import.meta.url, async (worker) => (await startOne(worker)).port);

// Whoever started this is gone: nothing may be left behind.
process.on("disconnect", () => process.kill(-process.pid, "SIGKILL"));
