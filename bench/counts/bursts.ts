// Five hundred at once on a key that is cold, aged or changed: how many queries that is, and who waits for them.
import { setTimeout as wait } from "node:timers/promises";
import { until } from "../../local/ports.ts";
import { ask, askWell, from, type Told } from "../load/ask.ts";
import { readSource } from "../load/sources.ts";
import { fieldsOf, idOf, slugOf, TYPE } from "../workers/seed.ts";
import type { CountsBench } from "./ground.ts";
import { control, queriesOf, readTallies, resetTallies } from "./tallies.ts";

interface Row {
  readonly burst: string;
  readonly counted: string;
  readonly wanted: string;
  readonly answers: string;
}

const CONCURRENT = 500;
/** Readers stand in Frankfurt. */
const FRANKFURT = from("FRA", 50, 8.6);
/** Long enough that whoever waits for a query is seen to wait. */
const SLOW_MS = 1_500;
/** In the second half of the route's `fresh` answers are aged, once the digest cannot be asked. */
const AGED_MS = 45_000;

export async function countBursts(bench: CountsBench): Promise<void> {
  const rows = [await cold(bench), await changed(bench)];
  if (!bench.options.short) rows.push(await aged(bench));
  console.log(`\n${CONCURRENT} requests at once on one key, one isolate`);
  console.table(rows);
}

async function cold(bench: CountsBench): Promise<Row> {
  // The space is known; the article is not.
  await burst(bench, contentOf(bench, slugOf(1)), 1);
  await resetTallies(bench.control);
  const told = await burst(bench, contentOf(bench, slugOf(2)), CONCURRENT);
  const queries = queriesOf(await readTallies(bench.control));
  return { burst: "cold", counted: `${queries} queries`, wanted: "1 query", answers: describe(told) };
}

/** Away from Redis there is only age to go by. Whoever waits for the query behind takes longer than the query does. */
async function aged(bench: CountsBench): Promise<Row> {
  const path = contentOf(bench, slugOf(3));
  await burst(bench, path, 1);
  await control(bench.control, "PUT", "/faults/redis", { mode: "down" });
  for (const node of NODES) await control(bench.control, "PUT", `/faults/${node}`, { mode: "latency", ms: SLOW_MS });
  try {
    await wait(AGED_MS);
    // The breaker of Redis learns that it is away from somebody else's request.
    await burst(bench, contentOf(bench, slugOf(1)), 5);
    await resetTallies(bench.control);
    const told = await burst(bench, path, CONCURRENT);
    const waited = told.filter((one) => one.to - one.from >= SLOW_MS).length;
    await wait(2 * SLOW_MS);
    const queries = queriesOf(await readTallies(bench.control));
    return {
      burst: "aged",
      counted: `${waited} waited, ${queries} queries`,
      wanted: "0 waited, 1 query",
      answers: describe(told),
    };
  } finally {
    await control(bench.control, "DELETE", "/faults");
  }
}

/**
 * Readers go on while an editor elsewhere publishes. An isolate is known to know of the change from the first of its answers, about
 * whatever, whose position is not below the change's.
 */
async function changed(bench: CountsBench): Promise<Row> {
  const { control: at, elsewhere } = bench;
  const [subject, witness] = [4, 5];
  const [path, other] = [contentOf(bench, idOf(subject)), contentOf(bench, idOf(witness))];
  await burst(bench, path, 1);
  await burst(bench, other, 1);
  // What a publication itself asks, so that it can be taken from what is counted.
  await publish(bench, 6, 1);
  await resetTallies(at);
  await publish(bench, 6, 2);
  const writing = queriesOf(await readTallies(at));

  const answers: {
    readonly isSubject: boolean;
    readonly version: number;
    readonly position: number;
    readonly at: number;
  }[] = [];
  let reading = true;
  const read = async (n: number): Promise<void> => {
    for (let i = n; reading; i += 1) {
      const isSubject = i % 4 !== 0;
      const told = await askWell({ port: portOf(bench), path: isSubject ? path : other, headers: FRANKFURT });
      const { version } = JSON.parse(told.body) as { version: number };
      answers.push({ isSubject, version, position: Number(told.headers.get("meridian-position")), at: told.to });
    }
  };
  const readers = Array.from({ length: 16 }, (_, n) => read(n));
  await until("readers read", 10_000, () => answers.length > 100);
  await resetTallies(at);
  const { position } = await publish({ ...bench, elsewhere }, subject, 3);
  const published = performance.now();
  await until("the change is seen", 20_000, () => answers.some(({ isSubject, version }) => isSubject && version === 2));
  await wait(3_000);
  reading = false;
  await Promise.all(readers);
  const tallies = await readTallies(at);
  const queries = queriesOf(tallies) - writing;
  const where = Object.entries(tallies.postgres).flatMap(([node, { requests }]) =>
    requests ? `${node} ${requests}` : [],
  );
  const known = Math.min(...answers.filter((one) => one.position >= position).map((one) => one.at));
  const old = answers.filter(({ isSubject, version }) => isSubject && version === 1).map((one) => one.at);
  const late = Math.max(...old) - known;
  return {
    burst: "changed",
    counted: `${queries} queries (in all ${where.join(", ")}; the publication itself ${writing}); last old answer ${Math.round(Math.max(0, late))} ms after the change was known, ${Math.round(Math.max(...old) - published)} ms after it was acknowledged`,
    wanted: "1 query; ≤ 500 ms",
    answers: `${answers.length} answers, 16 at a time`,
  };
}

async function publish(
  { elsewhere, spaces }: CountsBench,
  n: number,
  edition: number,
): Promise<{ readonly position: number }> {
  const [space] = spaces;
  const headers = { Authorization: `Bearer ${space?.key}` };
  const entry = `/v1/spaces/${space?.id}/entries/${idOf(n)}`;
  const { port } = elsewhere;
  const body = { type: TYPE, slug: slugOf(n), fields: fieldsOf(n, edition) };
  await askWell({ port, path: entry, method: "PUT", headers, body });
  const told = await askWell({ port, path: `${entry}/publish`, method: "POST", headers });
  return { position: Number(told.headers.get("meridian-position")) };
}

const NODES = ["us-primary", "us-fra", "us-sin"];

const portOf = ({ isolates }: CountsBench): number => isolates[0]?.port ?? 0;
const contentOf = ({ spaces }: CountsBench, name: string): string =>
  `/v1/spaces/${spaces[0]?.id}/content/${TYPE}/${name}`;

async function burst(bench: CountsBench, path: string, count: number): Promise<readonly Told[]> {
  const port = portOf(bench);
  return await Promise.all(Array.from({ length: count }, () => ask({ port, path, headers: FRANKFURT })));
}

function describe(told: readonly Told[]): string {
  const found = Map.groupBy(told, ({ status, headers }) => {
    const { source, isHit } = readSource(headers);
    return status === 200 ? `${source}${isHit ? "" : " (no hit)"}` : String(status);
  });
  return [...found].map(([name, some]) => `${name} ${some.length}`).join(", ");
}
