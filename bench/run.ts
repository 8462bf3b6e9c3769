// npm run bench: what an uncached read costs against a bare Worker that asks the same row, where the rest goes, and how many statements
// each kind of read takes. One run compares everything; only ratios and counts mean something on another machine.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { removeData } from "../local/data-directory.ts";
import { type Stack, startStack } from "../local/stack.ts";
import { type Cpu, openMeter } from "./cpu.ts";
import { startGenerator } from "./generator.ts";
import { SPACE, seed, slugOf, TYPE } from "./seed.ts";
import { countStatements } from "./statements.ts";
import { startBare, startProduct } from "./workers.ts";

type Spent = { requests: number; worker: number; gateway: number; postgres: number };

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "24" },
    seconds: { type: "string", default: "1" },
    connections: { type: "string", default: "16" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);

/** In order: each adds a layer to the one before. */
const STEPS = {
  bare: "one hand-written SELECT, as the owner",
  snapshot: "+ snapshot: BEGIN, bind_space, COMMIT around it, under row-level security",
  "id-or-slug": "+ by id or by slug",
  platform: "+ rendering SQL, choosing an endpoint, guard, typed rows, proof of knowledge",
  "use-case": "+ use case: query, view, document",
  product: "+ door: identity, knowledge, checks, entity tag, headers",
} as const;

const dataDir = mkdtempSync(join(tmpdir(), "meridian-bench-"));
const stops: (() => unknown)[] = [() => rmSync(dataDir, { recursive: true, force: true }), () => removeData(dataDir)];
try {
  await bench();
} finally {
  for (const stop of stops.reverse()) await stop();
}

async function bench(): Promise<void> {
  const stack = await startStack({ dataDir, demo: false, worker: false, fsync: false });
  stops.push(stack.stop);
  const product = await startProduct(stack);
  stops.push(product.stop);
  await seed(product.port, stack.rootKey);
  const bare = await startBare(await bareBindings(stack));
  stops.push(bare.stop);
  const generator = startGenerator();
  stops.push(generator.stop);

  const slug = slugOf(7);
  const places = Object.keys(STEPS).map((name) =>
    name === "product"
      ? { name, port: product.port, path: `/v1/spaces/${SPACE}/content/${TYPE}/${slug}` }
      : { name, port: bare.port, path: `/${name}/${TYPE}/${slug}` },
  );
  const meter = await openMeter(stack.postgres["us-primary"] ?? "");
  stops.push(meter.stop);
  const rates = new Map(places.map(({ name }) => [name, [] as number[]]));
  const spent = new Map(places.map(({ name }) => [name, { requests: 0, worker: 0, gateway: 0, postgres: 0 }]));
  for (const { port, path } of places) await generator.run({ port, path, connections, seconds: 3 });
  for (let round = 0; round < rounds; round += 1) {
    // Each round in another order, so that what a neighbour leaves behind falls on all alike.
    for (const { name, port, path } of round % 2 === 0 ? places : places.toReversed()) {
      const before = await meter.read();
      const { perSecond, requests } = await generator.run({ port, path, connections, seconds });
      add(spent.get(name), requests, before, await meter.read());
      rates.get(name)?.push(perSecond);
    }
  }
  report(rates, spent);
  console.log("\nStatements (without binding and transaction), requests to Postgres, by kind of read");
  console.table(await countStatements(stack.control, product.port));
}

function add(spent: Spent | undefined, requests: number, before: Cpu | undefined, after: Cpu | undefined): void {
  if (spent === undefined || before === undefined || after === undefined) return;
  spent.requests += requests;
  for (const part of ["worker", "gateway", "postgres"] as const) spent[part] += after[part] - before[part];
}

function report(rates: ReadonlyMap<string, readonly number[]>, spent: ReadonlyMap<string, Spent>): void {
  const base = rates.get("bare") ?? [];
  const one = spent.get("bare");
  const unit = one === undefined ? Number.NaN : (one.worker + one.gateway + one.postgres) / one.requests;
  console.log(
    `\nGET one entry, uncached: ${connections} connections, ${rounds} interleaved rounds of ${seconds} s each`,
  );
  console.log(
    "Requests/s as a share of bare's (median over rounds, quartiles); processor time of one request in units of bare's whole",
  );
  console.table(
    [...rates].map(([name, measured]) => {
      const ratios = measured.map((rate, round) => rate / (base[round] ?? Number.NaN));
      const { requests, worker, gateway, postgres } = spent.get(name) ?? {
        requests: 0,
        worker: 0,
        gateway: 0,
        postgres: 0,
      };
      const share = (ticks: number): string => (ticks / requests / unit).toFixed(2);
      return {
        step: name,
        rate: quantile(ratios, 0.5).toFixed(2),
        quartiles: `${quantile(ratios, 0.25).toFixed(2)}–${quantile(ratios, 0.75).toFixed(2)}`,
        worker: share(worker),
        gateway: share(gateway),
        postgres: share(postgres),
        cpu: share(worker + gateway + postgres),
        what: STEPS[name as keyof typeof STEPS],
      };
    }),
  );
  console.log(`bare: ${Math.round(quantile(base, 0.5))} requests/s here`);
}

async function bareBindings({ topology, neon, postgres }: Stack) {
  const primary = topology.shards.find((shard) => shard.name === topology.home)?.primary;
  if (primary === undefined) throw new Error("The topology has no home shard");
  const client = new pg.Client({ connectionString: postgres[primary.name] });
  await client.connect();
  const { rows: spaces } = await client.query<{ uid: number }>("select uid from directory where id = $1", [SPACE]);
  const uid = spaces[0]?.uid;
  const { rows: types } = await client.query<{ shape: unknown }>("select shape from types where space = $1", [uid]);
  await client.end();
  const OWNER_URL = primary.url.replace("meridian_app", "postgres");
  return {
    ENDPOINT: neon.endpoint,
    OWNER_URL,
    APP_URL: primary.url,
    TOPOLOGY: topology,
    SPACE: uid,
    SHAPES: types.map(({ shape }) => shape),
  };
}

function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}
