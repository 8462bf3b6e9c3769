// How many statements each kind of read takes, from the gateway's counters.
import type { Tally } from "../../local/counters.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";

interface Counted {
  readonly read: string;
  readonly statements: number;
  readonly promised: number;
  readonly requests: number;
}

const READS: readonly { readonly read: string; readonly path: string; readonly promised: number }[] = [
  { read: "one, by id", path: "/a-7", promised: 1 },
  { read: "one, by slug", path: `/${slugOf(7)}`, promised: 1 },
  { read: "one, include 1 hop", path: "/a-7?include=author", promised: 2 },
  { read: "one, include 2 hops", path: "/a-7?include=author.country", promised: 3 },
  { read: "list", path: "?limit=20", promised: 1 },
  { read: "list, filter and sort", path: "?filter[words][gte]=10&sort=-words", promised: 1 },
  { read: "list, include 1 hop", path: "?include=author", promised: 2 },
  { read: "list, include 2 hops", path: "?include=author.country", promised: 3 },
];
const REPEATED = 10;

/** Throws when one differs from what is promised: include depth + 1, in one request. */
export async function countStatements(control: string, port: number): Promise<readonly Counted[]> {
  const counted: Counted[] = [];
  for (const { read, path, promised } of READS) {
    const url = `http://127.0.0.1:${port}/v1/spaces/${SPACE}/content/${TYPE}${path}`;
    // The first answer may have to learn what the space looks like.
    await get(url);
    await fetch(`${control}/counters`, { method: "DELETE" });
    for (let n = 0; n < REPEATED; n += 1) await get(url);
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
