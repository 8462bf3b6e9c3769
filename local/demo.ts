// Fills the space `atlas` with real data through the public API and nothing else: single creates, countries as drafts before they are
// published, because borders are cyclic. An interrupted seed goes on where it stopped.
import { type Api, apiClient } from "./api-client.ts";
import { inLanes } from "./lanes.ts";
import { CITY, COUNTRY, type SampleEntry, SPACE, sampleCities, sampleCountries } from "./sample-data.ts";

type Log = (line: string) => void;

/** Enough to keep a small machine busy: writes to one space come one after the other anyway. */
const LANES = 8;
const REPORT_EVERY_MS = 5_000;
const KEY_LIFE_MS = 3_600_000;

/** Returns at once when the demonstration is there already. `rootKey`: the deployment's, from ROOT_KEY if not given. `most`: only so many
 * cities, the largest. */
export async function seedDemo(
  origin: string,
  log: Log,
  rootKey = process.env["ROOT_KEY"] ?? "mrd_root_local",
  most = Number.POSITIVE_INFINITY,
): Promise<void> {
  const started = Date.now();
  const space = `/v1/spaces/${SPACE.id}`;
  const [last, ...cities] = sampleCities().slice(0, most);
  if (last === undefined) throw new Error("There is no city in the sample data");
  // The largest city is created alone, after everything else: where it can be read, all is there.
  const anyone = apiClient(origin, undefined);
  if ((await anyone.ask("GET", `${space}/content/city/${last.id}`)).status === 200) return log("demo: atlas is there");

  const root = apiClient(origin, rootKey);
  const made = await root.ask("POST", "/v1/spaces", { body: SPACE, idempotencyKey: "demo-space" });
  if (made.status === 409 && (await root.ask("GET", space)).status === 404)
    return log("demo: atlas was deleted and is not made again");
  if (made.status !== 409) made.expect(201, 200);

  const scopes = ["content:read", "content:write", "content:publish", "types:write"];
  // For this run alone: it is revoked at the end, or dies by itself.
  const expiresAt = new Date(started + KEY_LIFE_MS).toISOString();
  const key = (await root.ask("POST", `${space}/keys`, { body: { name: "demo", scopes, expiresAt } })).expect(201)
    .body as { id: string; key: string };
  const api = apiClient(origin, key.key);

  for (const { type, document } of [COUNTRY, CITY])
    (await api.ask("PUT", `${space}/types/${type}`, { body: document })).expect(200, 201);
  const countries = sampleCountries();
  const before = await statuses(api, COUNTRY.type);
  await each(
    "countries drafted",
    countries.filter(({ id }) => !before.has(id)),
    log,
    (entry) => create(api, entry, false),
  );
  await each(
    "countries published",
    countries.filter(({ id }) => before.get(id) !== "published"),
    log,
    async ({ id }) => {
      (await api.ask("POST", `${space}/entries/${id}/publish`, { idempotencyKey: `demo-publish-${id}` })).expect(200);
    },
  );
  const there = await statuses(api, CITY.type);
  await each(
    "cities published",
    cities.filter(({ id }) => !there.has(id)),
    log,
    (entry) => create(api, entry, true),
  );
  await create(api, last, true);
  (await root.ask("DELETE", `${space}/keys/${key.id}`)).expect(204, 404);
  log(
    `demo: atlas has ${countries.length} countries and ${cities.length + 1} cities (${((Date.now() - started) / 1000).toFixed(1)} s)`,
  );
}

async function create(api: Api, entry: SampleEntry, publish: boolean): Promise<void> {
  const body = publish ? { ...entry, publish } : entry;
  const answer = await api.ask("POST", `/v1/spaces/${SPACE.id}/entries`, {
    body,
    idempotencyKey: `demo-create-${entry.id}`,
  });
  // Made by a run before this one, under a key of its own.
  if (answer.status === 409 && answer.code === "entry-exists") return;
  answer.expect(201);
}

/** Status of every entry of the type, drafts included. */
async function statuses(api: Api, type: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let cursor: string | null = ""; cursor !== null; ) {
    const next = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = (await api.ask("GET", `/v1/spaces/${SPACE.id}/entries?type=${type}&limit=1000${next}`)).expect(200);
    const page = answer.body as { data: readonly { id: string; status: string }[]; page: { next: string | null } };
    for (const { id, status } of page.data) found.set(id, status);
    cursor = page.page.next;
  }
  return found;
}

async function each(
  what: string,
  entries: readonly SampleEntry[],
  log: Log,
  work: (entry: SampleEntry) => Promise<void>,
): Promise<void> {
  if (entries.length === 0) return;
  const started = Date.now();
  let done = 0;
  const report = (): void =>
    log(`demo: ${done} of ${entries.length} ${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  const timer = setInterval(report, REPORT_EVERY_MS);
  try {
    await inLanes(LANES, entries, async (entry) => {
      await work(entry);
      done += 1;
    });
  } finally {
    clearInterval(timer);
  }
  report();
}
