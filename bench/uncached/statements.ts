// How many statements each kind of read takes, from the gateway's counters.
import type { Tally } from "../../local/counters.ts";
import { idOf, SPACE, slugOf, TYPE } from "../workers/seed.ts";

interface Counted {
  readonly read: string;
  readonly statements: number;
  readonly promised: number;
  readonly requests: number;
}

/** `path`: of the nth time; something else each time, so that nothing is found in a cache. */
const READS: readonly { readonly read: string; readonly path: (n: number) => string; readonly promised: number }[] = [
  { read: "one, by id", path: (n) => `/${idOf(n)}`, promised: 1 },
  { read: "one, by slug", path: (n) => `/${slugOf(n)}?fields=title`, promised: 1 },
  { read: "one, include 1 hop", path: (n) => `/${idOf(n)}?include=author`, promised: 2 },
  { read: "one, include 2 hops", path: (n) => `/${idOf(n)}?include=author.country`, promised: 3 },
  { read: "list", path: (n) => `?limit=${20 + n}`, promised: 1 },
  { read: "list, filter and sort", path: (n) => `?filter[words][gte]=${n}&sort=-words`, promised: 1 },
  { read: "list, include 1 hop", path: (n) => `?limit=${20 + n}&include=author`, promised: 2 },
  { read: "list, include 2 hops", path: (n) => `?limit=${20 + n}&include=author.country`, promised: 3 },
];
const REPEATED = 10;

/** Throws when one differs from what is promised: include depth + 1, in one request. */
export async function countStatements(control: string, port: number): Promise<readonly Counted[]> {
  const counted: Counted[] = [];
  for (const { read, path, promised } of READS) {
    const url = (n: number): string => `http://127.0.0.1:${port}/v1/spaces/${SPACE}/content/${TYPE}${path(n)}`;
    // The first answer may have to learn what the space looks like.
    await get(url(0));
    await fetch(`${control}/counters`, { method: "DELETE" });
    for (let n = 1; n <= REPEATED; n += 1) await get(url(n));
    const { postgres } = (await (await fetch(`${control}/counters?by=caller`)).json()) as {
      postgres: Record<string, Record<string, Tally>>;
    };
    const tallies = Object.values(postgres).flatMap((byCaller) => byCaller["request"] ?? []);
    const sum = (of: keyof Tally): number => tallies.reduce((total, tally) => total + tally[of], 0) / REPEATED;
    const row = { read, statements: sum("statements"), promised, requests: sum("requests") };
    if (row.statements !== promised || row.requests !== 1)
      throw new Error(
        `${read}: ${row.statements} statements in ${row.requests} requests; ${promised} in 1 are promised`,
      );
    counted.push(row);
  }
  return counted;
}

async function get(url: string): Promise<void> {
  const answer = await fetch(url);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${text}`);
}
