// Speaks Upstash's REST protocol on loopback, in front of the Redis of this stack.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Conditions, Strike } from "./conditions.ts";
import type { Counters } from "./counters.ts";
import { type Listening, listen } from "./listen.ts";
import { pause } from "./ports.ts";
import type { Answered, RedisBackend, Reply } from "./redis/backend.ts";
import { READS } from "./redis/reads.ts";
import type { Command } from "./redis/scripts.ts";
import { REDIS_NODE } from "./topology.ts";

export type UpstashGateway = Listening & {
  readonly url: string;
  /** To be called when `redisStaleReadsMs` has changed: starts or ends the copying. */
  modesChanged(): Promise<void>;
};

type Given = { readonly status: number; readonly body: unknown; readonly token?: string };

export async function startUpstashGateway(
  redis: RedisBackend,
  token: string,
  conditions: Conditions,
  counters: Counters,
): Promise<UpstashGateway> {
  const { modes } = conditions;
  // Writes are numbered; the sync token that travels both ways is the number a client has seen.
  let written = 0;
  let copied = 0;
  let copying: NodeJS.Timeout | undefined;

  const refreshCopy = async (): Promise<void> => {
    const seen = written;
    await redis.refreshCopy();
    copied = seen;
  };
  const execute = async (path: string, commands: readonly Command[], seen: number): Promise<Given> => {
    const isRead = commands.every((command) => READS.has(String(command[0]).toLowerCase()));
    const fromCopy = isRead && copying !== undefined && seen <= copied;
    const answers = await redis.run(commands, path === "/multi-exec", fromCopy);
    if (!isRead) written += 1;
    const token = String(Math.max(seen, fromCopy ? copied : written));
    if (path !== "/") return { status: 200, body: answers, token };
    const only = answers[0] ?? { error: "ERR empty command" };
    return { status: "error" in only ? 400 : 200, body: only, token };
  };
  const answer = async (request: IncomingMessage, body: Buffer): Promise<Given | "silence"> => {
    if (request.headers.authorization !== `Bearer ${token}`) {
      return { status: 401, body: { error: "WRONGPASS invalid or missing auth token" } };
    }
    const limit = modes.maxBodyBytes;
    if (limit > 0 && body.length > limit) {
      return { status: 413, body: { error: `ERR max request size exceeded. Limit: ${limit} bytes` } };
    }
    const path = request.url ?? "/";
    let commands: readonly Command[];
    try {
      commands = readCommands(path, body.toString());
    } catch (error) {
      return { status: 400, body: { error: `ERR ${error instanceof Error ? error.message : "unreadable request"}` } };
    }
    counters.redis(commands.length);
    if (modes.redisLatencyMs > 0) await pause(modes.redisLatencyMs);
    const strike = await conditions.meet(REDIS_NODE);
    if (strike !== undefined && !strike.after) return struck(strike);
    try {
      const given = await execute(path, commands, Number(request.headers["upstash-sync-token"]) || 0);
      return strike === undefined ? given : struck(strike);
    } catch (error) {
      return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } };
    }
  };
  const struck = async ({ mode }: Strike): Promise<Given | "silence"> => {
    if (mode === "error")
      return { status: 500, body: { error: "ERR internal error (fault set by the control server)" } };
    if (mode === "hang") await conditions.whileHanging(REDIS_NODE);
    return "silence";
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const asBase64 = request.headers["upstash-encoding"] === "base64";
      void answer(request, Buffer.concat(chunks))
        .catch((error: unknown): Given => ({ status: 500, body: { error: `ERR the gateway failed: ${error}` } }))
        .then((given) => send(response, given, asBase64));
    });
  });
  const listening = await listen(server);
  return {
    ...listening,
    url: `http://127.0.0.1:${listening.port}`,
    async modesChanged() {
      clearInterval(copying);
      copying = undefined;
      if (modes.redisStaleReadsMs === 0) return;
      await refreshCopy();
      copying = setInterval(() => void refreshCopy().catch(() => {}), modes.redisStaleReadsMs);
    },
    async stop() {
      clearInterval(copying);
      await listening.stop();
      await redis.stop();
    },
  };
}

function readCommands(path: string, text: string): readonly Command[] {
  const body = JSON.parse(text) as unknown;
  if (!Array.isArray(body)) throw new TypeError("the body is not a command");
  if (path === "/") return [body as Command];
  if (path !== "/pipeline" && path !== "/multi-exec") throw new TypeError(`unknown path ${path}`);
  if (!body.every(Array.isArray)) throw new TypeError("the body is not a list of commands");
  return body as readonly Command[];
}

function send(response: ServerResponse, given: Given | "silence", asBase64: boolean): void {
  if (given === "silence") {
    response.destroy();
    return;
  }
  const shown = Array.isArray(given.body)
    ? given.body.map((one: Answered) => encode(one, asBase64))
    : encode(given.body as Answered, asBase64);
  const text = JSON.stringify(shown);
  response.writeHead(given.status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
    ...(given.token === undefined ? {} : { "Upstash-Sync-Token": given.token }),
  });
  response.end(text);
}

const encode = (answered: Answered, asBase64: boolean): unknown =>
  "error" in answered ? { error: answered.error } : { result: encodeReply(answered.result, asBase64, true) };

/** The SDK takes a bare `OK` at the top as it is, and decodes every other string. */
function encodeReply(reply: Reply, asBase64: boolean, isTop: boolean): unknown {
  if (typeof reply === "number" || reply === null) return reply;
  if (typeof reply !== "string" && !Buffer.isBuffer(reply)) {
    return (reply as readonly Reply[]).map((one) => encodeReply(one, asBase64, false));
  }
  const bytes = Buffer.from(reply as string);
  const isOk = isTop && bytes.length === 2 && bytes[0] === 0x4f && bytes[1] === 0x4b;
  return isOk || !asBase64 ? bytes.toString() : bytes.toString("base64");
}
