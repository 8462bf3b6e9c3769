// npm run bench -- geo: readers and editors in five regions, round trips between them as they really are, and what others would do instead.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Stack } from "../../local/stack.ts";
import { control } from "../counts/tallies.ts";
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillSpaces, primaryOf } from "../workers/content.ts";
import { withStack } from "../workers/measured-stack.ts";
import { openLag, startChild } from "./child.ts";
import { disturb } from "./disturb.ts";
import type { Traffic, TrafficPlan } from "./plan.ts";
import { plotsOf, printLag, printTraffic } from "./report.ts";
import { startWorld } from "./world.ts";

interface Phase {
  readonly name: string;
  readonly contender: "product" | "origin" | "minute";
  readonly seconds: number;
  readonly patienceMs: number;
  readonly idleMs: number;
  /** How old the copy is that Redis answers reads from. */
  readonly redisLagMs?: number;
  readonly writes?: number;
  readonly atLeast?: number;
  /** Readers are held back and dropped at random. */
  readonly isDisturbed?: true;
}

const REDIS_LAG_MS = 2_000;

const PHASES: readonly Phase[] = [
  { name: "Meridian", contender: "product", seconds: 180, patienceMs: 10_000, idleMs: 4_000 },
  {
    name: `Meridian, Redis ${REDIS_LAG_MS / 1000} s behind`,
    contender: "product",
    seconds: 90,
    patienceMs: 15_000,
    idleMs: 6_000,
    redisLagMs: REDIS_LAG_MS,
  },
  {
    name: "Meridian, every read at its region's last write, readers of Postgres held back 5 s and dropped",
    contender: "product",
    seconds: 130,
    patienceMs: 10_000,
    idleMs: 4_000,
    writes: 0.08,
    atLeast: 1,
    isDisturbed: true,
  },
  { name: "origin in iad, no cache", contender: "origin", seconds: 90, patienceMs: 10_000, idleMs: 4_000 },
  { name: "kept for 60 s", contender: "minute", seconds: 180, patienceMs: 70_000, idleMs: 65_000 },
];
const SHORT = { seconds: 6, patienceMs: 3_000, idleMs: 2_000, entries: 1_000, warm: 50, rate: 50 };
/** In both spaces together: 100,000. */
const ENTRIES = 50_000;
const PROBES = 500;
/** Of the most popular entries, in every region: what a cache has after a while. */
const WARM = 3_000;
/** Requests a second that readers and editors begin; own reads and publications come on top, and probes. */
const RATE = 100;
/** Of what begins; of other reads, those that ask for what their region last wrote. */
const WRITES = 0.05;
const AT_LEAST = 0.2;
const SPACES = [
  { id: "geo-us", residency: "us" },
  { id: "geo-eu", residency: "eu" },
] as const;

export async function geo({ short }: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const code = await bundleProduct();
    const entries = short ? SHORT.entries : ENTRIES;
    const spaces = await fillSpaces(stack, code, entries, SPACES);
    await prove(SPACES.map(({ residency }) => primaryOf(stack, residency)));
    const world = await startWorld(stack, code, spaces, after);
    const traffic = startChild<TrafficPlan, Traffic>(join(import.meta.dirname, "traffic.ts"));
    after(traffic.stop);

    const ownLag = openLag();
    const results: (Traffic & { readonly name: string })[] = [];
    for (const [n, phase] of PHASES.entries()) {
      const {
        name,
        contender,
        redisLagMs = 0,
        isDisturbed = false,
        writes = WRITES,
        atLeast = AT_LEAST,
        ...own
      } = phase;
      await world.lag();
      ownLag();
      await control(stack.control, "PUT", "/modes", { redisStaleReadsMs: redisLagMs });
      let isOver = !isDisturbed;
      const disturbed = disturb(stack.control, readersOf(stack), n, () => isOver);
      const result = await traffic.ask({
        regions: world.contenders[contender],
        spaces: spaces.map(({ id, key }) => ({ id, key })),
        entries,
        probes: Math.min(PROBES, entries / 2),
        seed: 1,
        hasPositions: contender === "product",
        warm: contender === "origin" ? 0 : WARM,
        edition: (n + 1) * 1_000_000,
        writes,
        atLeast,
        ...own,
        ...(short ? SHORT : { rate: RATE }),
        ...(short ? { entries } : {}),
      });
      isOver = true;
      const { heldBack, dropped } = await disturbed;
      results.push({ name, ...result });
      if (isDisturbed) console.log(`\nReaders of Postgres: held back ${heldBack} times, dropped ${dropped} times`);
      printTraffic(name, result);
      printLag({ readers: result.lag, distances: await world.lag(), gateways: ownLag() });
    }
    const directory = short ? mkdtempSync(join(tmpdir(), "meridian-geo-")) : join(import.meta.dirname, "..", "reports");
    mkdirSync(directory, { recursive: true });
    for (const [file, svg] of Object.entries(plotsOf(results))) writeFileSync(join(directory, file), svg);
    console.log(`\nPlots: ${directory}`);
  });
}

function readersOf({ topology }: Stack): readonly string[] {
  return topology.shards.flatMap(({ readers }) => readers.map(({ name }) => name));
}

/** What came in by SQL is what commits would have left: the read models equal their logs. */
async function prove(databases: readonly string[]): Promise<void> {
  const rebuild = join(import.meta.dirname, "..", "..", "local", "rebuild.ts");
  const told = databases.flatMap((database) => ["--database", database]);
  const { stdout } = await promisify(execFile)(process.execPath, [rebuild, ...told]);
  console.log(`npm run rebuild: ${stdout.trim()}`);
}
