// Starts the whole system on this machine and stops it again: for `npm run dev`, for tests and for benchmarks.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Cluster, startCluster } from "./cluster.ts";
import { createConditions } from "./conditions.ts";
import { startControl } from "./control.ts";
import { createCounters } from "./counters.ts";
import { startCron } from "./cron.ts";
import { seedDemo } from "./demo.ts";
import { type Keeper, startKeeper } from "./keeper.ts";
import { claimDirectory } from "./lock.ts";
import { applyMigrations } from "./migrate.ts";
import { startNeonGateway } from "./neon-gateway.ts";
import { freePort } from "./ports.ts";
import { type RedisChoice, startRedis } from "./redis/backend.ts";
import { startResolver } from "./resolver.ts";
import { loadSecrets } from "./secrets.ts";
import { localTopology, POSTGRES_NODES, SHARDS, type Topology } from "./topology.ts";
import { startUpstashGateway } from "./upstash-gateway.ts";
import { startWorker } from "./worker-process.ts";

export type StackOptions = {
  readonly dataDir: string;
  /** The Worker's port; the control server takes the next one. 0 or absent: any free ports. */
  readonly port?: number;
  /** Seeds the demonstration space at first start. Needs the Worker. */
  readonly demo: boolean;
  readonly worker: boolean;
  /** Postgres survives a power cut; tests do not need that. Default true. */
  readonly fsync?: boolean;
  readonly redis?: RedisChoice;
  /** The Worker restarts when its source changes. Default: false. */
  readonly watch?: boolean;
  /** Another Worker than src/worker.ts: a wrangler configuration file. */
  readonly wranglerConfig?: string;
  /** More of the Worker's settings. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
};

export type Stack = {
  /** The Worker, as a browser reaches it. Empty when started without. */
  readonly origin: string;
  /** Where the platform's own events are rung, as the cron. Empty when started without. */
  readonly events: string;
  readonly control: string;
  readonly topology: Topology;
  readonly neon: { readonly endpoint: string };
  readonly redis: { readonly url: string; readonly token: string; readonly kind: string };
  /** Superuser connection strings straight to each Postgres server. */
  readonly postgres: Readonly<Record<string, string>>;
  /** The operator's key, for administration through the API. */
  readonly rootKey: string;
  /** The Worker's SECRET: whoever runs another Worker beside it needs the same. */
  readonly secret: string;
  readonly log: (line: string) => void;
  stop(): Promise<void>;
};

export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const release = claimDirectory(dataDir);
  const keeper = startKeeper();
  const undo: (() => Promise<void> | void)[] = [release, keeper.close];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    return await assemble(options, dataDir, keeper, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  options: StackOptions,
  dataDir: string,
  keeper: Keeper,
  undo: (() => Promise<void> | void)[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const log = options.log ?? (() => {});
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const made = await work();
    log(`${what.padEnd(28)} ${Math.round(performance.now() - start)} ms`);
    return made;
  };
  const conditions = createConditions();
  const counters = createCounters(POSTGRES_NODES);
  const secrets = loadSecrets(dataDir);
  const topology = localTopology();

  const cluster: Cluster = await timed("five Postgres servers", () =>
    startCluster(dataDir, options.fsync ?? true, keeper),
  );
  undo.push(cluster.stop);
  await timed("migrations", async () => {
    await applyMigrations(SHARDS.map((shard) => cluster.direct(shard.primary.name)));
    await cluster.caughtUp();
  });
  const redis = await timed("Redis", () => startRedis(dataDir, keeper, options.redis ?? "any"));
  const upstash = await startUpstashGateway(redis, secrets.redisToken, conditions, counters);
  undo.push(upstash.stop);
  const neon = await startNeonGateway((node) => cluster.servers.get(node)?.port(), conditions, counters);
  undo.push(neon.stop);
  const resolver = await startResolver();
  undo.push(resolver.stop);

  const port = options.port || (await freePort());
  const origin = options.worker ? `http://127.0.0.1:${port}` : "";
  const postgres = Object.fromEntries(POSTGRES_NODES.map((node) => [node, cluster.direct(node)]));
  const described = {
    neon: { endpoint: neon.endpoint },
    redis: { url: upstash.url, token: secrets.redisToken, kind: redis.kind },
    postgres,
  };
  const control = await startControl(
    {
      cluster,
      conditions,
      counters,
      names: resolver.names,
      description: () => ({ ...topology, origin, ...described }),
      modesChanged: upstash.modesChanged,
    },
    options.port ? options.port + 1 : 0,
  );
  undo.push(control.stop);

  let events = "";
  if (options.worker) {
    const config = options.wranglerConfig ?? join(import.meta.dirname, "..", "wrangler.toml");
    const variables = {
      TOPOLOGY: JSON.stringify(topology),
      NEON_FETCH_ENDPOINT: neon.endpoint,
      UPSTASH_REDIS_REST_URL: upstash.url,
      UPSTASH_REDIS_REST_TOKEN: secrets.redisToken,
      ROOT_KEY: secrets.rootKey,
      SECRET: secrets.secret,
      DEVELOPMENT: "true",
      DNS_OVER_HTTPS: resolver.url,
      REDIS_LAG_SECONDS: "0",
      ...options.variables,
    };
    const worker = await timed("the Worker", () =>
      startWorker({ dataDir, port, config, variables, keeper, watch: options.watch ?? false }),
    );
    events = worker.events;
    undo.push(
      worker.stop,
      startCron(events, () => conditions.cron.isPaused),
    );
    if (options.demo) await timed("the demonstration", () => seedDemo(origin, log, secrets.rootKey));
  }
  return {
    origin,
    events,
    control: `http://127.0.0.1:${control.port}`,
    topology,
    ...described,
    rootKey: secrets.rootKey,
    secret: secrets.secret,
    log,
    stop,
  };
}
