// What a hit is measured against: Workers that return the same bytes and do nothing else.
import type { Stack } from "../../local/stack.ts";
import { bundleBare, type Running } from "../workers/bundle.ts";
import { type Emulated, startEmulator, startOne } from "../workers/emulator.ts";
import { type RawRunning, startRaw } from "../workers/raw.ts";
import { settingsOf } from "../workers/settings.ts";

export interface Answers {
  readonly entry: string;
  readonly list: string;
  readonly etag: string;
}

export async function startConstant({ entry, list, etag }: Answers): Promise<RawRunning> {
  return await startRaw({ code: await bundleBare("constant"), texts: { ENTRY: entry, LIST: list, ETAG: etag } });
}

export async function startTiers(entry: string): Promise<Running> {
  return await startOne({
    name: "tiers",
    code: await bundleBare("tiers"),
    bindings: { ENTRY: entry },
    shield: { className: "Floor" },
  });
}

/** The product alone on bare workerd. */
export const startProductRaw = (code: string, stack: Stack): Promise<RawRunning> =>
  startRaw({ code, texts: settingsOf(stack), services: true });

export interface Tiered {
  /** Fills the far tiers. */
  readonly filler: Running;
  /** Is given what the shield has by then, and puts it into the colo's cache. */
  readonly second: Running;
  /** Shares the colo's cache with the filler, and its shield. */
  readonly neighbour: Running;
  /** Shares only the shield: an isolate in another data centre of the region. */
  readonly abroad: Running;
}

/** Four isolates of the product in one process. */
export async function startTiered(product: Emulated): Promise<Tiered> {
  const other = { ...product, shield: { className: "Shield", of: "filler" }, consumes: false };
  const started = await startEmulator([
    { ...product, name: "filler" },
    { ...other, name: "second" },
    { ...other, name: "neighbour" },
    { ...other, name: "abroad", cache: false },
  ]);
  const running = (name: string): Running => {
    const one = started.get(name);
    if (one === undefined) throw new Error(`${name} did not start`);
    return one;
  };
  return {
    filler: running("filler"),
    second: running("second"),
    neighbour: running("neighbour"),
    abroad: running("abroad"),
  };
}
