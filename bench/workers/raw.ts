// Workers on bare `workerd serve`, without an emulator: for floors and memory hits, where anything in between would be what is measured.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "../../local/ports.ts";
import { COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, type Running, workerdBinary } from "./bundle.ts";
import { SERVICES, WALLS } from "./settings.ts";

export interface RawWorker {
  readonly code: string;
  readonly texts?: Readonly<Record<string, string>>;
  /** The product's bindings: a Durable Object in memory, a cache in memory, and a service that swallows what queues and R2 are sent. */
  readonly services?: boolean;
}

export interface RawRunning extends Running {
  /** Speaks the Chrome DevTools protocol; the Worker's target is `main`. Only when asked for. */
  readonly inspector: number | undefined;
}

/** A cache as workerd asks for it: GET finds (504 when it does not), PUT carries a whole HTTP response, PURGE forgets. */
const CACHE = `const kept = new Map();
export default { async fetch(request) {
  const key = (request.headers.get("cf-cache-namespace") ?? "") + " " + request.url;
  if (request.method === "PUT") {
    const bytes = new Uint8Array(await request.arrayBuffer());
    let end = 0;
    while (!(bytes[end] === 13 && bytes[end + 1] === 10 && bytes[end + 2] === 13 && bytes[end + 3] === 10)) end += 1;
    const [status, ...lines] = new TextDecoder().decode(bytes.subarray(0, end)).split("\\r\\n");
    const headers = lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])
      .filter(([name]) => !/^(transfer-encoding|content-length|connection)$/i.test(name));
    const age = Number(/max-age=(\\d+)/.exec(new Headers(headers).get("cache-control") ?? "")?.[1] ?? 0);
    kept.set(key, { status: Number(status.split(" ")[1]), headers, body: bytes.subarray(end + 4), until: Date.now() + age * 1000 });
    return new Response(null, { status: 204 });
  }
  if (request.method === "PURGE") return new Response(null, { status: kept.delete(key) ? 200 : 404 });
  const found = kept.get(key);
  if (found === undefined || found.until < Date.now()) return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
  return new Response(found.body, { status: found.status, headers: [...found.headers, ["cf-cache-status", "HIT"]] });
} };`;
const SINK = `export default { async fetch(request) { await request.arrayBuffer(); return new Response(null, { status: 204 }); } };`;
const WALL = `export default () => ({ limit: async () => ({ success: true }) });`;

export async function startRaw(
  worker: RawWorker,
  { inspector = false }: { inspector?: boolean } = {},
): Promise<RawRunning> {
  const directory = mkdtempSync(join(tmpdir(), "meridian-workerd-"));
  const port = await freePort();
  const inspecting = inspector ? await freePort() : undefined;
  writeFileSync(join(directory, "worker.js"), worker.code);
  writeFileSync(join(directory, "config.capnp"), configOf(worker, port));
  const about = ["serve", join(directory, "config.capnp")];
  if (inspecting !== undefined) about.push(`--inspector-addr=127.0.0.1:${inspecting}`);
  const child = spawn(workerdBinary(), about, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk).slice(-8000);
  });
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await gone;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await until("workerd answers", 30_000, async () => {
      if (child.exitCode !== null) throw new Error(`workerd ended:\n${said}`);
      return fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, inspector: inspecting, stop };
}

/** Cap'n Proto's text: its strings are escaped as JSON's are. */
export function configOf({ texts = {}, services = false }: RawWorker, port: number): string {
  const text = JSON.stringify;
  const bindings = Object.entries(texts).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
  if (services) {
    bindings.push(
      '(name = "VERSION", json = "{\\"id\\":\\"bench\\"}")',
      '(name = "SHIELD", durableObjectNamespace = "Shield")',
    );
    for (const name of WALLS) bindings.push(`(name = "${name}", wrapped = (moduleName = "bench:wall"))`);
    bindings.push('(name = "CHANGES", queue = "sink")');
    for (const name of SERVICES) {
      const kind = name === "ASSETS" ? "service" : name === "BLOBS" ? "r2Bucket" : "queue";
      bindings.push(`(name = "${name}", ${kind} = "sink")`);
    }
  }
  const own = services
    ? `durableObjectNamespaces = [(className = "Shield", uniqueKey = "shield", enableSql = true)],
  durableObjectStorage = (inMemory = void),
  cacheApiOutbound = "cache",`
    : "";
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .main),
    (name = "cache", worker = (modules = [(name = "cache", esModule = ${text(CACHE)})], compatibilityDate = "${COMPATIBILITY_DATE}")),
    (name = "sink", worker = (modules = [(name = "sink", esModule = ${text(SINK)})], compatibilityDate = "${COMPATIBILITY_DATE}")),
    (name = "internet", network = (allow = ["public", "private", "local"]))
  ],
  extensions = [(modules = [(name = "bench:wall", internal = true, esModule = ${text(WALL)})])],
  sockets = [(name = "http", address = "127.0.0.1:${port}", service = "main", http = (cfBlobHeader = "MF-CF-Blob"))]
);
const main :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  compatibilityFlags = [${COMPATIBILITY_FLAGS.map((flag) => text(flag)).join(", ")}],
  ${own}
  bindings = [${bindings.join(", ")}]
);
`;
}
