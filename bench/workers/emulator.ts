// Workers in the emulator (miniflare) with a direct socket each: cache, Durable Objects, queues and R2 as locally, no proxy in the way.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { Stack } from "../../local/stack.ts";
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, type Running } from "./bundle.ts";
import { type Addresses, SERVICES, settingsOf, WALLS } from "./settings.ts";

/** The emulator keeps caches in files, and waits until each is on the disk: in memory it waits less. */
const MEMORY = "/dev/shm";

/** The emulator cannot leave the Cache API out: a name of the module's own stands before the global one. */
const NO_CACHE =
  "const caches = { open: async () => ({ match: async () => undefined, put: async () => undefined, delete: async () => false }) };\n";

export interface Emulated {
  readonly name: string;
  readonly code: string;
  readonly bindings?: Readonly<Record<string, unknown>>;
  /** Class of a Durable Object bound as SHIELD, of this Worker or of the one that is named. */
  readonly shield?: { readonly className: string; readonly of?: string };
  /** False: nothing is ever found in the Cache API. */
  readonly cache?: boolean;
  /** Queues, R2 and the rate limiter of the product. */
  readonly services?: boolean;
  /** A queue has one consumer a process. Default true: that of `changes`. "all": of every queue, as in production. */
  readonly consumes?: boolean | "all";
  /** A module that stands before the product: it imports "./worker.js" and is what the platform calls. */
  readonly before?: string;
  /** Modules that it may import, by their paths. */
  readonly beside?: Readonly<Record<string, string>>;
  /** Buckets beside the product's own services. */
  readonly buckets?: readonly string[];
}

export interface Watching {
  /** Speaks the Chrome DevTools protocol there. */
  readonly inspectorPort?: number;
  log?(line: string): void;
}

/** One process. Its Workers share cache, queues and objects, and are an isolate each. */
export async function startEmulator(
  workers: readonly Emulated[],
  { inspectorPort, log = () => undefined }: Watching = {},
): Promise<ReadonlyMap<string, Running>> {
  const directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "meridian-emulator-"));
  const emulator = new Miniflare(
    convertV4MiniflareOptions({
      workers: workers.map(optionsOf) as never,
      // A line for each slow request would drown the report.
      handleStructuredLogs: ({ message }) => log(message),
      cf: false,
      resourcePersistencePath: directory,
      ...(inspectorPort === undefined ? {} : { inspectorPort }),
    }),
  );
  await emulator.ready;
  const stop = async (): Promise<void> => {
    await emulator.dispose();
    rmSync(directory, { recursive: true, force: true });
  };
  const running = new Map<string, Running>();
  for (const { name } of workers) {
    const url = await emulator.unsafeGetDirectURL(name);
    running.set(name, { port: Number(url.port), stop });
  }
  return running;
}

export async function startOne(worker: Emulated, watching?: Watching): Promise<Running> {
  const started = (await startEmulator([worker], watching)).get(worker.name);
  if (started === undefined) throw new Error(`${worker.name} did not start`);
  return started;
}

/** The product. Its consumer of `changes` is bound as in production, so that what follows a commit happens. */
export function product(code: string, stack: Stack, name = "product", addresses?: Addresses): Emulated {
  return {
    name,
    code,
    bindings: { ...settingsOf(stack, addresses), VERSION: { id: "bench" } },
    shield: { className: "Shield" },
    services: true,
  };
}

/** As in wrangler.toml. */
const CHANGES = { maxBatchSize: 25, maxBatchTimeout: 1, maxRetries: 8, retryDelay: 2 };
const OTHERS = {
  "meridian-deliveries": { maxBatchSize: 4, maxBatchTimeout: 0, maxRetries: 10, retryDelay: 5 },
  "meridian-work": { maxBatchSize: 5, maxBatchTimeout: 1, maxRetries: 8, retryDelay: 5 },
  "meridian-generation": { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 8, retryDelay: 5 },
  "meridian-insight": { maxBatchSize: 1, maxBatchTimeout: 0, maxRetries: 8, retryDelay: 5 },
  "meridian-counts": { maxBatchSize: 100, maxBatchTimeout: 5, maxRetries: 8, retryDelay: 15 },
  "meridian-dead-letters": { maxBatchSize: 10, maxBatchTimeout: 5, maxRetries: 100, retryDelay: 60 },
};

function consumersOf(consumes: boolean | "all"): Readonly<Record<string, object>> {
  if (consumes === false) return {};
  const { "meridian-dead-letters": last, ...others } = OTHERS;
  const gaveUp = { deadLetterQueue: "meridian-dead-letters" };
  if (consumes === true) return { "meridian-changes": CHANGES };
  const all = Object.entries({ "meridian-changes": CHANGES, ...others }).map(([queue, how]) => [
    queue,
    { ...how, ...gaveUp },
  ]);
  return { ...Object.fromEntries(all), "meridian-dead-letters": last };
}

function optionsOf(worker: Emulated) {
  const { name, code, bindings = {}, shield, cache = true, services = false, consumes = true, buckets = [] } = worker;
  const { before, beside = {} } = worker;
  const queue = (binding: string): string => `meridian-${binding.toLowerCase().replaceAll("_", "-")}`;
  const queues = ["CHANGES", ...SERVICES.filter((service) => service !== "ASSETS" && service !== "BLOBS")];
  const own = {
    bindings: { ...bindings, ASSETS: {} },
    queueProducers: Object.fromEntries(queues.map((binding) => [binding, queue(binding)])),
    queueConsumers: consumersOf(consumes),
    r2Buckets: ["BLOBS"],
    ratelimits: Object.fromEntries(
      WALLS.map((name, at) => [name, { namespace_id: `${1001 + at}`, simple: { limit: 1_000_000_000, period: 60 } }]),
    ),
  };
  return {
    name,
    modules: [
      ...(before === undefined ? [] : [{ type: "ESModule", path: "before.js", contents: before }]),
      ...Object.entries(beside).map(([path, contents]) => ({ type: "ESModule", path, contents })),
      { type: "ESModule", path: "worker.js", contents: cache ? code : NO_CACHE + code },
    ],
    compatibilityDate: COMPATIBILITY_DATE,
    compatibilityFlags: COMPATIBILITY_FLAGS,
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    ...(services ? own : { bindings, r2Buckets: [...buckets] }),
    ...(shield === undefined
      ? {}
      : {
          durableObjects: {
            SHIELD: {
              className: shield.className,
              useSQLite: true,
              ...(shield.of === undefined ? {} : { scriptName: shield.of }),
            },
          },
        }),
  };
}
