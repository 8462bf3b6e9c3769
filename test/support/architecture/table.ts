// The house as data: who may see whom, which packages a room may use, and what is allowed in one place only.

export type Room =
  | "worker"
  | "compose"
  | "config"
  | "kernel"
  | "domain"
  | "context"
  | "platform"
  | "adapters"
  | "http"
  | "jobs";

/** What an import leads to, seen from the importing file: a room, or a part of a context. */
export type Target =
  | Exclude<Room, "domain" | "context">
  /** The importer's own context; for a domain: its own domain. */
  | "own"
  /** `contexts/<c>/<c>.ts` of another room's context; which context may ask which is in `KNOWS`. */
  | "door"
  /** The same, but only for types: a port that an adapter implements leaves nothing behind at run time. */
  | "door types"
  /** Any other file of another context. */
  | "inside"
  | "outside";

export interface Row {
  readonly sees: readonly Target[];
  readonly packages: readonly string[] | "any";
}

const SQL = ["drizzle-orm", "drizzle-orm/pg-core"];

export const TABLE: Readonly<Record<Room, Row>> = {
  kernel: { sees: ["kernel"], packages: [] },
  domain: { sees: ["kernel", "own"], packages: [] },
  platform: { sees: ["kernel", "platform"], packages: [...SQL, "lru-cache", "canonicalize"] },
  context: { sees: ["kernel", "platform", "own", "door"], packages: SQL },
  adapters: { sees: ["kernel", "platform", "adapters", "door types"], packages: "any" },
  http: {
    sees: ["kernel", "platform", "http", "door"],
    packages: ["hono", "zod", "zod-openapi", "jsonc-parser"],
  },
  jobs: { sees: ["kernel", "platform", "jobs", "door"], packages: ["zod"] },
  config: { sees: ["kernel", "platform"], packages: ["zod"] },
  compose: {
    sees: ["kernel", "platform", "adapters", "http", "jobs", "config", "compose", "door", "inside"],
    packages: [],
  },
  // The Durable Object classes that the platform finds by name are exported from here and written in adapters.
  worker: { sees: ["kernel", "compose", "config", "adapters"], packages: ["cloudflare:workers"] },
};

/** Which context may use the door of which. Written down, because it must stay free of cycles. */
export const KNOWS: Readonly<Record<string, readonly string[]>> = {
  tenancy: [],
  // A type's shape and the terms of a sort row belong to reading; writing has to produce them.
  authoring: ["delivery"],
  // What is found about an entry is shown with it.
  delivery: ["insight"],
  insight: [],
  // What is generated becomes an entry like any other.
  generation: ["authoring"],
  // What is told is what readers and editors are given; entity tags and preconditions are everybody's.
  webhooks: ["delivery", "tenancy"],
  // A line becomes what an editor's request would.
  transfer: ["authoring", "tenancy"],
};

/** Packages that are the business of certain rooms only, whatever else others may use. */
export const CONFINED: readonly {
  readonly packages: RegExp;
  readonly rooms: readonly Room[];
  readonly because: string;
}[] = [
  {
    packages: /^@neondatabase\/|^@upstash\/|^@cloudflare\//,
    rooms: ["adapters"],
    because: "vendor names live in adapters",
  },
  {
    packages: /^cloudflare:/,
    rooms: ["adapters", "worker"],
    because: "vendor names live in adapters; worker.ts alone is what the platform calls",
  },
  { packages: /^hono(?:\/|$)/, rooms: ["http"], because: "only http knows the transport" },
];

/** What a context may take from platform/database: ports that are bound to a space, and the shapes of their answers. */
export const BOUND_PORTS: ReadonlySet<string> = new Set(["Reader", "Home", "Answer", "Row", "Known", "SelfBinding"]);

/** Where an exception may be caught: the two translations, what stands before them, and the rooms that answer outages. */
export const CATCHERS: readonly RegExp[] = [
  /^src\/http\/problem(?:-[a-z-]+)?\.ts$/,
  /^src\/http\/http\.ts$/,
  /^src\/jobs\/jobs\.ts$/,
  /^src\/adapters\//,
  /^src\/platform\/(?:edge-cache|admission|resilience)\//,
];

/** Anything else that catches, counted, with the reason: usually a parser that knows no other way to say no. */
export const COUNTED_CATCHES: Readonly<Record<string, { readonly count: number; readonly because: string }>> = {
  "src/config.ts": { count: 1, because: "JSON.parse of a variable: every problem is reported in one message" },
};

/** Names that say nothing about what is inside. */
export const EMPTY_NAMES: ReadonlySet<string> = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "misc",
  "lib",
  "types",
  "service",
  "services",
  "manager",
  "managers",
  "base",
]);

export const LONGEST_FILE = 300;
export const NINE_IN_TEN = 200;

export const SCRIPTS: readonly string[] = ["dev", "dev:reset", "rebuild", "test", "check", "bench", "faults", "deploy"];
/** `undefined` is the top level of wrangler.toml, which `npm run dev` runs. */
export const ENVIRONMENTS: readonly (string | undefined)[] = [undefined, "staging", "production"];

export function roomOf(path: string): Room | undefined {
  const [src, first, second, third] = path.split("/");
  if (src !== "src" || first === undefined) return undefined;
  if (second === undefined) return /^(worker|compose|config)\.ts$/.exec(first)?.[1] as Room | undefined;
  if (first === "contexts") {
    if (third === undefined || KNOWS[second] === undefined) return undefined;
    return third === "domain" ? "domain" : "context";
  }
  return (["kernel", "platform", "adapters", "http", "jobs", "compose"] as const).find((room) => room === first);
}

export function contextOf(path: string): string | undefined {
  return /^src\/contexts\/([^/]+)\//.exec(path)?.[1];
}

export function isDoor(path: string): boolean {
  const context = contextOf(path);
  return context !== undefined && path === `src/contexts/${context}/${context}.ts`;
}
