// Puts rows right while others write: each aggregate in a transaction of its own under the space's lock, judged again there.
import type pg from "pg";
import { compareCounters, compareStreams, headOf, shapeHistory } from "./compare.ts";
import { type Counts, count } from "./fold.ts";
import { streamsOf } from "./log.ts";
import { type Difference, putRight } from "./tables.ts";

const UNIQUE_VIOLATION = "23505";

/** Answers the rows that it changed. A commit of the space waits as long as one aggregate takes. */
export async function repairStreams(
  client: pg.ClientBase,
  space: number,
  names: readonly string[],
  publicId: string | undefined,
): Promise<number> {
  return await underLock(client, space, async () => {
    const shapes = await shapeHistory(client, space);
    return await compareStreams(client, space, names, shapes, publicId);
  });
}

/** `false`: another aggregate's wrong row holds a value that this one's right row needs. */
export async function tryRepair(
  client: pg.ClientBase,
  space: number,
  name: string,
  publicId: string | undefined,
): Promise<number | false> {
  try {
    return await repairStreams(client, space, [name], publicId);
  } catch (error) {
    if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

/** `counts` are true of the log up to `position`: the streams that moved since are counted again under the lock. */
export async function repairCounters(
  client: pg.ClientBase,
  space: number,
  { counts, position }: { readonly counts: Counts; readonly position: number },
): Promise<number> {
  return await underLock(client, space, async () => {
    const moved = await client.query<{ stream: string }>(
      "select distinct stream from events where space = $1 and position > $2 and stream like 'entry:%'",
      [space, position],
    );
    const now: Counts = new Map(Array.from(counts, ([type, counted]) => [type, { ...counted }]));
    for (const stream of await streamsOf(
      client,
      space,
      moved.rows.map((row) => row.stream),
    )) {
      count(now, { ...stream, events: stream.events.filter((event) => event.position <= position) }, -1);
      count(now, stream);
    }
    return await compareCounters(client, space, now, await headOf(client, space));
  });
}

/** READ COMMITTED: what is asked after the lock sees every commit that the lock waited for. */
async function underLock(
  client: pg.ClientBase,
  space: number,
  judge: () => Promise<readonly Difference[]>,
): Promise<number> {
  await client.query("begin isolation level read committed");
  try {
    await client.query("select pg_advisory_xact_lock(7, $1)", [space]);
    const differences = await judge();
    await putRight(client, space, differences);
    await client.query("commit");
    return differences.length;
  } catch (error) {
    await client.query("rollback");
    throw error;
  }
}
