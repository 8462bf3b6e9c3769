// What is counted and not timed: queries behind bursts, Redis requests at steady state, and what a million reads cost.
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillSpaces } from "../workers/content.ts";
import { product, startEmulator, startOne } from "../workers/emulator.ts";
import { withStack } from "../workers/measured-stack.ts";
import { countBursts } from "./bursts.ts";
import type { CountsBench } from "./ground.ts";
import { countSteady } from "./steady.ts";

const ISOLATES = 3;
/** Enough that a run need not ask for the same one twice when it wants a miss. */
const ARTICLES = 4_000;

export async function counts(options: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const code = await bundleProduct();
    const spaces = await fillSpaces(stack, code, ARTICLES, [
      { id: "bench", residency: "us" },
      { id: "bench-2", residency: "us" },
    ]);
    const first = product(code, stack, "isolate-0");
    const others = Array.from({ length: ISOLATES - 1 }, (_, n) => ({
      ...first,
      name: `isolate-${n + 1}`,
      shield: { className: "Shield", of: first.name },
      consumes: false,
    }));
    const isolates = [...(await startEmulator([first, ...others])).values()];
    after(async () => await isolates[0]?.stop());
    const elsewhere = await startOne(product(code, stack, "elsewhere"));
    after(elsewhere.stop);
    const bench: CountsBench = { control: stack.control, isolates, elsewhere, spaces, options };
    await countBursts(bench);
    await countSteady(bench);
  });
}
