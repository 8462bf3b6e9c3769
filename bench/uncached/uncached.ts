// An uncached read against a bare Worker that asks the same row, where the rest goes, and how many statements each kind of read takes.

import pg from "pg";
import type { Stack } from "../../local/stack.ts";
import { openMeter } from "../load/cpu.ts";
import { startGenerator } from "../load/generator.ts";
import { interleave, type Place, type Seen, shares, ticksOf } from "../load/interleave.ts";
import { median, quartiles } from "../numbers/quantiles.ts";
import type { Options } from "../options.ts";
import { bundleBare, bundleProduct } from "../workers/bundle.ts";
import { fillBench } from "../workers/content.ts";
import { product, startOne } from "../workers/emulator.ts";
import { withStack } from "../workers/measured-stack.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import { countStatements } from "./statements.ts";

/** In order: each adds a layer to the one before. */
const STEPS = {
  bare: "one hand-written SELECT, as the owner",
  snapshot: "+ snapshot: BEGIN, bind_space, COMMIT around it, under row-level security",
  "id-or-slug": "+ by id or by slug",
  platform: "+ rendering SQL, choosing an endpoint, guard, typed rows, proof of knowledge",
  "use-case": "+ use case: query, view, document",
  uncached:
    "+ door: identity, knowledge, checks, entity tag, headers (perspective=draft with an API key, which no tier is asked about)",
  tiers: "bare behind two tiers: a look into the colo, one call of an object, and the SELECT there",
  miss: "+ everything above, and filling memory and shield",
} as const;
interface Way {
  readonly port: number;
  readonly prefix: string;
  readonly suffix?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of a round: no article is asked for twice, so that nothing can be found in a cache. */
const ARTICLES = 1_500;
const PARTS = ["worker", "gateway", "postgres"] as const;

export async function uncached(options: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const { rounds, connections } = options;
    const code = await bundleProduct();
    const { uid, key } = await fillBench(stack, code, ARTICLES * (rounds + 1));
    const measured = await startOne(product(code, stack));
    after(measured.stop);
    const bare = await startOne({
      name: "bare",
      code: await bundleBare("worker"),
      shield: { className: "Floor" },
      bindings: await bareBindings(stack, uid),
    });
    after(bare.stop);
    const generator = startGenerator();
    after(generator.stop);
    const meter = await openMeter(stack.postgres["us-primary"] ?? "");
    after(meter.stop);

    const prefix = `/v1/spaces/${SPACE}/content/${TYPE}`;
    const places: readonly Place[] = Object.keys(STEPS).map((name) => {
      const ways: Readonly<Record<string, Way>> = {
        uncached: {
          port: measured.port,
          prefix,
          suffix: "?perspective=draft",
          headers: { Authorization: `Bearer ${key}` },
        },
        miss: { port: measured.port, prefix },
      };
      const { suffix = "", ...way } = ways[name] ?? { port: bare.port, prefix: `/${name}/${TYPE}` };
      return {
        name,
        load: (round) => ({
          port: way.port,
          paths: articles(round).map((slug) => `${way.prefix}/${slug}${suffix}`),
          headers: way.headers ?? {},
          connections,
        }),
      };
    });
    // The articles of one more round warm everything up.
    for (const place of places) await generator.run(place.load(rounds));
    report(await interleave(places, rounds, generator, meter), options);
    console.log("\nStatements (without binding and transaction), requests to Postgres, by kind of read");
    console.table(await countStatements(stack.control, measured.port));
  });
}

function articles(round: number): readonly string[] {
  return Array.from({ length: ARTICLES }, (_, n) => slugOf(round * ARTICLES + n));
}

function report(seen: ReadonlyMap<string, Seen>, { rounds, connections }: Options): void {
  const unit = ticksOf(seen.get("bare"), PARTS);
  console.log(
    `\nGET one entry, uncached: ${connections} connections, ${rounds} interleaved rounds of ${ARTICLES} requests`,
  );
  console.log(
    "Requests/s as a share of bare's (median over rounds, quartiles); processor time of one request in units of bare's whole",
  );
  console.table(
    [...seen].map(([name, one]) => {
      const ratios = shares(seen, name, "bare");
      const share = (...parts: (typeof PARTS)[number][]): string => (ticksOf(one, parts) / unit).toFixed(2);
      return {
        step: name,
        rate: median(ratios).toFixed(2),
        quartiles: quartiles(ratios),
        worker: share("worker"),
        gateway: share("gateway"),
        postgres: share("postgres"),
        cpu: share(...PARTS),
        ...(name === "miss" ? { "of tiers": median(shares(seen, name, "tiers")).toFixed(2) } : {}),
        what: STEPS[name as keyof typeof STEPS],
      };
    }),
  );
  console.log(`bare: ${Math.round(median(seen.get("bare")?.rates ?? []))} requests/s here`);
}

/** What bench/bare/worker.ts is told. */
export async function bareBindings({ topology, neon, postgres }: Stack, uid: number) {
  const primary = topology.shards.find((shard) => shard.name === topology.home)?.primary;
  if (primary === undefined) throw new Error("The topology has no home shard");
  const client = new pg.Client({ connectionString: postgres[primary.name] });
  await client.connect();
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
