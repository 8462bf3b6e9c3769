// What each step of a read costs in microseconds: samples of the processor, taken from the Worker itself while it answers.
import { startGenerator } from "../load/generator.ts";
import { sourcesOf } from "../load/sources.ts";
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillBench } from "../workers/content.ts";
import { withStack } from "../workers/measured-stack.ts";
import { startRaw } from "../workers/raw.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import { settingsOf } from "../workers/settings.ts";
import { attribute } from "./attribution.ts";
import { takeProfile } from "./inspector.ts";

const ONE = `/v1/spaces/${SPACE}/content/${TYPE}/${slugOf(0)}`;
const FILES = 12;

export async function profile({ connections, seconds, short }: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const { key } = await fillBench(stack, await bundleProduct(), 50);
    const readable = await bundleProduct(false);
    const product = await startRaw({ code: readable, texts: settingsOf(stack), services: true }, { inspector: true });
    after(product.stop);
    const generator = startGenerator();
    after(generator.stop);
    const first = await fetch(`http://127.0.0.1:${product.port}${ONE}`);
    await first.arrayBuffer();
    const reads: Readonly<Record<string, { headers?: Record<string, string>; status?: number }>> = {
      "one entry": {},
      "with an API key": { headers: { Authorization: `Bearer ${key}` } },
      "not modified": { headers: { "If-None-Match": first.headers.get("etag") ?? "" }, status: 304 },
    };
    for (const [name, read] of Object.entries(reads)) {
      const load = { port: product.port, paths: [ONE], connections, ...read };
      // The engine has to have compiled what it will run.
      await generator.run({ ...load, seconds: short ? 1 : 5 });
      let requests = 0;
      const taken = await takeProfile(product.inspector ?? 0, async () => {
        ({ requests } = await generator.run({ ...load, seconds: short ? 1 : 5 * seconds }));
      });
      const { steps, files } = attribute(taken, readable);
      const each = (us: number): string => (us / requests).toFixed(2);
      const sources = await sourcesOf(product.port, Array(5).fill(ONE), read.headers);
      console.log(`\n${name}: ${requests} requests, answered from ${sources}; µs a request, self time, by step`);
      console.table(steps.map(({ step, us }) => ({ step, µs: each(us) })));
      console.log(`The ${FILES} files that cost most`);
      console.table(files.slice(0, FILES).map(({ file, us }) => ({ file, µs: each(us) })));
    }
  });
}
