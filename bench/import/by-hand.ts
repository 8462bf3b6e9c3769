// The floor of an import: the rows that one has left, brought in by a bare Worker through the same gateway.
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { type ImportBench, KEPT, linesOf, renamed } from "./ground.ts";

/** Entries in one transaction. */
const AT_ONCE = 100;

/** Everything that the product keeps of these entries, `AT_ONCE` of them a line, as the bare Worker's `/rows` wants it. */
export async function rowsOf(client: pg.Client, uid: number, ids: readonly string[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    const parts: string[] = [];
    for (const [table, column] of Object.entries(KEPT)) {
      const names = column === "stream" ? some.map((id) => `entry:${id}`) : some;
      const { rows } = await client.query<{ rows: string | null }>(
        `select jsonb_agg(to_jsonb(t))::text as rows from ${table} t where t.space = $1 and t.${column} = any($2)`,
        [uid, names],
      );
      parts.push(`${JSON.stringify(table)}:${rows[0]?.rows ?? "[]"}`);
    }
    lines.push(`{${parts.join(",")}}\n`);
  }
  return lines;
}

export async function post(url: string, body: string): Promise<void> {
  const response = await fetch(url, { method: "POST", body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
}

/**
 * Imports so many entries and keeps their rows. What it answers inserts these, at so many entries a second, as long as the work takes; fewer
 * than that takes is an error.
 */
export async function openByHand(
  { cities, send, finish, primary, uid, floor }: ImportBench,
  count: number,
): Promise<(perSecond: number, work: () => Promise<void>) => Promise<void>> {
  const kept = renamed(cities.slice(0, count), "kept");
  await finish(await send(linesOf(kept)));
  const ids = kept.map(({ id }) => id);
  const lines = await connected(primary, (client) => rowsOf(client, uid, ids));
  const tables = Object.keys(KEPT).map((table) => `floor.${table}`);
  return async (perSecond, work) => {
    // The same rows come in every time.
    await connected(primary, (client) => client.query(`truncate ${tables.join(", ")}`));
    const over = new AbortController();
    const inserting = (async () => {
      const began = performance.now();
      for (const [index, line] of lines.entries()) {
        if (over.signal.aborted) return;
        await post(`${floor}/rows`, line);
        await wait(Math.max(0, began + ((index + 1) * AT_ONCE * 1000) / perSecond - performance.now()));
      }
      if (!over.signal.aborted) throw new Error("The rows were all in before the work was over");
    })();
    await Promise.all([inserting, work().finally(() => over.abort())]);
  };
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
