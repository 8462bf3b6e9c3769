// The Redis of machines that have none, inside this process. A command, a script or a transaction runs in one turn: all are atomic.
import type { Answered, RedisBackend, Reply as WireReply } from "./backend.ts";
import { COLLECTION_COMMANDS } from "./collection-commands.ts";
import { createKeyspace, type Keyspace, RedisError } from "./keyspace.ts";
import { createLua, isStatus, type Lua } from "./lua.ts";
import { READS } from "./reads.ts";
import { type Commands, type Reply, toInteger } from "./replies.ts";
import { type Command, createScripts } from "./scripts.ts";
import { SORTED_SET_COMMANDS } from "./sorted-set-commands.ts";
import { STRING_COMMANDS } from "./string-commands.ts";

const COMMANDS: Commands = { ...STRING_COMMANDS, ...COLLECTION_COMMANDS, ...SORTED_SET_COMMANDS };

/** Commands that take no more than they need. */
const EXACT: ReadonlySet<string> = new Set(
  `get setnx setex psetex getset getdel strlen append getrange incr decr incrby decrby incrbyfloat type persist pttl ttl
   keys dbsize echo time hget hgetall hkeys hvals hlen hexists hincrby hincrbyfloat hsetnx llen lindex lrange ltrim lrem
   smembers scard sismember zscore zcard zincrby zcount zlexcount zremrangebyscore zremrangebyrank zremrangebylex`.split(
    /\s+/,
  ),
);

export function startInProcessRedis(): RedisBackend {
  const data = createKeyspace();
  const copy = createKeyspace();
  const scripts = createScripts(false);
  const lua = createLua();

  const answer = (keyspace: Keyspace, command: Command): Answered => {
    const translated = scripts.translate(command);
    if ("answer" in translated) return { result: translated.answer as WireReply };
    try {
      const args = translated.command.map((one) => Buffer.from(String(one)).toString("latin1"));
      return { result: toWire(execute(keyspace, lua, args)) };
    } catch (error) {
      if (error instanceof RedisError) return { error: error.message };
      throw error;
    }
  };
  return {
    kind: "in-process",
    run: (commands, _atomic, fromCopy) => {
      const keyspace = fromCopy ? copy : data;
      return Promise.resolve(commands.map((command) => answer(keyspace, command)));
    },
    refreshCopy() {
      copy.copyFrom(data);
      return Promise.resolve();
    },
    stop: () => Promise.resolve(),
  };
}

function execute(keyspace: Keyspace, lua: Lua, [name = "", ...args]: readonly string[]): Reply {
  const verb = name.toLowerCase();
  if (verb === "eval" || verb === "eval_ro") return evaluate(keyspace, lua, args, verb === "eval_ro");
  if (verb === "evalsha" || verb === "evalsha_ro") {
    throw new RedisError("NOSCRIPT No matching script. Please use EVAL.");
  }
  const known = Object.hasOwn(COMMANDS, verb) ? COMMANDS[verb] : undefined;
  if (known === undefined) throw new RedisError(`ERR unknown command '${name}'`);
  const [atLeast, handler] = known;
  if (args.length < atLeast || (args.length > atLeast && EXACT.has(verb))) {
    throw new RedisError(`ERR wrong number of arguments for '${verb}' command`);
  }
  return handler(keyspace, args);
}

function evaluate(keyspace: Keyspace, lua: Lua, args: readonly string[], readOnly: boolean): Reply {
  const [script = "", count, ...rest] = args;
  const keys = toInteger(count);
  if (keys < 0 || keys > rest.length) throw new RedisError("ERR Number of keys can't be greater than number of args");
  return lua.run(script, rest.slice(0, keys), rest.slice(keys), (command) => {
    const verb = (command[0] ?? "").toLowerCase();
    if (verb.startsWith("eval")) throw new RedisError("ERR This Redis command is not allowed from script");
    if (readOnly && !READS.has(verb)) {
      throw new RedisError("ERR Write commands are not allowed from read-only scripts.");
    }
    return execute(keyspace, lua, command);
  });
}

function toWire(reply: Reply): WireReply {
  if (typeof reply === "string") return Buffer.from(reply, "latin1");
  if (typeof reply === "number" || reply === null) return reply;
  return isStatus(reply) ? reply.ok : (reply as readonly Reply[]).map(toWire);
}
