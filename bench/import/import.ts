// Imports: how fast they are, what others feel of them, how long they hold the thread, and what memory they take.
import type { Options } from "../options.ts";
import { withStack } from "../workers/measured-stack.ts";
import { prepareGround } from "./ground.ts";
import { measureMemory } from "./memory.ts";
import { measureOthers } from "./others.ts";
import { measureRate } from "./rate.ts";
import { measureThread } from "./thread.ts";

const PARTS = { rate: measureRate, others: measureOthers, thread: measureThread, memory: measureMemory } as const;

export async function imports(options: Options): Promise<void> {
  const parts = Object.entries(PARTS).filter(([name]) => options.part === undefined || name === options.part);
  if (parts.length === 0) throw new Error(`--part is one of ${Object.keys(PARTS).join(", ")}`);
  await withStack(async (stack) => {
    const bench = await prepareGround(stack, options);
    for (const [, measure] of parts) await measure(bench);
  });
}
