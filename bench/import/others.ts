// What others feel while an import runs: an editor of the same space, and readers of another space that the same isolate answers from memory.
import { setTimeout as wait } from "node:timers/promises";
import { apiClient } from "../../local/api-client.ts";
import { quantile } from "../numbers/quantiles.ts";
import { BESIDE, type ImportBench, linesOf, renamed, SPACE } from "./ground.ts";

type Side = "alone" | "during";
/** Entries for a round: more than an import gets through in that time. */
const ENOUGH = 20_000;
const EDIT_EVERY_MS = 200;
const READ_EVERY_MS = 2;
const SETTLE_MS = 4_000;

export async function measureOthers(bench: ImportBench): Promise<void> {
  const { options } = bench;
  const rounds = options.short ? 1 : 3;
  const seconds = options.short ? 3 : 10;
  const edits = { alone: [] as number[], during: [] as number[] };
  const reads = { alone: [] as number[], during: [] as number[] };
  let imported = 0;
  const editor = await openEditor(bench);
  // What was never run was never compiled.
  await editor(2);
  await read(bench, 2);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, into, work] of [
      ["edit", edits, editor],
      ["read", reads, (time: number) => read(bench, time)],
    ] as const) {
      const sides: readonly Side[] = round % 2 === 0 ? ["alone", "during"] : ["during", "alone"];
      for (const side of sides) {
        if (side === "alone") into.alone.push(...(await work(seconds)));
        else
          imported += await whileImporting(bench, `${name}${round}`, async () => {
            into.during.push(...(await work(seconds)));
          });
      }
    }
  }
  console.log(
    `\nOthers while an import runs (${imported} entries meanwhile), ms; ${rounds} rounds of ${seconds} s, alone and during in turn`,
  );
  const row = (what: string, { alone, during }: Record<Side, number[]>, wanted: string) => {
    const at = (numbers: readonly number[], share: number): string => quantile(numbers, share).toFixed(1);
    return {
      what,
      "p50 alone": at(alone, 0.5),
      "p50 during": at(during, 0.5),
      "p95 alone": at(alone, 0.95),
      "p95 during": at(during, 0.95),
      "p95, times": (quantile(during, 0.95) / quantile(alone, 0.95)).toFixed(2),
      "p99 alone": at(alone, 0.99),
      "p99 during": at(during, 0.99),
      "p99.9 alone": at(alone, 0.999),
      "p99.9 during": at(during, 0.999),
      count: alone.length + during.length,
      wanted,
    };
  };
  console.table([
    row("PUT of an entry, same space", edits, "p95 ≤ 2 times"),
    row("memory hit, another space", reads, "waits for at most one slice (20 ms)"),
  ]);
}

/** Answers how many lines got through meanwhile. */
export async function whileImporting(bench: ImportBench, name: string, work: () => Promise<void>): Promise<number> {
  const { cities, send, cancel } = bench;
  const count = bench.options.short ? 5_000 : ENOUGH;
  const job = await send(linesOf(renamed(cities.slice(0, count), name)));
  const state = async (): Promise<{ readonly status: string; readonly processed: number }> => {
    const answer = await apiClient(bench.origin, bench.key).ask("GET", `/v1/spaces/${SPACE}/imports/${job}`);
    return answer.body as { readonly status: string; readonly processed: number };
  };
  while ((await state()).processed === 0) await wait(20);
  const { processed: before } = await state();
  await work();
  const { status, processed } = await state();
  if (status !== "running") throw new Error(`The import was ${status} before the measurement was over`);
  await cancel(job);
  // The turn that is under way ends first, and what its commits were followed by.
  await wait(SETTLE_MS);
  return processed - before;
}

/** One editor, each time with something else to write. */
async function openEditor({ origin, key }: ImportBench): Promise<(seconds: number) => Promise<readonly number[]>> {
  const path = `${origin}/v1/spaces/${SPACE}/entries/edited`;
  let edition = 0;
  const put = async (): Promise<void> => {
    edition += 1;
    const fields = { name: { en: `Edition ${edition}` }, country: "fr", population: edition };
    const response = await fetch(path, {
      method: "PUT",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      body: JSON.stringify({ type: "city", fields }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`The editor was answered with ${response.status}: ${text}`);
  };
  await put();
  return (seconds) => atIntervals(seconds, EDIT_EVERY_MS, put);
}

async function read({ origin }: ImportBench, seconds: number): Promise<readonly number[]> {
  const url = `${origin}/v1/spaces/${BESIDE}/content/country/fr`;
  return await atIntervals(seconds, READ_EVERY_MS, async () => {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`A reader was answered with ${response.status}`);
  });
}

/** Milliseconds each, one after the other with a pause between: on a machine that cannot keep a rate, nothing piles up that was never asked. */
async function atIntervals(seconds: number, pause: number, work: () => Promise<void>): Promise<readonly number[]> {
  const took: number[] = [];
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const asked = performance.now();
    await work();
    took.push(performance.now() - asked);
    await wait(pause);
  }
  return took;
}
