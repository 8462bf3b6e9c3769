// Texts, counters and what concerns keys of any kind, for the in-process Redis.
import { type Keyspace, RedisError } from "./keyspace.ts";
import {
  type Commands,
  floatText,
  globTest,
  OK,
  type Reply,
  scanned,
  syntaxError,
  toFloat,
  toInteger,
} from "./replies.ts";

const at = (args: readonly string[], index: number): string => args[index] ?? "";

/** When EX, PX, EXAT or PXAT says that a key ends, in milliseconds since 1970. */
function endOf(unit: string, text: string | undefined): number {
  const value = toInteger(text);
  if (value <= 0) throw new RedisError("ERR invalid expire time in 'set' command");
  if (unit === "EX") return Date.now() + value * 1000;
  if (unit === "PX") return Date.now() + value;
  return unit === "EXAT" ? value * 1000 : value;
}

function set(keyspace: Keyspace, args: readonly string[]): Reply {
  const [key = "", value = "", ...options] = args;
  let end: number | undefined;
  let condition = "";
  let wantsOld = false;
  for (let i = 0; i < options.length; i += 1) {
    const option = at(options, i).toUpperCase();
    if (option === "NX" || option === "XX") condition = option;
    else if (option === "GET") wantsOld = true;
    else if (option === "KEEPTTL") end = keyspace.expiryOf(key);
    else if (["EX", "PX", "EXAT", "PXAT"].includes(option)) {
      i += 1;
      end = endOf(option, options[i]);
    } else throw syntaxError();
  }
  const old = wantsOld ? (keyspace.read(key, "string") ?? null) : null;
  const exists = keyspace.kindOf(key) !== undefined;
  if ((condition === "NX" && exists) || (condition === "XX" && !exists)) return old;
  keyspace.putString(key, value, end);
  return wantsOld ? old : OK;
}

function add(keyspace: Keyspace, key: string, amount: number): number {
  const sum = toInteger(keyspace.read(key, "string") ?? "0") + amount;
  if (!Number.isSafeInteger(sum)) throw new RedisError("ERR increment or decrement would overflow");
  keyspace.putString(key, String(sum), keyspace.expiryOf(key));
  return sum;
}

function expire(keyspace: Keyspace, args: readonly string[], end: number): number {
  const key = at(args, 0);
  const now = keyspace.expiryOf(key);
  if (keyspace.kindOf(key) === undefined) return 0;
  switch (at(args, 2).toUpperCase()) {
    case "NX":
      if (now !== undefined) return 0;
      break;
    case "XX":
      if (now === undefined) return 0;
      break;
    case "GT":
      if (now === undefined || end <= now) return 0;
      break;
    case "LT":
      if (now !== undefined && end >= now) return 0;
      break;
    case "":
      break;
    default:
      throw new RedisError(`ERR Unsupported option ${at(args, 2)}`);
  }
  if (end <= Date.now()) keyspace.drop(key);
  else keyspace.setExpiry(key, end);
  return 1;
}

/** -2: no such key, -1: it never ends. */
function restOf(keyspace: Keyspace, key: string): number {
  const end = keyspace.expiryOf(key);
  if (end !== undefined) return Math.max(0, end - Date.now());
  return keyspace.kindOf(key) === undefined ? -2 : -1;
}

function slice(text: string, from: number, to: number): string {
  const start = from < 0 ? Math.max(0, text.length + from) : from;
  const end = to < 0 ? text.length + to : to;
  return text.slice(start, end + 1);
}

function pairs(args: readonly string[], command: string): [string, string][] {
  if (args.length % 2 !== 0) throw new RedisError(`ERR wrong number of arguments for '${command}' command`);
  return Array.from({ length: args.length / 2 }, (_, i) => [at(args, 2 * i), at(args, 2 * i + 1)]);
}

function flush(keyspace: Keyspace): Reply {
  keyspace.clear();
  return OK;
}

const dropAll = (keyspace: Keyspace, keys: readonly string[]): number =>
  keys.filter((key) => keyspace.drop(key)).length;
const existing = (keyspace: Keyspace, keys: readonly string[]): number =>
  keys.filter((key) => keyspace.kindOf(key) !== undefined).length;

export const STRING_COMMANDS: Commands = {
  get: [1, (k, [key = ""]) => k.read(key, "string") ?? null],
  set: [2, set],
  setnx: [2, (k, [key = "", value = ""]) => (set(k, [key, value, "NX"]) === null ? 0 : 1)],
  setex: [3, (k, [key = "", time = "", value = ""]) => set(k, [key, value, "EX", time])],
  psetex: [3, (k, [key = "", time = "", value = ""]) => set(k, [key, value, "PX", time])],
  getset: [2, (k, [key = "", value = ""]) => set(k, [key, value, "GET"])],
  getdel: [
    1,
    (k, [key = ""]) => {
      const value = k.read(key, "string") ?? null;
      k.drop(key);
      return value;
    },
  ],
  getex: [
    1,
    (k, [key = "", unit = "", time]) => {
      const value = k.read(key, "string") ?? null;
      if (value !== null && unit !== "") {
        k.setExpiry(key, unit.toUpperCase() === "PERSIST" ? undefined : endOf(unit.toUpperCase(), time));
      }
      return value;
    },
  ],
  mget: [1, (k, keys) => keys.map((key) => (k.kindOf(key) === "string" ? (k.read(key, "string") ?? null) : null))],
  mset: [
    2,
    (k, args) => {
      for (const [key, value] of pairs(args, "mset")) k.putString(key, value, undefined);
      return OK;
    },
  ],
  strlen: [1, (k, [key = ""]) => k.read(key, "string")?.length ?? 0],
  append: [
    2,
    (k, [key = "", more = ""]) => {
      const value = (k.read(key, "string") ?? "") + more;
      k.putString(key, value, k.expiryOf(key));
      return value.length;
    },
  ],
  getrange: [3, (k, [key = "", from, to]) => slice(k.read(key, "string") ?? "", toInteger(from), toInteger(to))],
  incr: [1, (k, [key = ""]) => add(k, key, 1)],
  decr: [1, (k, [key = ""]) => add(k, key, -1)],
  incrby: [2, (k, [key = "", by]) => add(k, key, toInteger(by))],
  decrby: [2, (k, [key = "", by]) => add(k, key, -toInteger(by))],
  incrbyfloat: [
    2,
    (k, [key = "", by]) => {
      const sum = floatText(toFloat(k.read(key, "string") ?? "0") + toFloat(by));
      k.putString(key, sum, k.expiryOf(key));
      return sum;
    },
  ],
  del: [1, dropAll],
  unlink: [1, dropAll],
  exists: [1, existing],
  touch: [1, existing],
  type: [1, (k, [key = ""]) => ({ ok: k.kindOf(key) ?? "none" })],
  expire: [2, (k, args) => expire(k, args, Date.now() + toInteger(args[1]) * 1000)],
  pexpire: [2, (k, args) => expire(k, args, Date.now() + toInteger(args[1]))],
  expireat: [2, (k, args) => expire(k, args, toInteger(args[1]) * 1000)],
  pexpireat: [2, (k, args) => expire(k, args, toInteger(args[1]))],
  persist: [1, (k, [key = ""]) => (k.expiryOf(key) !== undefined && k.setExpiry(key, undefined) ? 1 : 0)],
  pttl: [1, (k, [key = ""]) => restOf(k, key)],
  ttl: [
    1,
    (k, [key = ""]) => {
      const rest = restOf(k, key);
      return rest < 0 ? rest : Math.round(rest / 1000);
    },
  ],
  keys: [1, (k, [pattern = ""]) => k.keys().filter(globTest(pattern))],
  scan: [1, (k, [, ...options]) => scanned(k.keys(), options, 1)],
  dbsize: [0, (k) => k.keys().length],
  flushdb: [0, flush],
  flushall: [0, flush],
  ping: [0, (_, [text]) => text ?? { ok: "PONG" }],
  echo: [1, (_, [text = ""]) => text],
  time: [
    0,
    () => {
      const now = Date.now();
      return [String(Math.floor(now / 1000)), String((now % 1000) * 1000)];
    },
  ],
};
