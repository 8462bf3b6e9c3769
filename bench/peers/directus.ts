// Directus as it is installed, and with its own response cache in memory; read without credentials.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../local/ports.ts";
import { AUTHORS, fieldsOf, idOf } from "../workers/seed.ts";
import type { Database, Peer, Started } from "./peer.ts";
import { npmInstall, run, serve } from "./process.ts";

/** Its newest version at times depends on packages that a registry's mirror does not have yet. */
const VERSION = process.env["DIRECTUS_VERSION"] ?? "latest";
/** Of the policy that everybody without credentials has. */
const PUBLIC_POLICY = "abf8a154-5b1c-4a46-ac9c-7300570f4f17";
const ADMIN = { email: "bench@example.com", password: "only-for-this-measurement" };
const PAGE = 100;

export const directus: Peer = { name: "directus", install, start: startWith(false) };
export const directusCached: Peer = {
  ...directus,
  name: "directus_cached",
  folder: "directus",
  start: startWith(true),
};

async function install(directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{"private":true}\n');
  await npmInstall(directory, [`directus@${VERSION}`]);
  // It runs scripts of extensions and flows in a native module that is compiled while installing. Reads never touch it.
  const sandbox = join(directory, "node_modules", "isolated-vm");
  writeFileSync(join(sandbox, "isolated-vm.js"), "module.exports = {};\n");
}

function startWith(isCached: boolean): Peer["start"] {
  return (directory, database, articles) => start(directory, database, articles, isCached);
}

async function start(
  directory: string,
  { host, port, user, name }: Database,
  articles: number,
  isCached: boolean,
): Promise<Started> {
  const own = await freePort();
  const origin = `http://127.0.0.1:${own}`;
  const env = {
    HOST: "127.0.0.1",
    PORT: String(own),
    DB_CLIENT: "pg",
    DB_HOST: host,
    DB_PORT: String(port),
    DB_DATABASE: name,
    DB_USER: user,
    DB_PASSWORD: "",
    SECRET: "only-for-this-measurement-0123456789",
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    CACHE_ENABLED: String(isCached),
    CACHE_STORE: "memory",
    CACHE_TTL: "1h",
    CACHE_STATUS_HEADER: "X-Cache",
    RATE_LIMITER_ENABLED: "false",
    TELEMETRY: "false",
    LOG_LEVEL: "warn",
  };
  const program = { directory, command: process.execPath, env, log: join(directory, "directus.log") };
  const cli = join("node_modules", "directus", "cli.js");
  await run({ ...program, args: [cli, "bootstrap"] });
  const stop = await serve({ ...program, args: [cli, "start"] }, `${origin}/server/ping`);
  const filled = await fill(origin, articles);
  const { version } = JSON.parse(readFileSync(join(directory, "node_modules", "directus", "package.json"), "utf8")) as {
    version: string;
  };
  const list = "/items/articles?limit=20&sort=words&fields=*,author.*";
  await fetch(origin + list);
  const again = await fetch(origin + list);
  return {
    port: own,
    list,
    one: (n) => `/items/articles/${idOf(n)}`,
    about: isCached
      ? `${version}, its response cache in memory: a list asked twice is a ${again.headers.get("x-cache")}`
      : `${version}, without a response cache, as it is installed`,
    filled,
    stop,
  };
}

/** Answers articles a second: `POST /items`, a hundred at a time. */
async function fill(origin: string, articles: number): Promise<number> {
  const ask = async (path: string, body: unknown, token?: string): Promise<unknown> => {
    const response = await fetch(`${origin}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`Directus, POST ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : await response.json();
  };
  const login = (await ask("/auth/login", ADMIN)) as { data: { access_token: string } };
  const token = login.data.access_token;
  const key = {
    field: "id",
    type: "string",
    meta: {},
    schema: { is_primary_key: true, length: 64, has_auto_increment: false },
  };
  const field = (name: string, type: string) => ({ field: name, type, meta: {}, schema: {} });
  await ask(
    "/collections",
    { collection: "authors", schema: {}, meta: {}, fields: [key, field("name", "string")] },
    token,
  );
  const fields = [
    key,
    field("title", "json"),
    field("words", "integer"),
    field("author", "string"),
    field("body", "text"),
    { ...field("tags", "json"), meta: { special: ["cast-json"] } },
  ];
  await ask("/collections", { collection: "articles", schema: {}, meta: {}, fields }, token);
  await ask(
    "/relations",
    { collection: "articles", field: "author", related_collection: "authors", schema: null },
    token,
  );
  for (const collection of ["authors", "articles"])
    await ask(
      "/permissions",
      { policy: PUBLIC_POLICY, collection, action: "read", fields: ["*"], permissions: {} },
      token,
    );
  const authors = Array.from({ length: AUTHORS }, (_, n) => ({ id: `author-${n}`, name: `Author ${n}` }));
  await ask("/items/authors", authors, token);
  const began = performance.now();
  for (let first = 0; first < articles; first += PAGE) {
    const numbers = Array.from({ length: Math.min(PAGE, articles - first) }, (_, n) => first + n);
    await ask(
      "/items/articles",
      numbers.map((n) => ({ id: idOf(n), ...fieldsOf(n) })),
      token,
    );
  }
  return (articles * 1000) / (performance.now() - began);
}
