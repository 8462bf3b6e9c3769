// Imports: how fast they are, what others feel of them, how long they hold the thread, and what memory they take.
import type { Options } from "../options.ts";
import { withStack } from "../workers/measured-stack.ts";
import { prepareGround } from "./ground.ts";
import { measureMemory } from "./memory.ts";
import { measureOthers } from "./others.ts";
import { measureRate } from "./rate.ts";
import { measureThread } from "./thread.ts";

export async function imports(options: Options): Promise<void> {
  await withStack(async (stack) => {
    const bench = await prepareGround(stack, options);
    await measureRate(bench);
    await measureOthers(bench);
    await measureThread(bench);
    await measureMemory(bench);
  });
}
