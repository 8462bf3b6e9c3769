// What others feel while an import runs: an editor of the same space, and readers of another space that the same isolate answers from memory.
import { setTimeout as wait } from "node:timers/promises";
import { apiClient } from "../../local/api-client.ts";
import { quantile } from "../numbers/quantiles.ts";
import { openByHand } from "./by-hand.ts";
import { BESIDE, type ImportBench, linesOf, renamed, SPACE } from "./ground.ts";

const SIDES = ["during", "alone", "by hand"] as const;
/** `by hand`: the rows of as many entries a second go through the same gateway, and nothing of it through the Worker that is asked. */
type Side = (typeof SIDES)[number];
type Took = Record<Side, number[]>;

/** Entries for a round: more than an import gets through in that time. */
const ENOUGH = 20_000;
const EDIT_EVERY_MS = 200;
const READ_EVERY_MS = 2;
const SETTLE_MS = 4_000;

export async function measureOthers(bench: ImportBench): Promise<void> {
  const { options } = bench;
  const rounds = options.short ? 1 : 3;
  const seconds = options.short ? 3 : 20;
  const edits: Took = { during: [], alone: [], "by hand": [] };
  const reads: Took = { during: [], alone: [], "by hand": [] };
  let imported = 0;
  let perSecond = 0;
  const byHand = await openByHand(bench, bench.options.short ? 3_000 : ENOUGH);
  const editor = await openEditor(bench);
  // What was never run was never compiled.
  await editor(2);
  await read(bench, 2);
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, into, work] of [
      ["edit", edits, editor],
      ["read", reads, (time: number) => read(bench, time)],
    ] as const) {
      for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const measure = async (): Promise<void> => {
          into[side].push(...(await work(seconds)));
        };
        if (side === "alone") await measure();
        else if (side === "by hand") {
          await byHand(perSecond, measure);
          await wait(SETTLE_MS);
        } else {
          const some = await whileImporting(bench, `${name}${round}`, measure);
          perSecond = some / seconds;
          imported += some;
        }
      }
    }
  }
  console.log(
    `\nOthers while an import runs (${imported} entries meanwhile), and while as many rows are inserted by hand, ms; ${rounds} rounds of ${seconds} s, in turn`,
  );
  const table = (what: string, took: Took): void => {
    console.log(`${what}: p95 during ${times(took)} times that alone`);
    console.table(
      SIDES.map((side) => {
        const at = (share: number): string => quantile(took[side], share).toFixed(1);
        return { side, p50: at(0.5), p95: at(0.95), p99: at(0.99), "p99.9": at(0.999), count: took[side].length };
      }),
    );
  };
  table("PUT of an entry, same space (wanted: p95 ≤ 2 times)", edits);
  table("memory hit, another space (wanted: waits for at most one slice of 20 ms)", reads);
}

const times = ({ during, alone }: Took): string => (quantile(during, 0.95) / quantile(alone, 0.95)).toFixed(2);

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
