// What each step of a read costs in microseconds: samples of the processor, taken from the Worker itself while it answers.
import type { Load } from "../load/connections.ts";
import { type Generator, startGenerator } from "../load/generator.ts";
import { sourcesOf } from "../load/sources.ts";
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillBench } from "../workers/content.ts";
import { withStack } from "../workers/measured-stack.ts";
import { type RawRunning, startRaw } from "../workers/raw.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import { settingsOf } from "../workers/settings.ts";
import { attribute } from "./attribution.ts";
import { takeProfile } from "./inspector.ts";

const address = (n: number): string => `/v1/spaces/${SPACE}/content/${TYPE}/${slugOf(n)}`;
const ONE = address(0);
const FILES = 12;
/** Of misses: half of them while the engine warms up, half while it is looked at. */
const ARTICLES = { short: 600, whole: 6_000 } as const;

interface Read {
  readonly name: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** Each asked once, while it warms up and then. */
  readonly misses?: readonly [readonly string[], readonly string[]];
}

export async function profile(options: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const articles = options.short ? ARTICLES.short : ARTICLES.whole;
    const { key } = await fillBench(stack, await bundleProduct(), articles);
    const code = await bundleProduct(false);
    const product = await startRaw({ code, texts: settingsOf(stack), services: true }, { inspector: true });
    after(product.stop);
    const generator = startGenerator();
    after(generator.stop);
    const first = await fetch(`http://127.0.0.1:${product.port}${ONE}`);
    await first.arrayBuffer();
    const paths = Array.from({ length: articles - 1 }, (_, n) => address(n + 1));
    const half = Math.floor(paths.length / 2);
    const drafts = paths.map((path) => `${path}?perspective=draft`);
    const reads: readonly Read[] = [
      { name: "one entry" },
      { name: "with an API key", headers: { Authorization: `Bearer ${key}` } },
      { name: "not modified", headers: { "If-None-Match": first.headers.get("etag") ?? "" }, status: 304 },
      {
        name: "a draft, with an API key",
        headers: { Authorization: `Bearer ${key}` },
        misses: [drafts.slice(0, half), drafts.slice(half)],
      },
      { name: "a miss", misses: [paths.slice(0, half), paths.slice(half)] },
    ];
    for (const read of reads) await look({ options, product, code, generator }, read);
  });
}

interface Ground {
  readonly options: Options;
  readonly product: RawRunning;
  readonly code: string;
  readonly generator: Generator;
}

async function look({ options, product, code, generator }: Ground, { name, misses, ...read }: Read): Promise<void> {
  const { port, inspector = 0 } = product;
  const seconds = options.short ? 1 : 5 * options.seconds;
  const loadOf = (part: 0 | 1): Load => {
    const load = { port, connections: options.connections, ...read };
    return misses === undefined ? { ...load, paths: [ONE], seconds } : { ...load, paths: misses[part] };
  };
  const sources = await sourcesOf(port, misses === undefined ? Array(5).fill(ONE) : misses[1].slice(-5), read.headers);
  // The engine has to have compiled what it will run.
  await generator.run(loadOf(0));
  let requests = 0;
  const taken = await takeProfile(inspector, async () => {
    ({ requests } = await generator.run(loadOf(1)));
  });
  const { steps, files } = attribute(taken, code);
  const each = (us: number): string => (us / requests).toFixed(2);
  console.log(`\n${name}: ${requests} requests, answered from ${sources}; µs a request, self time, by step`);
  console.table(steps.map(({ step, us }) => ({ step, µs: each(us) })));
  console.log(`The ${FILES} files that cost most`);
  console.table(files.slice(0, FILES).map(({ file, us }) => ({ file, µs: each(us) })));
}
