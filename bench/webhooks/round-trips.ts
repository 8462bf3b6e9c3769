// What a publication asks of Postgres and Redis until everybody who follows it has: counted by the gateways, alone and in a burst.

import type { RedisTally, Tally } from "../../local/counters.ts";
import { inLanes } from "../../local/lanes.ts";
import { until } from "../../local/ports.ts";
import { resetTallies } from "../counts/tallies.ts";
import { makeTold, publish, type Told, type WebhooksBench } from "./ground.ts";

type Counted = {
  readonly postgres: Readonly<Record<string, Readonly<Record<string, Tally>>>>;
  readonly redis: RedisTally;
};

export async function countRoundTrips(bench: WebhooksBench): Promise<void> {
  const [alone, burst] = bench.short ? [3, 10] : [8, 100];
  const rows = [];
  for (const hooks of [0, 1, 20]) {
    const told = await makeTold(bench, `trips-${hooks}`, alone + burst + 1, hooks);
    await publish(bench, told, alone + burst + 1);
    await quiet(bench, told);
    rows.push(
      await count(bench, `alone, ${hooks} endpoints`, told, alone, async () => {
        for (let n = 1; n <= alone; n += 1) {
          await publish(bench, told, n);
          await quiet(bench, told);
        }
      }),
    );
    const numbers = Array.from({ length: burst }, (_, n) => alone + n + 1);
    rows.push(
      await count(bench, `${burst} at once, ${hooks} endpoints`, told, burst, async () => {
        await inLanes(8, numbers, async (n) => void (await publish(bench, told, n)));
      }),
    );
  }
  console.log(
    "\nPublication → bell → followed and told: by event, exact; the publishing request itself in columns of its own",
  );
  console.table(rows);
}

async function count(bench: WebhooksBench, what: string, told: Told, events: number, work: () => Promise<void>) {
  await resetTallies(bench.stack.control);
  await work();
  await quiet(bench, told);
  const answer = await fetch(`${bench.stack.control}/counters?by=caller`);
  const { postgres, redis } = (await answer.json()) as Counted;
  const sum = (caller: string, of: keyof Tally): string =>
    (Object.values(postgres).reduce((all, callers) => all + (callers[caller]?.[of] ?? 0), 0) / events).toFixed(2);
  return {
    publications: what,
    "request: round trips": sum("request", "requests"),
    "request: statements": sum("request", "statements"),
    "afterwards: round trips": sum("job", "requests"),
    "afterwards: statements": sum("job", "statements"),
    "Redis: requests": (redis.requests / events).toFixed(2),
    "Redis: commands": (redis.commands / events).toFixed(2),
  };
}

/** Followed to the head, and everything delivered. Asked past the gateways. */
async function quiet({ sql }: WebhooksBench, { id, uid }: Told): Promise<void> {
  await until(`${id} is followed`, 120_000, async () => {
    const { rows } = await sql.query<{ done: boolean }>(
      `select s.position = h.position and not exists (select from deliveries d where d.space = h.space and d.state = 'pending') as done
       from space_head h join subscribers s on s.space = h.space where h.space = $1`,
      [uid],
    );
    return rows.length > 0 && rows.every(({ done }) => done);
  });
}
