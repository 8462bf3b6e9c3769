// npm run demo:full: all 135,000 cities into the demonstration that runs, as anybody would import a file of their own. Interrupted, the same
// command goes on. PORT, MERIDIAN_DATA and ROOT_KEY as for `npm run dev`.
import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiClient } from "./api-client.ts";
import { runCommand } from "./cli/command-line.ts";
import { dataDirectory } from "./data-directory.ts";
import { CITY, SPACE, sampleCities } from "./sample-data.ts";

const origin = `http://127.0.0.1:${Number(process.env["PORT"] || 8787)}`;
const WRITTEN_AT_ONCE = 1_000;
const DAY_MS = 86_400_000;
const SCOPES = ["transfer:write"];

const root = apiClient(origin, process.env["ROOT_KEY"] ?? "mrd_root_local");
await fetch(`${origin}/health/live`).catch((cause: unknown) => {
  throw new Error(`Nothing runs at ${origin}: start it with npm run dev`, { cause });
});
(await root.ask("GET", `/v1/spaces/${SPACE.id}`)).expect(200);
const file = join(dataDirectory(), "cities.ndjson");
mkdirSync(dataDirectory(), { recursive: true });
await writeFile(file, citiesAsLines());
const args = ["import", file, "--url", origin, "--space", SPACE.id, "--key", await keyForToday()];
process.exitCode = await runCommand([...args, ...process.argv.slice(2)]);

function* citiesAsLines(): Generator<string, void> {
  const cities = sampleCities(0);
  console.log(`${cities.length.toLocaleString("en")} entries of the type ${CITY.type} in ${file}`);
  for (let from = 0; from < cities.length; from += WRITTEN_AT_ONCE) {
    const some = cities.slice(from, from + WRITTEN_AT_ONCE);
    yield some.map((city) => `${JSON.stringify({ ...city, publish: true })}\n`).join("");
  }
}

/** The same one all day: an import is found again by the key that began it. */
async function keyForToday(): Promise<string> {
  const expiresAt = new Date((Math.floor(Date.now() / DAY_MS) + 2) * DAY_MS).toISOString();
  const body = { name: "demo:full", scopes: SCOPES, expiresAt };
  const made = await root.ask("POST", `/v1/spaces/${SPACE.id}/keys`, {
    body,
    idempotencyKey: `demo-full-${expiresAt}`,
  });
  return (made.expect(201).body as { readonly key: string }).key;
}
