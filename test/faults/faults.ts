// npm run faults -- --seed N [--minutes 10] [--calm]: a local stack, clients of all kinds, everything going wrong as the seed says, and then every
// invariant. The same seed brings the same faults and the same questions; how they fall together is the machine's. Exits with 1 on any violation.
import { parseArgs } from "node:util";
import { seeded } from "../../bench/numbers/chance.ts";
import { withStack } from "../../bench/workers/measured-stack.ts";
import { type FaultReport, runFaults, WORKERS } from "./run.ts";
import { scheduleOf } from "./schedule.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    minutes: { type: "string", default: "10" },
    /** Without faults: nothing may go wrong. */
    calm: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
const minutes = Number(values.minutes);
if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`--seed is a whole number, not ${values.seed}`);
if (!(minutes > 0 && minutes <= 120)) throw new Error(`--minutes is a number up to 120, not ${values.minutes}`);

console.log(`seed ${seed}, ${minutes} minutes`);
await withStack(async ({ stack }) => {
  const ms = minutes * 60_000;
  const phases = values.calm
    ? []
    : scheduleOf(seeded(seed), { ms, workers: WORKERS, longCalm: { every: 6, ms: 25_000 } });
  const report = await runFaults({ stack, seed, ms, phases, log: console.log });
  print(report);
  process.exitCode = report.violations.length === 0 ? 0 : 1;
});

function print({ violations, faults, told, ...counts }: FaultReport): void {
  console.table([{ ...counts, faults: faults.length }]);
  const kinds = Map.groupBy(violations, ({ invariant }) => invariant);
  for (const [invariant, several] of kinds) {
    console.log(`\ninvariant ${invariant}: ${several.length} violations`);
    for (const { space, what } of several.slice(0, 20)) {
      console.log(`  ${space ?? ""}  ${what}`);
      const id = /request ([0-9a-f-]{36})/.exec(what)?.[1];
      for (const line of id === undefined ? [] : told.filter((one) => one.includes(id))) console.log(`    ${line}`);
    }
    if (several.length > 20) console.log(`  … and ${several.length - 20} more`);
  }
  const again = `npm run faults -- --seed ${seed} --minutes ${minutes}`;
  console.log(
    violations.length === 0 ? `\n0 violations (${again})` : `\n${violations.length} violations; again: ${again}`,
  );
}
