// A receiver that reads what it was just told of: through the isolate that told it, and through one elsewhere that has older versions in its cache.
import { inLanes } from "../../local/lanes.ts";
import { until } from "../../local/ports.ts";
import { ask, from, type Told } from "../load/ask.ts";
import type { Running } from "../workers/bundle.ts";
import { idOf, TYPE } from "../workers/seed.ts";
import { edit, makeTold, type WebhooksBench } from "./ground.ts";

const FRANKFURT = from("FRA", 50, 8.6);

/** Answers what was older than its message: nothing may be. */
export async function readOnReceipt(bench: WebhooksBench, elsewhere: Running): Promise<readonly string[]> {
  const [entries, editions] = bench.short ? [10, 2] : [100, 10];
  const told = await makeTold(bench, "read", entries, 1);
  const path = told.paths[0] as string;
  const seen = { here: [] as boolean[], elsewhere: [] as boolean[] };
  const sources = new Map<string, number>();
  const older: string[] = [];
  bench.receiver.before(path, async ({ id, version }) => {
    for (const [where, port] of [
      ["here", bench.worker.port],
      ["elsewhere", elsewhere.port],
    ] as const) {
      const answer = await ask({ port, path: `/v1/spaces/${told.id}/content/${TYPE}/${id}`, headers: FRANKFURT });
      const read = answer.status === 200 ? (JSON.parse(answer.body) as { version: number }).version : 0;
      if (read < version) older.push(await tell(where, port, `${id}: told version ${version}`, answer, read));
      seen[where].push(read >= version);
      const source = `${where}: ${answer.headers.get("meridian-source")}`;
      sources.set(source, (sources.get(source) ?? 0) + 1);
    }
  });
  const numbers = Array.from({ length: entries }, (_, n) => n + 1);
  for (let edition = 1; edition <= editions; edition += 1) {
    // In every cache before it changes.
    for (const port of [bench.worker.port, elsewhere.port])
      await inLanes(8, numbers, async (n) => {
        await ask({ port, path: `/v1/spaces/${told.id}/content/${TYPE}/${idOf(n)}`, headers: FRANKFURT });
      });
    await inLanes(8, numbers, async (n) => void (await edit(bench, told, n, edition)));
  }
  await until("every message was read", 600_000, () => seen.elsewhere.length >= entries * editions);
  console.log(`\n${entries * editions} webhooks, each read on receipt: ${entries} entries, ${editions} editions each`);
  console.table(
    Object.entries(seen).map(([where, well]) => ({
      read: where,
      answers: well.length,
      "at least as new": well.filter(Boolean).length,
      wanted: "all",
      from: [...sources]
        .filter(([name]) => name.startsWith(`${where}:`))
        .map(([name, n]) => `${name.slice(where.length + 2)} ${n}`)
        .join(", "),
    })),
  );
  for (const one of older.slice(0, 20)) console.log(one);
  return older;
}

/** Where an older answer came from, and whether the isolate that gave it could ask Redis. */
async function tell(where: string, port: number, what: string, answer: Told, read: number): Promise<string> {
  const health = JSON.parse((await ask({ port, path: "/health" })).body) as {
    checks: { redis: readonly [{ breaker: string; observedValue: number }] };
  };
  const [{ breaker, observedValue }] = health.checks.redis;
  const of = (name: string): string => `${name} ${answer.headers.get(name)}`;
  const from = ["meridian-source", "meridian-position", "cache-status", "age"].map(of).join(", ");
  return `${what}, read ${where}: ${answer.status}, version ${read} (${from}; Redis there: breaker ${breaker}, ${observedValue} ms)`;
}
