// node bench/peers/peers.ts DIRECTORY [directus] [directus_cached] [strapi] [payload] [--install] [--rounds 10]: other content systems beside this one, same machine,
// same content, same Postgres. They live in DIRECTORY, which is not in this repository.
import { mkdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import type { Stack } from "../../local/stack.ts";
import { type Generator, startGenerator } from "../load/generator.ts";
import { interleave, type Place } from "../load/interleave.ts";
import { findWrk } from "../load/wrk.ts";
import { median, quartiles } from "../numbers/quantiles.ts";
import { bundleProduct } from "../workers/bundle.ts";
import { fillBench, primaryOf } from "../workers/content.ts";
import { withStack } from "../workers/measured-stack.ts";
import { startRaw } from "../workers/raw.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import { settingsOf } from "../workers/settings.ts";
import { directus, directusCached } from "./directus.ts";
import { answersOf, startFloors } from "./floors.ts";
import { importRate } from "./import-rate.ts";
import { payload } from "./payload.ts";
import type { Database, Peer, Started } from "./peer.ts";
import { strapi } from "./strapi.ts";

const PEERS: readonly Peer[] = [directus, directusCached, strapi, payload];
const READS = ["list", "one", "miss"] as const;
/** What is wanted of each, in multiples of the best of those that run as people run them. */
const WANTED = { list: 40, one: 30, miss: 3 } as const;
const WANTED_IMPORT = 20;
const FILLED_BY: Readonly<Record<string, string>> = {
  directus: "POST /items, a hundred at a time",
  directus_cached: "the same",
  strapi: "its document service, in its own process, one at a time",
  payload: "its local API, in its own process, one at a time",
};
const CONNECTIONS = 16;
/** Of a round: each is asked for once. */
const MISSES = 100;
const SECONDS = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { install: { type: "boolean", default: false }, rounds: { type: "string", default: "10" } },
});
const [directory = "", ...names] = positionals;
const rounds = Number(values.rounds);
const chosen = PEERS.filter(({ name }) => names.length === 0 || names.includes(name));
const home = resolve(directory);
if (directory === "" || !relative(resolve(import.meta.dirname, "..", ".."), home).startsWith(".."))
  throw new Error("Name a directory outside of this repository, where the others are installed");
if (values.install) {
  mkdirSync(home, { recursive: true });
  const folders = new Map(chosen.map((peer) => [folderOf(peer), peer]));
  for (const [folder, peer] of folders) {
    console.log(`Installing ${peer.name} in ${folder}`);
    await peer.install(folder);
  }
}
await compare();

function folderOf({ name, folder = name }: Peer): string {
  return join(home, folder);
}

async function compare(): Promise<void> {
  await withStack(async ({ stack, after }) => {
    const articles = MISSES * (rounds + 1);
    const code = await bundleProduct();
    const { uid } = await fillBench(stack, code, articles);
    const memory = await startRaw({ code, texts: settingsOf(stack), services: true });
    after(memory.stop);
    const ours = (n: number): string => `/v1/spaces/${SPACE}/content/${TYPE}/${slugOf(n)}`;
    const list = `/v1/spaces/${SPACE}/content/${TYPE}?limit=20&sort=words&include=author`;
    const generator = strongest();
    after(generator.stop);
    const floors = await startFloors(stack, uid, await answersOf(memory.port, list, ours(0)), CONNECTIONS);
    after(floors.stop);
    const started: { readonly name: string; readonly peer: Started }[] = [];
    for (const peer of chosen) {
      const one = await peer.start(folderOf(peer), await emptyDatabase(stack, peer.name), articles);
      after(one.stop);
      started.push({ name: peer.name, peer: one });
      console.log(`${peer.name}: ${one.about}`);
    }

    const imported = await importRate(stack, code, articles);
    console.log(`\n${articles} articles brought in, a second; wanted: ≥ ${WANTED_IMPORT} × each of them`);
    console.table([
      {
        system: "meridian",
        "articles/s": Math.round(imported),
        "Meridian's, times": "",
        how: "POST imports, to the job's end",
      },
      ...started.map(({ name, peer: { filled } }) => ({
        system: name,
        "articles/s": Math.round(filled),
        "Meridian's, times": (imported / filled).toFixed(1),
        how: FILLED_BY[name],
      })),
    ]);

    const numbers = (round: number): readonly number[] => Array.from({ length: MISSES }, (_, n) => round * MISSES + n);
    const placesOf = (name: string, port: number, many: string, one: (n: number) => string): readonly Place[] => [
      { name: `${name} list`, load: () => ({ port, paths: [many], connections: CONNECTIONS, seconds: SECONDS }) },
      { name: `${name} one`, load: () => ({ port, paths: [one(0)], connections: CONNECTIONS, seconds: SECONDS }) },
      {
        name: `${name} miss`,
        load: (round) => ({ port, paths: numbers(round).map(one), connections: CONNECTIONS }),
      },
    ];
    const places = [
      ...placesOf("meridian", memory.port, list, ours),
      ...floors.places(numbers, SECONDS),
      ...started.flatMap(({ name, peer }) => placesOf(name, peer.port, peer.list, peer.one)),
    ];
    for (const [name, port, many, one] of [
      ["meridian", memory.port, list, ours(0)] as const,
      ...started.map(({ name, peer }) => [name, peer.port, peer.list, peer.one(0)] as const),
    ])
      console.log(`${name}: ${await sizes(port, many, one)}`);
    for (const place of places) await generator.run(place.load(rounds));
    const seen = await interleave(places, rounds, generator, undefined);
    const rates = (name: string): readonly number[] => seen.get(name)?.rates ?? [];
    console.log(
      `\nWhat is asked again and again is asked by ${generator.name}; ${CONNECTIONS} connections, ${rounds} interleaved rounds; requests/s, and Meridian's in multiples of each (quartiles)`,
    );
    console.table(
      READS.map((read) => {
        const others = started.map(({ name }) => ({ name, rates: rates(`${name} ${read}`) }));
        const times = others.map((other) => {
          const each = rates(`meridian ${read}`).map((rate, round) => rate / (other.rates[round] ?? Number.NaN));
          return [`× ${other.name}`, `${median(each).toFixed(1)} (${quartiles(each, 1)})`];
        });
        return {
          read: {
            list: "list of 20, again and again",
            one: "one entry, again and again",
            miss: "one entry, each once",
          }[read],
          meridian: Math.round(median(rates(`meridian ${read}`))),
          "bare Worker": Math.round(median(rates(`bare ${read}`))),
          ...Object.fromEntries(others.map((one) => [one.name, Math.round(median(one.rates))])),
          ...Object.fromEntries(times),
          wanted: `≥ ${WANTED[read]}`,
        };
      }),
    );
  });
}

/** What is asked for a time by wrk, where it is installed: two processors are few, and Node's sockets take one of them from whoever answers. */
function strongest(): Generator {
  const node = startGenerator();
  const wrk = findWrk();
  if (wrk === undefined) return node;
  return { ...wrk, run: (load) => (load.seconds === undefined ? node : wrk).run(load), stop: node.stop };
}

/** Throws when one of them does not say what it has to: its author, its text. */
async function sizes(port: number, many: string, one: string): Promise<string> {
  const text = async (path: string, said: readonly string[]): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`);
    const body = await answer.text();
    const missing = said.filter((word) => !body.includes(word));
    if (missing.length > 0)
      throw new Error(`${path} answers ${answer.status} without ${missing.join(", ")}: ${body.slice(0, 300)}`);
    return body;
  };
  const list = await text(many, ["Paragraph 0. ", "Paragraph 19. ", "Author 7", "t7"]);
  const entry = await text(one, ["Paragraph 0. ", "Article 0"]);
  return `a list of ${list.length} characters, an entry of ${entry.length}`;
}

/** On the same server as Meridian's primary. */
async function emptyDatabase(stack: Stack, name: string): Promise<Database> {
  const url = new URL(primaryOf(stack, "us"));
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return { host: url.hostname, port: Number(url.port), user: url.username, name };
}
