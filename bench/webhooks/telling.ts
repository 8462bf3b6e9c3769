// How fast publications become messages, how long after they can be read everywhere, and whether one endpoint that hangs delays the others.
import { setTimeout as wait } from "node:timers/promises";
import { inLanes } from "../../local/lanes.ts";
import { until } from "../../local/ports.ts";
import { type Latencies, latencies, quantile } from "../numbers/quantiles.ts";
import { makeTold, publish, type Told, type WebhooksBench } from "./ground.ts";

const HOOKS = 20;
const ROUNDS = ["well", "hangs", "hangs", "well"] as const;
/** Of what the burst got through: so that nobody waits for a machine that is used up. */
const SHARE = 0.4;
const LONGEST_MS = 600_000;

export async function measureTelling(bench: WebhooksBench): Promise<void> {
  const burstOf = bench.short ? 20 : 1_000;
  const perRound = bench.short ? 10 : 60;
  const burst = await makeTold(bench, "burst", burstOf, HOOKS);
  const well = await makeTold(bench, "well", 2 * perRound, HOOKS);
  const hangs = await makeTold(bench, "hangs", 2 * perRound, HOOKS);
  const silent = hangs.paths[0] as string;
  bench.receiver.hangs(silent);

  const begun = Date.now();
  const numbers = Array.from({ length: burstOf }, (_, n) => n + 1);
  const positions: number[] = [];
  await inLanes(8, numbers, async (n) => void positions.push(await publish(bench, burst, n)));
  const published = Date.now();
  const all = await arrive(bench, burst, burst.paths, positions);
  const seconds = (Math.max(...all.map(({ at }) => at)) - begun) / 1_000;
  const rate = all.length / seconds;
  console.log(`\n${burstOf} publications as fast as eight editors publish, ${HOOKS} endpoints`);
  console.table([
    {
      "publications/s": (burstOf / ((published - begun) / 1_000)).toFixed(1),
      messages: all.length,
      "messages/s, first publication to last message": rate.toFixed(1),
      "publications told/s": (burstOf / seconds).toFixed(1),
      ...shown(latencies(await delaysOf(bench, burst, all))),
    },
  ]);

  const every = 1_000 / ((SHARE * rate) / HOOKS);
  const delays = { well: [] as number[], hangs: [] as number[] };
  const rounds: Record<string, number[]> = { well: [], hangs: [] };
  for (const [round, name] of ROUNDS.entries()) {
    const told = name === "well" ? well : hangs;
    const from = ROUNDS.slice(0, round).filter((one) => one === name).length * perRound;
    const paths = told.paths.filter((path) => path !== silent);
    const own: number[] = [];
    const started = performance.now();
    const under: Promise<void>[] = [];
    for (let n = 1; n <= perRound; n += 1) {
      await wait(Math.max(0, started + n * every - performance.now()));
      under.push(publish(bench, told, from + n).then((position) => void own.push(position)));
    }
    await Promise.all(under);
    const found = await delaysOf(bench, told, await arrive(bench, told, paths, own));
    delays[name].push(...found);
    rounds[name]?.push(quantile(found, 0.95));
  }
  const tried = bench.receiver.messages.filter(({ path }) => path === silent).length;
  const ratio = quantile(delays.hangs, 0.95) / quantile(delays.well, 0.95);
  console.log(
    `\n${(1_000 / every).toFixed(1)} publications a second (${SHARE * 100} % of what the burst got through), rounds well · hangs · hangs · well; milliseconds after visibility`,
  );
  console.table([
    { endpoints: `${HOOKS}, all well`, ...shown(latencies(delays.well)), "p95 by round": texts(rounds["well"]) },
    {
      endpoints: `${HOOKS}, one hangs: the others`,
      ...shown(latencies(delays.hangs)),
      "p95 by round": texts(rounds["hangs"]),
    },
  ]);
  console.log(
    `p95 of the others, one hanging ÷ none: ${ratio.toFixed(2)} (wanted ≤ 1.2); the one that hangs was tried ${tried} times`,
  );
}

const texts = (values: readonly number[] = []): string => values.map((value) => value.toFixed(0)).join(" · ");
const shown = ({ count, p50, p95, p99, most }: Latencies) => ({ n: count, p50, p95, p99, most });

interface Arrived {
  readonly path: string;
  readonly position: number;
  readonly at: number;
}

/** The first receipt of each publication at each endpoint, once all are there. */
async function arrive(
  { receiver }: WebhooksBench,
  told: Told,
  paths: readonly string[],
  positions: readonly number[],
): Promise<readonly Arrived[]> {
  const wanted = new Set(positions);
  const among = new Set(paths);
  const first = new Map<string, Arrived>();
  let seen = 0;
  await until(`every message of ${told.id} has come`, LONGEST_MS, () => {
    for (; seen < receiver.messages.length; seen += 1) {
      const one = receiver.messages[seen];
      if (one === undefined || !among.has(one.path) || !wanted.has(one.position)) continue;
      const key = `${one.path} ${one.position}`;
      if (!first.has(key)) first.set(key, one);
    }
    return first.size >= paths.length * positions.length;
  });
  return [...first.values()];
}

/** From when the change could be read everywhere: the row knows. */
async function delaysOf({ sql }: WebhooksBench, told: Told, arrived: readonly Arrived[]): Promise<readonly number[]> {
  const { rows } = await sql.query<{ path: string; position: string; visible: number }>(
    `select w.url as path, d.position, extract(epoch from d.visible_at)::float8 * 1000 as visible
     from deliveries d join webhooks w on w.space = d.space and w.id = d.webhook where d.space = $1`,
    [told.uid],
  );
  const visible = new Map(rows.map((row) => [`${new URL(row.path).pathname} ${row.position}`, row.visible]));
  return arrived.map(({ path, position, at }) => at - (visible.get(`${path} ${position}`) ?? Number.NaN));
}
