// Spaces full of articles for a measurement: seeded through the API by a Worker that is stopped again, filled by SQL, unknown to Redis.
import pg from "pg";
import type { Stack } from "../../local/stack.ts";
import { product, startOne } from "./emulator.ts";
import { grow } from "./grow.ts";
import { SPACE, seed } from "./seed.ts";

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

/** `count` articles in each space. `code`: the product's bundle. */
export async function fillSpaces(
  stack: Stack,
  code: string,
  count: number,
  spaces: readonly Space[] = [BENCH],
): Promise<readonly Filled[]> {
  const editor = await startOne(product(code, stack));
  const filled: Filled[] = [];
  try {
    const origin = `http://127.0.0.1:${editor.port}`;
    for (const space of spaces) {
      const key = await seed({ origin, rootKey: stack.rootKey, space: space.id, residency: space.residency });
      filled.push({ ...space, key, uid: await uidOf(stack, space.id) });
    }
  } finally {
    await editor.stop();
  }
  for (const { uid, residency } of filled) await grow(primaryOf(stack, residency), uid, count);
  // A digest that lags by hundreds of thousands of positions is nothing that production ever has.
  await fetch(stack.redis.url, {
    method: "POST",
    headers: { Authorization: `Bearer ${stack.redis.token}` },
    body: JSON.stringify(["FLUSHALL"]),
  });
  return filled;
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
