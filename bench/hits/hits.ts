// What hits cost against Workers that return the same bytes: from memory on bare workerd, from far tiers on the emulator's direct sockets.
import { openMeter } from "../load/cpu.ts";
import { type Generator, startGenerator } from "../load/generator.ts";
import { findWrk } from "../load/wrk.ts";
import { median } from "../numbers/quantiles.ts";
import type { Options } from "../options.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillBench } from "../workers/content.ts";
import { withStack } from "../workers/measured-stack.ts";
import { farHits } from "./far-hits.ts";
import { type Answers, startConstant, startProductRaw } from "./floors.ts";
import { ARTICLES, MANY, ONE } from "./ground.ts";
import { memoryHits } from "./memory-hits.ts";

export async function hits(options: Options): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const code = await bundleProduct();
    const space = await fillBench(stack, code, ARTICLES * 2 * (options.rounds + 1));
    const node = startGenerator();
    after(node.stop);
    const meter = await openMeter(stack.postgres["us-primary"] ?? "");
    after(meter.stop);
    const product = await startProductRaw(code, stack);
    after(product.stop);
    const answers = await answersOf(product.port);
    const constant = await startConstant(answers);
    after(constant.stop);
    const wrk = findWrk();
    await compareGenerators(constant.port, node, wrk, options);
    const bench = { stack, options, space, code, node, strongest: wrk ?? node, meter, answers, after };
    await memoryHits(bench, product.port, constant.port);
    await farHits(bench);
  });
}

async function answersOf(port: number): Promise<Answers> {
  const one = await fetch(`http://127.0.0.1:${port}${ONE}`);
  const many = await fetch(`http://127.0.0.1:${port}${MANY}`);
  if (one.status !== 200 || many.status !== 200) throw new Error(`The product answers ${one.status}, ${many.status}`);
  return { entry: await one.text(), list: await many.text(), etag: one.headers.get("etag") ?? "" };
}

/** A generator that tires before the Worker does would make every Worker look alike. */
async function compareGenerators(
  port: number,
  node: Generator,
  wrk: Generator | undefined,
  { connections, seconds, rounds }: Options,
): Promise<void> {
  const load = { port, paths: ["/entry"], connections, seconds };
  const rates: { node: number[]; wrk: number[] } = { node: [], wrk: [] };
  for (let round = 0; round < Math.min(rounds, 5); round += 1) {
    rates.node.push((await node.run(load)).perSecond);
    if (wrk !== undefined) rates.wrk.push((await wrk.run(load)).perSecond);
  }
  const found = wrk === undefined ? "wrk is not installed" : `by wrk ${Math.round(median(rates.wrk))}`;
  console.log(`\nThe floor, requests/s: by Node's own generator ${Math.round(median(rates.node))}, ${found}`);
  console.log(`Memory hits below are asked by ${wrk === undefined ? "Node's own generator" : "wrk"}`);
}
