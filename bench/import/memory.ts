// How much memory a 95 MB file takes: resident memory of the product's process, beside a bare Worker that only stores the same file in the
// same emulated bucket, and what of it the product's own heap holds.
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { apiClient } from "../../local/api-client.ts";
import { workers } from "../load/cpu.ts";
import { openInspector } from "../profile/inspector.ts";
import { type ImportBench, SPACE } from "./ground.ts";

const FILE_BYTES = { whole: 94_000_000, short: 8_000_000 } as const;
const BODY_BYTES = 8_000;
const EVERY_MS = 50;
const COLLECT_EVERY_MS = 500;
const MB = 1024 * 1024;
const TARGET = "core:user:product";

export async function measureMemory(bench: ImportBench): Promise<void> {
  if (process.platform !== "linux") return console.log("\nMemory is read from /proc: Linux only");
  const size = bench.options.short ? FILE_BYTES.short : FILE_BYTES.whole;
  const [product, floor] = [processOf(0), processOf(1)];
  const text = { type: "string" };
  const properties = { name: { ...text, "x-localized": true, "x-indexed": true }, note: text };
  const document = { name: "Page", schema: { type: "object", properties } };
  (await apiClient(bench.origin, bench.key).ask("PUT", `/v1/spaces/${SPACE}/types/page`, { body: document })).expect(
    201,
  );
  // Something of every kind has happened before.
  await bench.finish(await bench.send(fileOf("warm", MB)));
  await fetch(`${bench.floor}/store`, {
    method: "POST",
    body: fileOf("warm", MB) as BodyInit,
    duplex: "half",
  } as RequestInit);
  const stored = await grows(floor, async () => {
    const answer = await fetch(`${bench.floor}/store`, {
      method: "POST",
      body: fileOf("file", size) as BodyInit,
      duplex: "half",
    } as RequestInit);
    await answer.text();
  });
  let job = "";
  const sent = await grows(product, async () => {
    job = await bench.send(fileOf("file", size));
  });
  const done = await grows(product, () => bench.finish(job));
  const held = await holds(bench, size);
  console.log(`\nMemory, MB, with a file of ${(size / 1e6).toFixed(0)} MB; wanted: growth below 64 MiB`);
  console.table([
    { what: "a bare Worker stores it (the emulator's bucket is in the process)", ...stored },
    { what: "product, while it is sent", ...sent },
    { what: "product, until it is imported", ...done },
    { what: "product's heap, each time after what nobody holds was collected, another such file", ...held },
  ]);
}

interface Growth {
  readonly before: string;
  readonly growth: string;
}

/** What the engine has not collected yet is not told from what is held by the process's size: so it is collected before each look. */
async function holds(bench: ImportBench, size: number): Promise<Growth> {
  const heap = await openInspector(bench.inspector, TARGET);
  const held = async (): Promise<number> => {
    await heap.call("HeapProfiler.collectGarbage");
    const usage = (await heap.call("Runtime.getHeapUsage")) as Readonly<Record<string, number>>;
    return ((usage["usedSize"] ?? 0) + (usage["backingStorageSize"] ?? 0)) / MB;
  };
  try {
    const before = await held();
    let [most, over] = [before, false];
    const watching = (async () => {
      while (!over) {
        most = Math.max(most, await held());
        await wait(COLLECT_EVERY_MS);
      }
    })();
    await bench.finish(await bench.send(fileOf("held", size)));
    over = true;
    await watching;
    return { before: before.toFixed(0), growth: (most - before).toFixed(1) };
  } finally {
    heap.close();
  }
}

/** In the order of their start. */
function processOf(at: number): number {
  const pid = [...workers()].sort((one, other) => one - other)[at];
  if (pid === undefined) throw new Error("There is no such process of workerd");
  return pid;
}

async function grows(pid: number, work: () => Promise<unknown>): Promise<Growth> {
  const before = residentMb(pid);
  let [most, over] = [before, false];
  const watching = (async () => {
    while (!over) {
      most = Math.max(most, residentMb(pid));
      await wait(EVERY_MS);
    }
  })();
  await work();
  over = true;
  await watching;
  return { before: before.toFixed(0), growth: (most - before).toFixed(1) };
}

function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;
}

/** Made as it is sent: it is not this process's memory that is measured, but there is only one machine. */
async function* fileOf(prefix: string, bytes: number): AsyncGenerator<Uint8Array, void> {
  const body = "word ".repeat(BODY_BYTES / 5);
  const encoder = new TextEncoder();
  for (let [n, sent] = [0, 0]; sent < bytes; n += 1) {
    const fields = { name: { en: `Page ${n}` }, note: body };
    const line = encoder.encode(`${JSON.stringify({ type: "page", id: `${prefix}-${n}`, fields, publish: true })}\n`);
    sent += line.length;
    yield line;
  }
}
