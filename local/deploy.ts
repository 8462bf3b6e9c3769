// npm run deploy [-- --env production] [-- --dry-run]: `wrangler deploy --minify`, refused when the bundle is over its budget.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { copyDocsAssets } from "./docs-assets.ts";

/** The Worker's code, compressed as Cloudflare counts it; static assets are not part of it. */
const BUDGET_KIB = 400;

const given = process.argv.slice(2);
if (!given.some((one) => /^(-e|--env)\b/.test(one))) {
  if (!given.includes("--dry-run")) {
    console.error("Where to? npm run deploy -- --env staging, or --env production");
    process.exit(1);
  }
  given.push("--env=production");
}
const isDryRun = given.includes("--dry-run");
const wrangler = join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), "bin", "wrangler.js");

copyDocsAssets();
const size = measure();
console.log(`Bundle: ${size.toFixed(1)} KiB gzip of ${BUDGET_KIB} KiB`);
if (size > BUDGET_KIB) {
  console.error(`The bundle is ${(size - BUDGET_KIB).toFixed(1)} KiB over its budget`);
  process.exit(1);
}
if (!isDryRun) process.exit(run(given));

/** Builds without an account or the network and weighs what would be uploaded. */
function measure(): number {
  const out = mkdtempSync(join(tmpdir(), "meridian-bundle-"));
  try {
    const status = run([...given.filter((one) => one !== "--dry-run"), "--dry-run", `--outdir=${out}`]);
    if (status !== 0) process.exit(status);
    return readdirSync(out)
      .filter((name) => /\.(js|mjs|wasm)$/.test(name))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(out, name))).length / 1024, 0);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function run(args: readonly string[]): number {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false" };
  return spawnSync(process.execPath, [wrangler, "deploy", "--minify", ...args], { stdio: "inherit", env }).status ?? 1;
}
