// The data centre's cache: kept answers and shared digest pages in the Cache API, under names of our own. The platform's rules for freshness
// are not used (it has no stale-while-revalidate and no Vary): what a name holds carries its own facts and is judged when it is found.
import { decodeKept, encodeKept, LONGEST_MS } from "../../platform/edge-cache/kept.ts";
import type { Colo } from "../../platform/edge-cache/tiers.ts";
import type { SharedPages } from "../../platform/freshness/shared-page.ts";
import { attempt } from "../../platform/resilience/attempt.ts";
import type { Guard } from "../../platform/resilience/guard.ts";

/** Not a zone of anybody's: nobody but this code asks for these addresses. */
const HOST = "https://meridian.invalid";
const PAGE_SECONDS = 1;

export interface DataCentre {
  readonly answers: Colo;
  readonly pages: SharedPages;
  /** Puts something and looks whether it is there. */
  isThere(): Promise<boolean>;
}

export function dataCentre(guard: Guard): DataCentre {
  // Opened anew each time: a cache belongs to the request that opened it.
  const open = (): Promise<Cache> => caches.open("meridian");

  async function find(address: string): Promise<Uint8Array | undefined> {
    const found = await attempt(() =>
      guard.run(async () => {
        const response = await (await open()).match(address);
        return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
      }),
    );
    return found.ok ? found.value : undefined;
  }

  async function put(address: string, bytes: Uint8Array | string, seconds: number): Promise<void> {
    await attempt(() =>
      guard.run(async () => {
        const headers = { "Cache-Control": `max-age=${seconds}`, "Content-Type": "application/octet-stream" };
        await (await open()).put(address, new Response(bytes, { headers }));
      }),
    );
  }

  return {
    answers: {
      async find(key) {
        const bytes = await find(await addressOf(key));
        // Whatever is not whole is not there.
        const kept = bytes === undefined ? undefined : await attempt(async () => decodeKept(bytes, key));
        return kept?.ok ? kept.value : undefined;
      },
      async put(kept) {
        await put(await addressOf(kept.key), encodeKept(kept), LONGEST_MS / 1_000);
      },
    },
    pages: {
      async find(key) {
        const bytes = await find(`${HOST}/digest/${key}`);
        return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
      },
      put: (key, text) => put(`${HOST}/digest/${key}`, text, PAGE_SECONDS),
    },
    async isThere() {
      const address = `${HOST}/there/${crypto.randomUUID()}`;
      await put(address, "there", 10);
      return (await find(address)) !== undefined;
    },
  };
}

/** Longer ones go by their hash. Two keys of one hash are told apart by what is kept under it. */
const LONGEST_NAME = 512;

/** Two different keys never have one address of the first kind, and none of them looks like one of the second. */
async function addressOf(key: string): Promise<string> {
  if (key.length <= LONGEST_NAME && key.isWellFormed()) return `${HOST}/kept/${encodeURIComponent(key)}`;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  return `${HOST}/long/${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
