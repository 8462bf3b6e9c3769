// Steady reading: Redis requests by isolate, space and second, and commands and statements by million reads at several rates.

import { setTimeout as wait } from "node:timers/promises";
import { ask, from } from "../load/ask.ts";
import { seeded, untilNext } from "../numbers/chance.ts";
import { slugOf, TYPE } from "../workers/seed.ts";
import type { CountsBench } from "./ground.ts";
import { billOf, PRICES, STATEMENTS_PER_COMPUTE_SECOND } from "./prices.ts";
import { queriesOf, readTallies, resetTallies, statementsOf } from "./tallies.ts";

/** Reads a second of one isolate about one space. */
const RATES = [1, 10, 40];
const MISSES = 0.05;
const HOT = 20;
const FRANKFURT = from("FRA", 50, 8.6);
/** Nothing is measured of it here: a round figure for a short handler, so that the bill is whole. */
const CPU_MS = 0.3;

export async function countSteady(bench: CountsBench): Promise<void> {
  const { options, isolates, spaces } = bench;
  const seconds = options.short ? 4 : 20;
  const pairs = isolates.length * spaces.length;
  const rows = [];
  let fresh = 100;
  for (const rate of RATES) {
    await read(bench, rate, 3, () => undefined);
    await resetTallies(bench.control);
    const { reads, sources } = await read(bench, rate, seconds, () => (fresh += 1));
    const tallies = await readTallies(bench.control);
    const { requests, commands } = tallies.redis;
    const objectRequests = reads - (sources.get("memory") ?? 0) - (sources.get("colo") ?? 0);
    const bill = billOf({
      reads,
      redisCommands: commands,
      statements: statementsOf(tallies),
      objectRequests,
      cpuMs: CPU_MS,
    });
    const million = (count: number): number => Math.round((count / reads) * 1e6);
    const dollars = (sum: number): string => sum.toFixed(2);
    rows.push({
      "reads/s, isolate and space": rate,
      reads,
      "Redis requests, isolate × space × s": (requests / pairs / seconds).toFixed(2),
      wanted: "≤ 2",
      "Redis commands, million reads": million(commands),
      "queries, million reads": million(queriesOf(tallies)),
      "statements, million reads": million(statementsOf(tallies)),
      answers: [...sources].map(([name, count]) => `${name} ${count}`).join(", "),
      "$ Worker": dollars(bill.worker),
      "$ shield": dollars(bill.shield),
      "$ Redis": dollars(bill.redis),
      "$ Postgres": dollars(bill.postgres),
      "$ in all": dollars(bill.total),
    });
  }
  console.log(
    `\nSteady reading, ${isolates.length} isolates × ${spaces.length} spaces, ${MISSES * 100} % of the keys never asked before, ${seconds} s each`,
  );
  console.log(
    `Dollars for a million reads at list prices of ${PRICES.asOf} (to be checked), ${STATEMENTS_PER_COMPUTE_SECOND} statements a second and compute unit`,
  );
  console.table(rows);
}

async function read(
  { isolates, spaces }: CountsBench,
  rate: number,
  seconds: number,
  unseen: () => number | undefined,
): Promise<{ readonly reads: number; readonly sources: ReadonlyMap<string, number> }> {
  const sources = new Map<string, number>();
  let reads = 0;
  const end = performance.now() + seconds * 1000;
  const readers = isolates.flatMap(({ port }, i) =>
    spaces.map(async ({ id }, s) => {
      const random = seeded(1 + i * 100 + s);
      const under: Promise<void>[] = [];
      for (let at = performance.now() + untilNext(rate, random); at < end; at += untilNext(rate, random)) {
        await wait(Math.max(0, at - performance.now()));
        const n = random() < MISSES ? unseen() : undefined;
        const path = `/v1/spaces/${id}/content/${TYPE}/${slugOf(n ?? Math.floor(random() * HOT))}`;
        under.push(
          ask({ port, path, headers: FRANKFURT }).then(({ headers }) => {
            reads += 1;
            const source = headers.get("meridian-source") ?? "unknown";
            sources.set(source, (sources.get(source) ?? 0) + 1);
          }),
        );
      }
      await Promise.all(under);
    }),
  );
  await Promise.all(readers);
  return { reads, sources };
}
