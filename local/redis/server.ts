// The real Redis behind the Upstash gateway: our own server without persistence, or the one that REDIS_URL names.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Redis, Command as RedisCommand } from "ioredis";
import type { Keeper } from "../keeper.ts";
import { freePort, until } from "../ports.ts";
import type { Answered, RedisBackend, Reply } from "./backend.ts";
import { type Command, createScripts } from "./scripts.ts";

/** Copies the selected database to the next one, at one moment. */
const COPY = `local from, to = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('select', to) redis.call('flushdb') redis.call('select', from)
for _, key in ipairs(redis.call('keys', '*')) do redis.call('copy', key, key, 'db', to) end`;

export function findRedisServer(): string | undefined {
  for (const directory of (process.env.PATH ?? "").split(delimiter)) {
    const program = join(directory, "redis-server");
    try {
      accessSync(program, constants.X_OK);
      return program;
    } catch {}
  }
  return undefined;
}

export async function startRedisServer(program: string, dataDir: string, keeper: Keeper): Promise<RedisBackend> {
  const directory = join(dataDir, "redis");
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const settings = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir: directory, logfile: "redis.log" };
  const child = spawn(
    program,
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { detached: true, stdio: "ignore" },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${program}`);
  keeper.watch(pid, "KILL");
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  return connectToRedis("redis-server", `redis://127.0.0.1:${port}/0`, async () => {
    child.kill("SIGKILL");
    await gone;
    keeper.forget(pid);
  });
}

export async function connectToRedis(
  kind: "redis-server" | "REDIS_URL",
  url: string,
  stopServer: () => Promise<void>,
): Promise<RedisBackend> {
  const db = Number(new URL(url).pathname.slice(1) || "0");
  const open = (database: number): Redis => {
    const client = new Redis(new URL(`/${database}`, url).href, {
      lazyConnect: true,
      maxRetriesPerRequest: 2,
      retryStrategy: () => 20,
    });
    client.on("error", () => {});
    return client;
  };
  const data = open(db);
  const copy = open(db + 1);
  const scripts = createScripts(true);
  await until(`Redis answers (${kind})`, 10_000, async () => {
    return data.ping().then(
      () => true,
      () => false,
    );
  });

  const send = async (client: Redis, command: Command): Promise<Answered> => {
    const [name, ...args] = command.map(String);
    try {
      const reply = await client.sendCommand(new RedisCommand(name ?? "", args, { replyEncoding: null }));
      return { result: flat(reply) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  };
  const translate = (client: Redis, command: Command): Promise<Answered> => {
    const translated = scripts.translate(command);
    if ("answer" in translated) return Promise.resolve({ result: translated.answer as Reply });
    return send(client, translated.command);
  };

  return {
    kind,
    async run(commands, atomic, fromCopy) {
      const client = fromCopy ? copy : data;
      if (!atomic) return Promise.all(commands.map((command) => translate(client, command)));
      // All are written before any other request can write: nothing comes between MULTI and EXEC.
      const begun = send(client, ["multi"]);
      const queued = commands.map((command) => translate(client, command));
      const ended = send(client, ["exec"]);
      await begun;
      const refused = (await Promise.all(queued)).find((one) => "error" in one);
      const done = await ended;
      if (refused !== undefined && "error" in refused) throw new Error(refused.error);
      if ("error" in done) throw new Error(done.error);
      return (done.result as readonly (Reply | Error)[]).map((result) =>
        result instanceof Error ? { error: result.message } : { result },
      );
    },
    async refreshCopy() {
      await data.eval(COPY, 0, db, db + 1);
    },
    async stop() {
      data.disconnect();
      copy.disconnect();
      await stopServer();
    },
  };
}

/** ioredis makes an object of HGETALL's reply; the protocol has a flat list. */
function flat(reply: unknown): Reply {
  const isObject = typeof reply === "object" && reply !== null && !Array.isArray(reply) && !Buffer.isBuffer(reply);
  return isObject ? Object.entries(reply as Readonly<Record<string, Buffer>>).flat() : (reply as Reply);
}
