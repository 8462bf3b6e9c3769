// Runs production bundles on workerd with a direct socket each: no development proxy in the way, the same for every side.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { Stack } from "../local/stack.ts";

const ROOT = join(import.meta.dirname, "..");
const WRANGLER = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");

export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

type Bindings = Readonly<Record<string, unknown>>;

/** The product. What a read never touches is bound to nothing. */
export async function startProduct({ topology, neon, redis, rootKey }: Stack): Promise<Running> {
  return await start(await bundle(join(ROOT, "wrangler.toml")), {
    TOPOLOGY: JSON.stringify(topology),
    NEON_FETCH_ENDPOINT: neon.endpoint,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    ROOT_KEY: rootKey,
    SECRET: "a secret that only this measurement ever uses",
    DEVELOPMENT: "true",
    LOG_SAMPLE: "0",
    ...Object.fromEntries(
      [
        "ASSETS",
        "DELIVERIES",
        "WORK",
        "COUNTS",
        "DEAD_LETTERS",
        "SHIELD",
        "BLOBS",
        "WALL",
        "WRITE_WALL",
        "AUTH_WALL",
      ].map((name) => [name, {}]),
    ),
    VERSION: { id: "bench" },
  });
}

export async function startBare(bindings: Bindings): Promise<Running> {
  return await start(await bundle(join(import.meta.dirname, "bare", "wrangler.toml")), bindings);
}

/** As it would be uploaded. */
async function bundle(config: string): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "meridian-bench-"));
  try {
    const env = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: out };
    const args = [WRANGLER, "deploy", "--minify", "--dry-run", `--config=${config}`, "--env=", `--outdir=${out}`];
    await promisify(execFile)(process.execPath, args, { cwd: ROOT, env });
    const file = readdirSync(out).find((name) => name.endsWith(".js"));
    if (file === undefined) throw new Error(`wrangler left no bundle of ${config}`);
    const built = readFileSync(join(out, file), "utf8");
    return built;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

async function start(contents: string, bindings: Bindings): Promise<Running> {
  const worker = new Miniflare(
    convertV4MiniflareOptions({
      name: "measured",
      modules: [{ type: "ESModule", path: "worker.js", contents }],
      compatibilityDate: "2026-11-15",
      bindings: bindings as Record<string, never>,
      queueProducers: { CHANGES: "meridian-changes" },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    }),
  );
  await worker.ready;
  const url = await worker.unsafeGetDirectURL("measured");
  return { port: Number(url.port), stop: () => worker.dispose() };
}
