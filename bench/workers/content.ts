// Spaces full of articles for a measurement: seeded through the API by a Worker that is stopped again, filled by SQL, unknown to Redis.
import pg from "pg";
import { apiClient } from "../../local/api-client.ts";
import { until } from "../../local/ports.ts";
import type { Stack } from "../../local/stack.ts";
import { product, startOne } from "./emulator.ts";
import { grow } from "./grow.ts";
import { fieldsOf, idOf, SPACE, seed, slugOf, TYPE } from "./seed.ts";

export interface Space {
  readonly id: string;
  readonly residency: "us" | "eu";
}

export interface Filled extends Space {
  readonly uid: number;
  /** May read, write and publish. */
  readonly key: string;
}

const BENCH: Space = { id: SPACE, residency: "us" };
/** As src/platform/freshness/digest.ts names them. */
const DIGESTS = "digest:";

/** `count` articles in each space. `code`: the product's bundle. */
export async function fillSpaces(
  stack: Stack,
  code: string,
  count: number,
  spaces: readonly Space[] = [BENCH],
): Promise<readonly Filled[]> {
  const filled = await edit(stack, code, async (origin) => {
    const seeded: Filled[] = [];
    for (const { id, residency } of spaces) {
      const key = await seed({ origin, rootKey: stack.rootKey, space: id, residency });
      seeded.push({ id, residency, key, uid: await uidOf(stack, id) });
    }
    return seeded;
  });
  for (const { uid, residency } of filled) await grow(primaryOf(stack, residency), uid, count);
  // A digest that lags by hundreds of thousands of positions is nothing that production ever has, nor is none at all: it is made anew by
  // one more publication.
  await redis(stack, "FLUSHALL");
  await edit(stack, code, async (origin) => {
    for (const { id, key } of filled) await touch(origin, id, key);
    await until("every space has a digest", 60_000, async () => {
      const keys = (await redis(stack, "KEYS", `${DIGESTS}*`)) as readonly unknown[];
      return keys.length >= filled.length;
    });
  });
  return filled;
}

/** With a Worker that is stopped again: what it remembers is not what is measured. */
async function edit<T>(stack: Stack, code: string, work: (origin: string) => Promise<T>): Promise<T> {
  const editor = await startOne(product(code, stack));
  try {
    return await work(`http://127.0.0.1:${editor.port}`);
  } finally {
    await editor.stop();
  }
}

async function touch(origin: string, space: string, key: string): Promise<void> {
  const api = apiClient(origin, key);
  const entry = `/v1/spaces/${space}/entries/${idOf(0)}`;
  (await api.ask("PUT", entry, { body: { type: TYPE, slug: slugOf(0), fields: fieldsOf(0, 1) } })).expect(200);
  (await api.ask("POST", `${entry}/publish`)).expect(200);
}

async function redis(stack: Stack, ...command: readonly string[]): Promise<unknown> {
  const { url, token } = stack.redis;
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(command) });
  return ((await answer.json()) as { readonly result: unknown }).result;
}

export async function fillBench(stack: Stack, code: string, count: number): Promise<Filled> {
  const [filled] = await fillSpaces(stack, code, count);
  if (filled === undefined) throw new Error("There is no space");
  return filled;
}

export function primaryOf({ topology, postgres }: Stack, residency: string): string {
  const shard = topology.shards.find((one) => one.residency === residency);
  return postgres[shard?.primary.name ?? ""] ?? "";
}

async function uidOf({ topology, postgres }: Stack, id: string): Promise<number> {
  const home = topology.shards.find(({ name }) => name === topology.home);
  const client = new pg.Client({ connectionString: postgres[home?.primary.name ?? ""] });
  await client.connect();
  const { rows } = await client.query<{ uid: number }>("select uid from directory where id = $1", [id]);
  await client.end();
  if (rows[0] === undefined) throw new Error(`There is no space ${id}`);
  return rows[0].uid;
}
