// The Worker in the emulator of `wrangler dev`, with a socket of its own: without the proxies that stand before it there, so that it can be
// exchanged and debugged, and without its inspector. Together they take more time than most requests. For stacks that nobody changes or debugs.
// One argument, as JSON: see `HostPlan`. Ends when it is ended.
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseEnv } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";

export interface HostPlan {
  /** The wrangler configuration file. */
  readonly config: string;
  /** A bundle. */
  readonly entrypoint: string;
  readonly envFile: string;
  /** Of the Worker. */
  readonly port: number;
  /** Of the emulator itself: it rings the cron. */
  readonly eventsPort: number;
  /** A directory. */
  readonly state: string;
}

const HOST = "127.0.0.1";
const { config, entrypoint, envFile, port, eventsPort, state } = JSON.parse(process.argv[2] ?? "") as HostPlan;

const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
const emulator = new Miniflare(
  convertV4MiniflareOptions({
    host: HOST,
    port: eventsPort,
    cf: false,
    unsafeTriggerHandlers: true,
    resourcePersistencePath: state,
    handleStructuredLogs: ({ level, message }) => console.log(`[${level}] ${message}`),
    workers: [
      {
        ...workerOptions,
        bindings: Object.assign({}, workerOptions.bindings, parseEnv(readFileSync(envFile, "utf8"))),
        modulesRoot: dirname(entrypoint),
        modules: [{ type: "ESModule", path: entrypoint }],
        unsafeDirectSockets: [{ host: HOST, port }],
      },
    ] as never,
  }),
);
await emulator.ready;
