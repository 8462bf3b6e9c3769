// env → Config, or a refusal to start that names every problem at once.
import type { Endpoint, Shard, Topology } from "./platform/database/topology.ts";

export interface Config {
  readonly topology: Topology;
  readonly redisUrl: string;
  readonly redisToken: string;
  readonly rootKey: string;
  /** At least 32 characters: signs cursors, seals secrets, hashes tags. */
  readonly secret: string;
  /** Local stack only: http to loopback is allowed, Neon's address is replaced. */
  readonly development: boolean;
  readonly neonFetchEndpoint: string | undefined;
  readonly metricsToken: string | undefined;
  /** DNS over HTTPS (JSON form): where webhooks' names are resolved. */
  readonly resolverUrl: string;
  /** How far Redis's replicas may lag behind a change; 0 locally. */
  readonly redisLagSeconds: number;
  /** Share of unremarkable requests that get a log line, 0 to 1; errors, refusals by overload and slow ones always do. */
  readonly logSample: number;
  /** Who drafts entries; absent: nobody. */
  readonly generation: GenerationConfig | undefined;
}

export interface GenerationConfig {
  /** Of an OpenAI-compatible API, without a slash at its end. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly timeoutSeconds: number;
}

/** Less than a job's lease. */
const LONGEST_TIMEOUT = 50;

export type Environment = Readonly<Record<string, unknown>>;

const SETTINGS = [
  "TOPOLOGY",
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "ROOT_KEY",
  "SECRET",
  "DEVELOPMENT",
  "NEON_FETCH_ENDPOINT",
  "METRICS_TOKEN",
  "LOG_SAMPLE",
  "DNS_OVER_HTTPS",
  "REDIS_LAG_SECONDS",
  "GENERATION_URL",
  "GENERATION_KEY",
  "GENERATION_MODEL",
  "GENERATION_TIMEOUT_SECONDS",
];
const BINDINGS = [
  "ASSETS",
  "CHANGES",
  "DELIVERIES",
  "WORK",
  "GENERATION",
  "INSIGHT",
  "COUNTS",
  "DEAD_LETTERS",
  "SHIELD",
  "BLOBS",
  "WALL",
  "WRITE_WALL",
  "AUTH_WALL",
  "VERSION",
];

/** Throws one error whose message lists everything that is missing, malformed or unknown; it never quotes a secret. */
export function readConfig(env: Environment): Config {
  const problems: string[] = [];
  const known = new Set([...SETTINGS, ...BINDINGS]);
  for (const name of Object.keys(env)) if (!known.has(name)) problems.push(`${name}: there is no such setting`);
  for (const name of BINDINGS)
    if (env[name] === undefined) problems.push(`${name}: the binding is missing from wrangler.toml`);
  const text = (name: string): string => {
    const value = env[name];
    if (typeof value === "string" && value !== "") return value;
    problems.push(`${name}: missing`);
    return "";
  };
  const optional = (name: string): string | undefined => (env[name] === undefined ? undefined : text(name));
  const url = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "" && !URL.canParse(value)) problems.push(`${name}: not a URL`);
  };
  const config: Config = {
    topology: readTopology(text("TOPOLOGY"), problems),
    redisUrl: text("UPSTASH_REDIS_REST_URL"),
    redisToken: text("UPSTASH_REDIS_REST_TOKEN"),
    rootKey: text("ROOT_KEY"),
    secret: text("SECRET"),
    development: readFlag("DEVELOPMENT", optional("DEVELOPMENT"), problems),
    neonFetchEndpoint: optional("NEON_FETCH_ENDPOINT"),
    metricsToken: optional("METRICS_TOKEN"),
    logSample: readShare("LOG_SAMPLE", optional("LOG_SAMPLE"), problems),
    resolverUrl: optional("DNS_OVER_HTTPS") ?? "https://cloudflare-dns.com/dns-query",
    redisLagSeconds: readSeconds("REDIS_LAG_SECONDS", optional("REDIS_LAG_SECONDS") ?? "3", problems),
    generation: readGeneration(optional, problems),
  };
  url("DNS_OVER_HTTPS", config.resolverUrl);
  url("UPSTASH_REDIS_REST_URL", config.redisUrl);
  url("NEON_FETCH_ENDPOINT", config.neonFetchEndpoint);
  if (config.secret !== "" && config.secret.length < 32) problems.push("SECRET: shorter than 32 characters");
  if (!config.development && config.rootKey !== "" && config.rootKey.length < 32)
    problems.push("ROOT_KEY: shorter than 32 characters");
  if (!config.development && config.neonFetchEndpoint !== undefined)
    problems.push("NEON_FETCH_ENDPOINT: only with DEVELOPMENT=true");
  if (problems.length > 0)
    throw new Error(`Meridian does not start:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
  return config;
}

/** All of it, or none. The key goes to that address: not over the open network. */
function readGeneration(
  optional: (name: string) => string | undefined,
  problems: string[],
): GenerationConfig | undefined {
  const [url, key, model] = ["GENERATION_URL", "GENERATION_KEY", "GENERATION_MODEL"].map(optional);
  const timeout = optional("GENERATION_TIMEOUT_SECONDS");
  const seconds = timeout === undefined ? LONGEST_TIMEOUT : Number(timeout);
  if (!(seconds >= 1 && seconds <= LONGEST_TIMEOUT))
    problems.push(`GENERATION_TIMEOUT_SECONDS: not a number of seconds from 1 to ${LONGEST_TIMEOUT}`);
  if (url === undefined && key === undefined && model === undefined) {
    if (timeout !== undefined) problems.push("GENERATION_TIMEOUT_SECONDS: only with GENERATION_URL");
    return undefined;
  }
  for (const [name, value] of Object.entries({ GENERATION_URL: url, GENERATION_KEY: key, GENERATION_MODEL: model }))
    if (value === undefined) problems.push(`${name}: missing, and the others are there`);
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  const isLoopback =
    parsed?.hostname === "127.0.0.1" || parsed?.hostname === "localhost" || parsed?.hostname === "[::1]";
  if (url !== undefined && url !== "") {
    if (parsed === undefined) problems.push("GENERATION_URL: not a URL");
    else if (parsed.protocol !== "https:" && !(parsed.protocol === "http:" && isLoopback))
      problems.push("GENERATION_URL: neither https, nor http on this machine");
    else if (parsed.username !== "" || parsed.search !== "" || parsed.hash !== "")
      problems.push("GENERATION_URL: holds credentials, a query or a fragment");
  }
  return { url: (url ?? "").replace(/\/+$/, ""), key: key ?? "", model: model ?? "", timeoutSeconds: seconds };
}

function readFlag(name: string, value: string | undefined, problems: string[]): boolean {
  if (value !== undefined && value !== "true" && value !== "false")
    problems.push(`${name}: neither "true" nor "false"`);
  return value === "true";
}

function readShare(name: string, value: string | undefined, problems: string[]): number {
  const share = value === undefined ? 1 : Number(value);
  if (!(share >= 0 && share <= 1)) problems.push(`${name}: not a number from 0 to 1`);
  return share;
}

function readSeconds(name: string, value: string, problems: string[]): number {
  const number = Number(value);
  if (!(number >= 0 && number <= 60)) problems.push(`${name}: not a number of seconds from 0 to 60`);
  return number;
}

function readTopology(text: string, problems: string[]): Topology {
  const nothing: Topology = { home: "", shards: [] };
  if (text === "") return nothing;
  const parsed = parse(text);
  if (!isRecord(parsed) || typeof parsed["home"] !== "string" || !Array.isArray(parsed["shards"])) {
    problems.push('TOPOLOGY: not JSON of the form {"home": "us", "shards": [{name, residency, primary, readers}]}');
    return nothing;
  }
  const shards = parsed["shards"].map((shard, i) => readShard(shard, `TOPOLOGY.shards[${i}]`, problems));
  const topology = { home: parsed["home"], shards };
  if (!shards.some((shard) => shard.name === topology.home))
    problems.push(`TOPOLOGY.home: no shard is named "${topology.home}"`);
  for (const [what, values] of Object.entries({
    "shard names": shards.map((shard) => shard.name),
    residencies: shards.map((shard) => shard.residency),
    "endpoint names": shards.flatMap((shard) => [shard.primary, ...shard.readers].map((endpoint) => endpoint.name)),
  })) {
    if (new Set(values).size !== values.length) problems.push(`TOPOLOGY: ${what} are not unique`);
  }
  return topology;
}

function readShard(value: unknown, where: string, problems: string[]): Shard {
  const shard = isRecord(value) ? value : {};
  const readers = Array.isArray(shard["readers"]) ? shard["readers"] : [];
  return {
    name: word(shard["name"], `${where}.name`, problems),
    residency: word(shard["residency"], `${where}.residency`, problems),
    primary: readEndpoint(shard["primary"], `${where}.primary`, problems),
    readers: readers.map((reader, i) => readEndpoint(reader, `${where}.readers[${i}]`, problems)),
  };
}

function readEndpoint(value: unknown, where: string, problems: string[]): Endpoint {
  const endpoint = isRecord(value) ? value : {};
  const degrees = (name: "latitude" | "longitude", most: number): number => {
    const number = endpoint[name];
    if (typeof number === "number" && Math.abs(number) <= most) return number;
    problems.push(`${where}.${name}: not a number from -${most} to ${most}`);
    return 0;
  };
  const url = word(endpoint["url"], `${where}.url`, problems);
  if (url !== "" && !/^postgres(ql)?:\/\/[^@]+@[^/]+\/.+/.test(url))
    problems.push(`${where}.url: not a postgres:// connection string`);
  return {
    name: word(endpoint["name"], `${where}.name`, problems),
    region: word(endpoint["region"], `${where}.region`, problems),
    latitude: degrees("latitude", 90),
    longitude: degrees("longitude", 180),
    url,
  };
}

function word(value: unknown, where: string, problems: string[]): string {
  if (typeof value === "string" && value !== "") return value;
  problems.push(`${where}: missing`);
  return "";
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `undefined` when it is not JSON; the offending text may be a secret and is not quoted. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
