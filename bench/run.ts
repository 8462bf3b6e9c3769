// npm run bench -- [name…] [--short] [--rounds 24] [--seconds 1] [--connections 16]: starts what is named, or all but the long ones.
import { counts } from "./counts/counts.ts";
import { geo } from "./geo/geo.ts";
import { hits } from "./hits/hits.ts";
import { imports } from "./import/import.ts";
import { readOptions } from "./options.ts";
import { profile } from "./profile/profile.ts";
import { uncached } from "./uncached/uncached.ts";
import { webhooks } from "./webhooks/webhooks.ts";

/** In the order in which they run. Each starts a stack of its own, and compares within itself. */
const MEASUREMENTS = { uncached, hits, counts, profile, import: imports, geo, webhooks } as const;
const UNASKED = ["uncached", "hits", "counts"];

const options = readOptions(process.argv.slice(2));
const names = options.names.length === 0 ? UNASKED : options.names;
const unknown = names.filter((name) => !(name in MEASUREMENTS));
if (unknown.length > 0)
  throw new Error(`There is no measurement ${unknown.join(", ")}; there are ${Object.keys(MEASUREMENTS).join(", ")}`);
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (!names.includes(name)) continue;
  console.log(`\n== ${name} ==`);
  await measure(options);
}
