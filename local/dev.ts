// npm run dev: the whole system on this machine, until Ctrl-C. PORT and MERIDIAN_DATA let several run side by side;
// MERIDIAN_DEMO=none leaves the demonstration out.
import { dataDirectory } from "./data-directory.ts";
import { whenNpmIsGone } from "./npm-parent.ts";
import { startStack } from "./stack.ts";

const port = Number(process.env.PORT || 8787);
if (!Number.isInteger(port) || port < 1 || port > 65534) {
  throw new Error(`PORT must be from 1 to 65534: "${process.env.PORT}"`);
}

// Until all is up, leaving is simply exiting: what was started dies with us (keeper.ts). npm may pass a signal on twice.
let leave = (): void => process.exit(130);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => leave());
whenNpmIsGone(() => leave());

const start = performance.now();
const stack = await startStack({
  dataDir: dataDirectory(),
  port,
  demo: process.env.MERIDIAN_DEMO !== "none",
  worker: true,
  watch: true,
  // What a process had written survives its end; only a power cut costs a `dev:reset`.
  fsync: false,
  log: console.log,
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
const left = new Promise<void>((resolve) => {
  leave = resolve;
});
console.log(`in all ${((performance.now() - start) / 1000).toFixed(1)} s

meridian ready ${stack.origin}

  curl ${stack.origin}/health
  curl '${stack.origin}/v1/spaces/atlas/content/country?locale=fr&limit=3'
  curl '${stack.origin}/v1/spaces/atlas/content/city?sort=-population&limit=5'
  curl -H 'Authorization: Bearer ${stack.rootKey}' ${stack.origin}/v1/spaces
  curl ${stack.control}/counters    # the control server: topology, counters, faults

The API's documentation is at ${stack.origin}/docs. Ctrl-C stops everything; npm run dev:reset deletes the data.`);
await left;
console.log("stopping");
await stack.stop();
process.exit(0);
