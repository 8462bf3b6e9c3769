// Builds Workers the way they would be uploaded, and finds what they run on.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { copyDocsAssets } from "../../local/docs-assets.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const REQUIRE = createRequire(import.meta.url);
const WRANGLER = join(dirname(REQUIRE.resolve("wrangler/package.json")), "bin", "wrangler.js");

/** The same for every side of a measurement. */
export const COMPATIBILITY_DATE = "2026-11-15";
/** As in wrangler.toml. */
export const COMPATIBILITY_FLAGS = ["no_nodejs_global_timers", "queue_consumer_no_wait_for_wait_until"];

export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

export type BareWorker = "worker" | "constant" | "tiers" | "origin" | "insert";

export function bundleProduct(minify = true): Promise<string> {
  copyDocsAssets();
  return bundle(["--config=wrangler.toml"], minify);
}

/** One of bench/bare. */
export const bundleBare = (name: BareWorker): Promise<string> =>
  bundle([join("bench", "bare", `${name}.ts`), `--config=${join("bench", "bare", "wrangler.toml")}`], true);

async function bundle(what: readonly string[], minify: boolean): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "meridian-bench-"));
  try {
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: out };
    const how = [...(minify ? ["--minify"] : []), "--dry-run", "--env=", `--outdir=${out}`];
    await promisify(execFile)(process.execPath, [WRANGLER, "deploy", ...what, ...how], { cwd: ROOT, env });
    const file = readdirSync(out).find((name) => name.endsWith(".js"));
    if (file === undefined) throw new Error(`wrangler left no bundle of ${what.join(" ")}`);
    const built = readFileSync(join(out, file), "utf8");
    return built;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** The runtime itself, in the version that the emulator brings. */
export function workerdBinary(): string {
  const within = createRequire(REQUIRE.resolve("miniflare"));
  const found = within("workerd") as { readonly default: string };
  return found.default;
}
