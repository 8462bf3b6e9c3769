// The embedded Postgres cluster: both shards with their streaming hot standbys, made at first start, found again later.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Binaries, findBinaries, isReachable } from "./binaries.ts";
import type { Keeper } from "./keeper.ts";
import { until } from "./ports.ts";
import { connectToPostgres } from "./postgres-connection.ts";
import {
  cloneAsReader,
  createPostgresServer,
  initialise,
  makeDirectory,
  type PostgresServer,
} from "./postgres-server.ts";
import { DATABASE, SHARDS, type ShardPlan } from "./topology.ts";

export type Cluster = {
  readonly servers: ReadonlyMap<string, PostgresServer>;
  /** A connection string of the superuser, straight to the server. */
  direct(node: string): string;
  /** Returns when every reader has replayed what its primary had written when asked. */
  caughtUp(): Promise<void>;
  /** Holds back or resumes the replay of one reader. */
  setReplay(reader: string, paused: boolean): Promise<void>;
  stop(): Promise<void>;
};

export async function startCluster(dataDir: string, fsync: boolean, keeper: Keeper): Promise<Cluster> {
  const binaries = findBinaries();
  const home = clusterDirectory(dataDir, binaries);
  const logs = join(dataDir, "logs");
  mkdirSync(logs, { recursive: true });
  makeDirectory(binaries, home);

  const servers = new Map<string, PostgresServer>();
  const stop = async (how: "fast" | "immediate"): Promise<void> => {
    // Primaries first: a reader then has received everything that they wrote.
    const primaries = SHARDS.map((shard) => servers.get(shard.primary.name)?.stop(how));
    await Promise.all(primaries);
    await Promise.all([...servers.values()].map((server) => server.stop(how)));
  };
  const startShard = async (shard: ShardPlan): Promise<void> => {
    await makeShard(shard, home, binaries);
    const serve = (name: string, follows: PostgresServer | undefined): PostgresServer => {
      const plan = { name, directory: join(home, name), logFile: join(logs, `${name}.log`), fsync, follows };
      const server = createPostgresServer(binaries, keeper, plan);
      servers.set(name, server);
      return server;
    };
    const primary = serve(shard.primary.name, undefined);
    const readers = shard.readers.map((reader) => serve(reader.name, primary));
    await primary.start();
    await Promise.all(readers.map((reader) => reader.start()));
  };
  try {
    await Promise.all(SHARDS.map(startShard));
  } catch (error) {
    await stop("immediate");
    throw error;
  }

  const portOf = (node: string): number => {
    const server = servers.get(node);
    if (server === undefined) throw new Error(`There is no Postgres node "${node}"`);
    return server.port();
  };
  return {
    servers,
    direct: (node) => `postgres://postgres@127.0.0.1:${portOf(node)}/${DATABASE}`,
    async caughtUp() {
      await Promise.all(
        SHARDS.map(async (shard) => {
          const written = await ask(portOf(shard.primary.name), "select pg_current_wal_lsn()");
          for (const reader of shard.readers) {
            const sql = `select pg_last_wal_replay_lsn() >= '${written}'::pg_lsn`;
            await until(`${reader.name} catches up`, 30_000, async () => (await ask(portOf(reader.name), sql)) === "t");
          }
        }),
      );
    },
    async setReplay(reader, paused) {
      const port = portOf(reader);
      await ask(port, paused ? "select pg_wal_replay_pause()" : "select pg_wal_replay_resume()");
      const wanted = paused ? "paused" : "not paused";
      await until(`replay of ${reader} is ${wanted}`, 5_000, async () => {
        return (await ask(port, "select pg_get_wal_replay_pause_state()")) === wanted;
      });
    },
    stop: () => stop("fast"),
  };
}

/** Deletes everything that startCluster made for this data directory. */
export function removeCluster(dataDir: string): void {
  rmSync(join(dataDir, "postgres"), { recursive: true, force: true });
  rmSync(elsewhere(dataDir), { recursive: true, force: true });
}

const elsewhere = (dataDir: string): string =>
  join(tmpdir(), `meridian-data-${createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 16)}`);

/** As root, PostgreSQL runs as `nobody`, who may not be able to enter the data directory; then it lives in the temporary one. */
function clusterDirectory(dataDir: string, binaries: Binaries): string {
  if (binaries.owner === undefined || isReachable(dataDir)) return join(resolve(dataDir), "postgres");
  const directory = elsewhere(dataDir);
  writeFileSync(join(dataDir, "postgres.location"), `${directory}\n`);
  return directory;
}

/** The primary's directory gets its name last, so an interrupted first start is simply made again. */
async function makeShard(shard: ShardPlan, home: string, binaries: Binaries): Promise<void> {
  const primary = join(home, shard.primary.name);
  if (existsSync(primary)) return;
  const fresh = `${primary}.new`;
  const readers = shard.readers.map((reader) => join(home, reader.name));
  for (const directory of [fresh, ...readers]) rmSync(directory, { recursive: true, force: true });
  await initialise(binaries, fresh, DATABASE);
  await Promise.all(readers.map((reader) => cloneAsReader(binaries, fresh, reader)));
  renameSync(fresh, primary);
}

/** The first value of the first row of an administrator's question. */
async function ask(port: number, sql: string): Promise<string | null | undefined> {
  const connection = await connectToPostgres({ port, user: "postgres", database: "postgres" });
  try {
    const { results, error } = await connection.simple(sql);
    if (error !== undefined) throw error;
    return results[0]?.rows[0]?.[0];
  } finally {
    connection.close();
  }
}
