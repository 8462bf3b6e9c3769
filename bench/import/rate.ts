// Entries a second through the product, against the same cities inserted by hand through the same gateway: as rows of one table, and as all
// the rows that the product keeps of them.
import pg from "pg";
import { openMeter } from "../load/cpu.ts";
import { median, quartiles } from "../numbers/quantiles.ts";
import { post, rowsOf } from "./by-hand.ts";
import { type ImportBench, linesOf } from "./ground.ts";

/** After so many every city was imported; `--rounds` may ask for fewer. */
const ROUNDS = 10;
const SIDES = ["product", "rows", "table"] as const;
type Side = (typeof SIDES)[number];

const ABOUT: Readonly<Record<Side, string>> = {
  product:
    "POST imports, to the job's end: two events an entry, drafts, published, sort rows, terms, references, checks",
  rows: "by hand: the rows that this left, into tables like those, 100 entries a transaction",
  table: "by hand: one table with five indexes, 100 rows a statement",
};

interface Seen {
  readonly perSecond: number[];
  worker: number;
  gateway: number;
  postgres: number;
}

export async function measureRate(bench: ImportBench): Promise<void> {
  const { options, cities, primary, uid } = bench;
  const rounds = options.short ? 2 : Math.min(options.rounds, ROUNDS);
  const size = options.short ? 1_000 : Math.ceil(cities.length / ROUNDS);
  const meter = await openMeter(primary);
  const client = new pg.Client({ connectionString: primary });
  await client.connect();
  const seen = Object.fromEntries(
    SIDES.map((side) => [side, { perSecond: [], worker: 0, gateway: 0, postgres: 0 }]),
  ) as unknown as Record<Side, Seen>;
  let entries = 0;
  try {
    for (let round = 0; round < rounds; round += 1) {
      const some = cities.slice(round * size, (round + 1) * size);
      const text = linesOf(some);
      entries += some.length;
      const measure = async (side: Side, work: () => Promise<unknown>): Promise<void> => {
        const before = await meter.read();
        const began = performance.now();
        await work();
        seen[side].perSecond.push((some.length * 1000) / (performance.now() - began));
        const after = await meter.read();
        if (before === undefined || after === undefined) return;
        for (const part of ["worker", "gateway", "postgres"] as const) seen[side][part] += after[part] - before[part];
      };
      // The rows are there only afterwards: the two floors change places.
      await measure("product", async () => bench.finish(await bench.send(text)));
      const rows = await rowsOf(
        client,
        uid,
        some.map(({ id }) => id),
      );
      const floors: readonly [Side, string][] = [
        ["rows", rows.join("")],
        ["table", text],
      ];
      for (const [side, body] of round % 2 === 0 ? floors : floors.toReversed())
        await measure(side, () => post(`${bench.floor}/${side}`, body));
    }
  } finally {
    await client.end();
    await meter.stop();
  }
  report(seen, entries, rounds);
}

function report(seen: Readonly<Record<Side, Seen>>, entries: number, rounds: number): void {
  console.log(
    `\nImport of ${entries} cities in ${rounds} rounds, each through the product and by hand; processor time in clock ticks`,
  );
  console.table(
    SIDES.map((side) => {
      const { perSecond, worker, gateway, postgres } = seen[side];
      const share = (base: Side): string => {
        const ratios = seen.product.perSecond.map((rate, round) => rate / (seen[base].perSecond[round] ?? Number.NaN));
        return `${median(ratios).toFixed(2)} (${quartiles(ratios)})`;
      };
      return {
        side,
        "entries/s": Math.round(median(perSecond)),
        "product's share of it": side === "product" ? "" : share(side),
        wanted: side === "rows" ? "≥ 0.3" : "",
        worker,
        gateway,
        postgres,
        what: ABOUT[side],
      };
    }),
  );
}
