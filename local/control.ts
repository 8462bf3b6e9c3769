// The control server, on the port after the Worker's: what the stack is made of, what it counted, and what goes wrong in it.
import { createServer, type IncomingMessage } from "node:http";
import type { Cluster } from "./cluster.ts";
import { type Conditions, DEFAULT_MODES, type Fault, type FaultMode, type Modes } from "./conditions.ts";
import type { Counters } from "./counters.ts";
import { type Listening, listen } from "./listen.ts";
import { POSTGRES_NODES, REDIS_NODE, SHARDS } from "./topology.ts";

export type ControlParts = {
  readonly cluster: Cluster;
  readonly conditions: Conditions;
  readonly counters: Counters;
  /** What the resolver knows. */
  readonly names: Map<string, readonly string[]>;
  /** What GET /topology answers. */
  readonly description: () => unknown;
  readonly modesChanged: () => Promise<void>;
};

type Answer = { readonly status: number; readonly body?: unknown };

const FAULT_MODES: readonly FaultMode[] = ["down", "error", "hang", "latency", "kill"];
const NODES: readonly string[] = [...POSTGRES_NODES, REDIS_NODE];
const READERS: readonly string[] = SHARDS.flatMap((shard) => shard.readers.map((reader) => reader.name));
const done: Answer = { status: 204 };
const wrong = (detail: string): Answer => ({ status: 400, body: { detail } });

export async function startControl(parts: ControlParts, port: number): Promise<Listening> {
  const server = createServer((request, response) => {
    void handle(parts, request)
      .catch((error: unknown): Answer => ({ status: 500, body: { detail: String(error) } }))
      .then(({ status, body }) => {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(body === undefined ? undefined : `${JSON.stringify(body)}\n`);
      });
  });
  return listen(server, port);
}

async function handle(parts: ControlParts, request: IncomingMessage): Promise<Answer> {
  const url = new URL(request.url ?? "/", "http://control");
  const [, resource = "", name] = url.pathname.split("/");
  const { counters, conditions } = parts;
  switch (`${request.method} ${resource}`) {
    case "GET topology":
      return { status: 200, body: parts.description() };
    case "GET counters":
      return { status: 200, body: url.searchParams.get("by") === "caller" ? counters.byCaller() : counters.total() };
    case "DELETE counters":
      counters.reset();
      return done;
    case "GET faults":
      return {
        status: 200,
        body: Object.fromEntries([...conditions.faults].map(([node, { fault }]) => [node, fault])),
      };
    case "PUT faults":
      return setFault(parts, name ?? "", await readJson(request));
    case "DELETE faults":
      for (const node of name === undefined ? [...conditions.faults.keys()] : [name]) await clearFault(parts, node);
      return done;
    case "PUT replay":
      return setReplay(parts, name ?? "", await readJson(request));
    case "PUT cron":
      return setCron(parts, await readJson(request));
    case "GET modes":
      return { status: 200, body: conditions.modes };
    case "PUT modes":
      return setModes(parts, await readJson(request));
    case "DELETE modes":
      return setModes(parts, { ...DEFAULT_MODES });
    case "GET names":
      return { status: 200, body: Object.fromEntries(parts.names) };
    case "PUT names":
      return setName(parts, name ?? "", await readJson(request));
    case "DELETE names":
      if (name === undefined) parts.names.clear();
      else parts.names.delete(name);
      return done;
    default:
      return { status: 404, body: { detail: `There is no ${request.method} ${url.pathname}` } };
  }
}

async function setFault(parts: ControlParts, node: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const mode = FAULT_MODES.find((one) => one === body.mode);
  const { ms, rate, after } = body;
  if (!NODES.includes(node)) return wrong(`There is no node "${node}"; there are ${NODES.join(", ")}`);
  if (mode === undefined) return wrong(`mode must be one of ${FAULT_MODES.join(", ")}`);
  if (ms !== undefined && (typeof ms !== "number" || !(ms >= 0))) return wrong("ms must be a number of milliseconds");
  if (mode === "latency" && ms === undefined) return wrong("latency needs ms");
  if (rate !== undefined && (typeof rate !== "number" || !(rate > 0 && rate <= 1)))
    return wrong("rate must be in (0, 1]");
  if (after !== undefined && typeof after !== "boolean") return wrong("after must be true or false");
  if (after === true && mode !== "error" && mode !== "hang") return wrong("after goes only with error and hang");
  if (mode === "kill" && node === REDIS_NODE) return wrong("only Postgres nodes can be killed; use down");

  const fault: Fault = {
    mode,
    ...(ms === undefined ? {} : { ms }),
    ...(rate === undefined ? {} : { rate }),
    ...(after === undefined ? {} : { after }),
  };
  if (mode !== "kill") await clearFault(parts, node);
  else await parts.cluster.servers.get(node)?.stop("immediate");
  parts.conditions.setFault(node, fault);
  return done;
}

async function clearFault({ cluster, conditions }: ControlParts, node: string): Promise<void> {
  if (conditions.faults.get(node)?.fault.mode === "kill") await cluster.servers.get(node)?.start();
  conditions.clearFault(node);
}

async function setReplay(
  parts: ControlParts,
  reader: string,
  body: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  if (!READERS.includes(reader)) return wrong(`There is no reader "${reader}"; there are ${READERS.join(", ")}`);
  if (typeof body.paused !== "boolean") return wrong("paused must be true or false");
  await parts.cluster.setReplay(reader, body.paused);
  return done;
}

function setCron({ conditions }: ControlParts, { paused }: Readonly<Record<string, unknown>>): Answer {
  if (typeof paused !== "boolean") return wrong("paused must be true or false");
  conditions.cron.isPaused = paused;
  return done;
}

function setName({ names }: ControlParts, name: string, { addresses }: Readonly<Record<string, unknown>>): Answer {
  if (!Array.isArray(addresses) || !addresses.every((one) => typeof one === "string"))
    return wrong("addresses must be a list of addresses");
  names.set(name, addresses);
  return done;
}

async function setModes(parts: ControlParts, body: Readonly<Record<string, unknown>>): Promise<Answer> {
  const modes: Record<string, number | boolean> & Modes = { ...parts.conditions.modes };
  for (const [name, value] of Object.entries(body)) {
    const now = modes[name];
    if (now === undefined) return wrong(`There is no mode "${name}"; there are ${Object.keys(modes).join(", ")}`);
    if (typeof value !== typeof now) return wrong(`${name} must be a ${typeof now}`);
    if (typeof value === "number" && !(value >= 0)) return wrong(`${name} must not be negative`);
    modes[name] = value as number | boolean;
  }
  Object.assign(parts.conditions.modes, modes);
  await parts.modesChanged();
  return { status: 200, body: parts.conditions.modes };
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString() || "{}");
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new Error("the body must be a JSON object");
  return body as Readonly<Record<string, unknown>>;
}
