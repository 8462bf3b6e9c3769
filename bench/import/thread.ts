// For how long an import holds the Worker's thread in one go, from a profile taken while one runs and nobody asks anything.
import { setTimeout as wait } from "node:timers/promises";
import { quantile } from "../numbers/quantiles.ts";
import { attribute } from "../profile/attribution.ts";
import { takeProfile } from "../profile/inspector.ts";
import type { ImportBench } from "./ground.ts";
import { whileImporting } from "./others.ts";
import { GAP_US, slicesOf } from "./slices.ts";

/** As the emulator calls the Worker. */
const TARGET = "core:user:product";
const SHOWN = 12;

export async function measureThread(bench: ImportBench): Promise<void> {
  const seconds = bench.options.short ? 3 : 10;
  let profile: Awaited<ReturnType<typeof takeProfile>> | undefined;
  let lines = 0;
  lines = await whileImporting(bench, "profiled", async () => {
    profile = await takeProfile(bench.inspector, () => wait(seconds * 1000), TARGET);
  });
  if (profile === undefined) throw new Error("There is no profile");
  // The runtime between two pieces of JavaScript is counted with them, and without.
  const all = slicesOf(profile);
  const own = slicesOf(profile, ["(program)"]);
  const { steps, files } = attribute(profile, bench.code, GAP_US);
  console.log(
    `\nThread of the Worker during ${seconds} s of an import (${lines} lines), sampled every 0.2 ms; wanted: no slice over 20 ms`,
  );
  console.table(
    [["JavaScript and garbage collection", own] as const, ["with the runtime between", all] as const].map(
      ([what, slices]) => {
        const ms = slices.map((slice) => slice.ms);
        return {
          what,
          slices: ms.length,
          p50: quantile(ms, 0.5).toFixed(2),
          p99: quantile(ms, 0.99).toFixed(2),
          longest: (ms[0] ?? 0).toFixed(2),
          mostly: slices[0]?.mostly ?? "",
        };
      },
    ),
  );
  console.table(own.slice(0, 5).map(({ ms, mostly }) => ({ "ms, the longest": ms.toFixed(2), mostly })));
  const each = (us: number): string => (us / Math.max(1, lines)).toFixed(1);
  console.log("µs a line, self time, by step and by file");
  console.table(steps.map(({ step, us }) => ({ step, µs: each(us) })));
  console.table(files.slice(0, SHOWN).map(({ file, us }) => ({ file, µs: each(us) })));
}
