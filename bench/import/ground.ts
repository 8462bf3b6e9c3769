// What all measurements of imports stand on: the product with its queues and its bucket, a space with countries to refer to, another space
// beside it, and the hand-written floors on the same Postgres.
import pg from "pg";
import { apiClient } from "../../local/api-client.ts";
import { freePort, pause } from "../../local/ports.ts";
import { CITY, COUNTRY, type SampleEntry, sampleCities, sampleCountries } from "../../local/sample-data.ts";
import type { Options } from "../options.ts";
import { bundleBare, bundleProduct } from "../workers/bundle.ts";
import { primaryOf } from "../workers/content.ts";
import { product, startOne } from "../workers/emulator.ts";
import type { Bench } from "../workers/measured-stack.ts";

export const SPACE = "imports";
export const BESIDE = "beside";

export interface Counted {
  readonly processed: number;
  readonly failed: number;
}

export interface ImportBench {
  readonly options: Options;
  readonly origin: string;
  /** Of the floors. */
  readonly floor: string;
  readonly inspector: number;
  /** The product's bundle, not minified: samples are told by its lines. */
  readonly code: string;
  readonly primary: string;
  readonly cities: readonly SampleEntry[];
  /** May do everything in the space. */
  readonly key: string;
  readonly uid: number;
  /** Sends a file; answers the job's id. */
  send(body: Body): Promise<string>;
  /** Waits for its end, which must be without failures. */
  finish(job: string): Promise<Counted>;
  cancel(job: string): Promise<void>;
}

export type Body = string | Uint8Array | AsyncIterable<Uint8Array>;

const SCOPES = ["content:read", "content:write", "content:publish", "types:write", "transfer:write"];
/** Asking costs the Worker something, too. */
const POLL_MS = 100;

export async function prepareGround({ stack, after }: Bench, options: Options): Promise<ImportBench> {
  const code = await bundleProduct(false);
  const inspector = await freePort();
  const running = await startOne({ ...product(code, stack), consumes: "all" }, { inspectorPort: inspector });
  after(running.stop);
  const primary = primaryOf(stack, "us");
  const OWNER_URL = ownerUrl(stack);
  const floors = await startOne({
    name: "floors",
    code: await bundleBare("insert"),
    bindings: { ENDPOINT: stack.neon.endpoint, OWNER_URL },
    buckets: ["FILES"],
  });
  after(floors.stop);
  const origin = `http://127.0.0.1:${running.port}`;
  const key = await makeSpace(origin, stack.rootKey, SPACE);
  const beside = await makeSpace(origin, stack.rootKey, BESIDE);
  const api = apiClient(origin, key);
  const answer = async (path: string): Promise<Counted & { readonly status: string }> =>
    (await api.ask("GET", path)).expect(200).body as Counted & { readonly status: string };
  const bench: Omit<ImportBench, "uid"> = {
    options,
    origin,
    floor: `http://127.0.0.1:${floors.port}`,
    inspector,
    code,
    primary,
    cities: sampleCities(0),
    key,
    async send(body) {
      const response = await fetch(`${origin}/v1/spaces/${SPACE}/imports`, {
        method: "POST",
        headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/x-ndjson" },
        body: body as BodyInit,
        duplex: "half",
      } as RequestInit);
      const text = await response.text();
      if (response.status !== 202) throw new Error(`An import was answered with ${response.status}: ${text}`);
      return (JSON.parse(text) as { readonly id: string }).id;
    },
    async finish(job) {
      for (;;) {
        const now = await answer(`/v1/spaces/${SPACE}/imports/${job}`);
        if (now.status === "completed" && now.failed === 0) return now;
        if (now.status !== "queued" && now.status !== "running")
          throw new Error(`Import ${job} is ${now.status}: ${JSON.stringify(now)}`);
        await pause(POLL_MS);
      }
    },
    async cancel(job) {
      (await api.ask("POST", `/v1/spaces/${SPACE}/imports/${job}/cancel`)).expect(200);
    },
  };
  await bench.finish(await bench.send(linesOf(sampleCountries())));
  // What a reader of another space asks for.
  const other = apiClient(origin, beside);
  const france = sampleCountries().find(({ id }) => id === "fr");
  const entry = { type: COUNTRY.type, id: "fr", fields: { ...france?.fields, borders: [] } };
  (await other.ask("POST", `/v1/spaces/${BESIDE}/entries`, { body: { ...entry, publish: true } })).expect(201);
  return { ...bench, uid: await makeFloors(primary) };
}

export const linesOf = (entries: readonly SampleEntry[]): string =>
  entries.map((entry) => `${JSON.stringify({ ...entry, publish: true })}\n`).join("");

/** The same cities under other names, so that they are created again. */
export const renamed = (cities: readonly SampleEntry[], prefix: string): readonly SampleEntry[] =>
  cities.map((city) => ({ ...city, id: `${prefix}-${city.id}`.slice(0, 64), slug: `${prefix}-${city.slug}` }));

async function makeSpace(origin: string, rootKey: string, id: string): Promise<string> {
  const root = apiClient(origin, rootKey);
  const limit = { quota: 1_000_000_000, window: 60 };
  const settings = {
    id,
    name: id,
    residency: "us",
    locales: ["en", "fr", "de", "es", "ja", "ar"],
    defaultLocale: "en",
    publicRead: true,
    plan: "scale",
    limits: { read: limit, write: limit, bulk: limit },
  };
  (await root.ask("POST", "/v1/spaces", { body: settings })).expect(201);
  const made = (await root.ask("POST", `/v1/spaces/${id}/keys`, { body: { name: "bench", scopes: SCOPES } })).expect(
    201,
  );
  const { key } = made.body as { readonly key: string };
  const api = apiClient(origin, key);
  for (const { type, document } of [COUNTRY, CITY])
    (await api.ask("PUT", `/v1/spaces/${id}/types/${type}`, { body: document })).expect(201);
  return key;
}

/** Tables that hold what the product keeps of an entry, with the same indexes, and without anything around them. */
export const KEPT = {
  streams: "stream",
  events: "stream",
  entries: "id",
  draft_ix: "id",
  revision: "id",
  published: "id",
  published_ix: "id",
  refs: "id",
} as const;

/** Answers the space's number. */
async function makeFloors(primary: string): Promise<number> {
  const client = new pg.Client({ connectionString: primary });
  await client.connect();
  try {
    await client.query("create schema floor");
    await client.query(`create table floor.city (id text primary key, slug text unique, fields jsonb not null, created_at timestamptz not null default now());
      create index on floor.city (((fields->>'population')::int));
      create index on floor.city ((fields->>'country'), ((fields->>'population')::int) desc);
      create index on floor.city ((fields->'name'->>'en'))`);
    for (const table of Object.keys(KEPT))
      await client.query(`create table floor.${table} (like public.${table} including all)`);
    const { rows } = await client.query<{ space: number }>("select space from spaces where id = $1", [SPACE]);
    return rows[0]?.space ?? 0;
  } finally {
    await client.end();
  }
}

function ownerUrl({ topology }: Bench["stack"]): string {
  const primary = topology.shards.find(({ name }) => name === topology.home)?.primary;
  if (primary === undefined) throw new Error("The topology has no home shard");
  return primary.url.replace("meridian_app", "postgres");
}
