// The Worker as `wrangler dev` runs it, without its inspector: with one, each request takes half as long again. For stacks that nobody debugs.
// One argument, as JSON: see `HostPlan`. Ends when it is ended.
import { unstable_startWorker } from "wrangler";

export interface HostPlan {
  /** The wrangler configuration file. */
  readonly config: string;
  /** A bundle. */
  readonly entrypoint: string;
  readonly envFile: string;
  readonly port: number;
  /** A directory. */
  readonly state: string;
}

const { config, entrypoint, envFile, port, state } = JSON.parse(process.argv[2] ?? "") as HostPlan;

await unstable_startWorker({
  config,
  entrypoint,
  envFiles: [envFile],
  build: { bundle: false },
  dev: {
    server: { hostname: "127.0.0.1", port },
    inspector: false,
    persist: state,
    logLevel: "log",
    watch: false,
    remote: false,
  },
});
