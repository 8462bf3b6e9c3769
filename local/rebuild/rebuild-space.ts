// Compares the spaces of a deployment with their logs and, when asked, repairs them. Whoever wants to check, calls `findDifferences`.
import pg from "pg";
import { compareSpace } from "./compare.ts";
import { repairCounters, repairStreams, tryRepair } from "./repair.ts";
import { type Difference, streamOf } from "./tables.ts";

export interface SpaceReport {
  readonly space: number;
  readonly id: string | undefined;
  /** By table. */
  readonly differences: ReadonlyMap<string, { readonly count: number; readonly examples: readonly Difference[] }>;
  /** Rows that were put right. */
  readonly repaired: number;
}

export interface Rebuild {
  /** Connection strings of every shard's primary, as the owner of the tables. */
  readonly databases: readonly string[];
  /** Public id; all spaces if not given. */
  readonly space?: string | undefined;
  readonly repair: boolean;
}

const EXAMPLES = 5;

/** One report after the other. */
export async function* rebuild({ databases, space, repair }: Rebuild): AsyncGenerator<SpaceReport> {
  const directory = await directoryOf(databases);
  const wanted = space === undefined ? undefined : await directory.uidOf(space);
  for (const database of databases) {
    const [reading, writing] = [await connect(database), await connect(database)];
    try {
      if (space !== undefined && wanted === undefined) continue;
      for (const uid of await spacesOf(reading, wanted))
        yield await rebuildSpace(reading, writing, uid, await directory.idOf(uid), repair);
    } finally {
      await Promise.all([reading.end(), writing.end()]);
    }
  }
  await directory.end();
}

/** Every difference between a space's log and its read models; none is what must be. */
export async function findDifferences(database: string, uid: number): Promise<readonly Difference[]> {
  const client = await connect(database);
  const all: Difference[] = [];
  try {
    await compareSpace(client, uid, { found: (differences) => void all.push(...differences) });
  } finally {
    await client.end();
  }
  return all;
}

async function rebuildSpace(
  reading: pg.Client,
  writing: pg.Client,
  space: number,
  id: string | undefined,
  repair: boolean,
): Promise<SpaceReport> {
  const byTable = new Map<string, { count: number; examples: Difference[] }>();
  const collided = new Set<string>();
  let repaired = 0;
  let miscounted = false;
  const compared = await compareSpace(reading, space, {
    publicId: id,
    async found(differences) {
      for (const difference of differences) {
        const seen = byTable.get(difference.table) ?? { count: 0, examples: [] };
        if (seen.examples.length < EXAMPLES) seen.examples.push(difference);
        byTable.set(difference.table, { ...seen, count: seen.count + 1 });
      }
      if (!repair) return;
      const streams = differences.map(streamOf);
      miscounted ||= streams.includes(undefined);
      for (const stream of new Set(streams.filter((name) => name !== undefined))) {
        const rows = await tryRepair(writing, space, stream, id);
        if (rows === false) collided.add(stream);
        else repaired += rows;
      }
    },
  });
  if (collided.size > 0) repaired += await repairStreams(writing, space, [...collided], id);
  if (miscounted) repaired += await repairCounters(writing, space, compared);
  return { space, id, differences: byTable, repaired };
}

/** Those with a log, and those that only read models know; or the one that is wanted, if it is here. */
async function spacesOf(client: pg.Client, wanted: number | undefined): Promise<readonly number[]> {
  const { rows } = await client.query<{ space: number }>(
    `select space from (select space from events where position = 1 union select space from space_head union select space from spaces) known
     where $1::int is null or space = $1 order by space`,
    [wanted ?? null],
  );
  return rows.map((row) => row.space);
}

/** The directory is filled on one shard only: the others' tables are there and empty. */
async function directoryOf(databases: readonly string[]) {
  const clients = await Promise.all(databases.map(connect));
  const find = async <T>(text: string, parameter: string | number): Promise<T | undefined> => {
    const answers = await Promise.all(clients.map((client) => client.query<{ found: T }>(text, [parameter])));
    return answers.flatMap(({ rows }) => rows)[0]?.found;
  };
  return {
    idOf: (uid: number) => find<string>("select id as found from directory where uid = $1", uid),
    uidOf: (id: string) => find<number>("select uid as found from directory where id = $1", id),
    end: () => Promise.all(clients.map((client) => client.end())),
  };
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString, application_name: "rebuild" });
  await client.connect();
  return client;
}
