// Hashes, lists and sets, for the in-process Redis.
import { type Keyspace, RedisError } from "./keyspace.ts";
import { type Commands, floatText, OK, type Reply, scanned, toFloat, toInteger } from "./replies.ts";

function hashSet(keyspace: Keyspace, [key = "", ...pairs]: readonly string[]): number {
  if (pairs.length % 2 !== 0) throw new RedisError("ERR wrong number of arguments for 'hset' command");
  const hash = keyspace.open(key, "hash");
  const before = hash.size;
  for (let i = 0; i < pairs.length; i += 2) hash.set(pairs[i] ?? "", pairs[i + 1] ?? "");
  return hash.size - before;
}

function hashAdd(keyspace: Keyspace, key: string, field: string, add: (now: string) => string): string {
  const hash = keyspace.open(key, "hash");
  const sum = add(hash.get(field) ?? "0");
  hash.set(field, sum);
  return sum;
}

function push(keyspace: Keyspace, [key = "", ...items]: readonly string[], side: "push" | "unshift"): number {
  const list = keyspace.open(key, "list");
  for (const item of items) list[side](item);
  return list.length;
}

function pop(keyspace: Keyspace, [key = "", count]: readonly string[], side: "pop" | "shift"): Reply {
  const list = keyspace.read(key, "list");
  if (list === undefined) return null;
  const taken: string[] = [];
  for (let left = count === undefined ? 1 : toInteger(count); left > 0 && list.length > 0; left -= 1) {
    taken.push(list[side]() ?? "");
  }
  keyspace.dropIfEmpty(key);
  return count === undefined ? (taken[0] ?? null) : taken;
}

/** Redis's inclusive range, which counts from the end when negative, as slice() takes it. */
export function sliceRange(
  length: number,
  from: string | undefined,
  to: string | undefined,
): readonly [number, number] {
  const [start, end] = [toInteger(from), toInteger(to)];
  return [start < 0 ? Math.max(0, length + start) : start, (end < 0 ? length + end : end) + 1];
}

function listRemove(keyspace: Keyspace, [key = "", count, item]: readonly string[]): number {
  const list = keyspace.read(key, "list") ?? [];
  const wanted = toInteger(count);
  let left = wanted === 0 ? Number.POSITIVE_INFINITY : Math.abs(wanted);
  const doomed = new Set<number>();
  const places = [...list.keys()];
  for (const place of wanted < 0 ? places.reverse() : places) {
    if (left > 0 && list[place] === item) {
      doomed.add(place);
      left -= 1;
    }
  }
  const kept = list.filter((_, place) => !doomed.has(place));
  list.splice(0, list.length, ...kept);
  keyspace.dropIfEmpty(key);
  return doomed.size;
}

const fieldsOf = (keyspace: Keyspace, key: string): ReadonlyMap<string, string> =>
  keyspace.read(key, "hash") ?? new Map<string, string>();
const membersOf = (keyspace: Keyspace, key: string): ReadonlySet<string> =>
  keyspace.read(key, "set") ?? new Set<string>();

export const COLLECTION_COMMANDS: Commands = {
  hset: [3, hashSet],
  hsetnx: [
    3,
    (k, [key = "", field = "", value = ""]) => (fieldsOf(k, key).has(field) ? 0 : hashSet(k, [key, field, value])),
  ],
  hget: [2, (k, [key = "", field = ""]) => fieldsOf(k, key).get(field) ?? null],
  hmget: [2, (k, [key = "", ...fields]) => fields.map((field) => fieldsOf(k, key).get(field) ?? null)],
  hgetall: [1, (k, [key = ""]) => [...fieldsOf(k, key)].flat()],
  hkeys: [1, (k, [key = ""]) => [...fieldsOf(k, key).keys()]],
  hvals: [1, (k, [key = ""]) => [...fieldsOf(k, key).values()]],
  hlen: [1, (k, [key = ""]) => fieldsOf(k, key).size],
  hexists: [2, (k, [key = "", field = ""]) => (fieldsOf(k, key).has(field) ? 1 : 0)],
  hscan: [2, (k, [key = "", , ...options]) => scanned([...fieldsOf(k, key)].flat(), options, 2)],
  hdel: [
    2,
    (k, [key = "", ...fields]) => {
      const hash = k.read(key, "hash");
      const gone = fields.filter((field) => hash?.delete(field)).length;
      k.dropIfEmpty(key);
      return gone;
    },
  ],
  hincrby: [
    3,
    (k, [key = "", field = "", by]) => Number(hashAdd(k, key, field, (now) => String(toInteger(now) + toInteger(by)))),
  ],
  hincrbyfloat: [
    3,
    (k, [key = "", field = "", by]) => hashAdd(k, key, field, (now) => floatText(toFloat(now) + toFloat(by))),
  ],
  lpush: [2, (k, args) => push(k, args, "unshift")],
  rpush: [2, (k, args) => push(k, args, "push")],
  lpop: [1, (k, args) => pop(k, args, "shift")],
  rpop: [1, (k, args) => pop(k, args, "pop")],
  llen: [1, (k, [key = ""]) => k.read(key, "list")?.length ?? 0],
  lindex: [2, (k, [key = "", index]) => k.read(key, "list")?.at(toInteger(index)) ?? null],
  lrange: [
    3,
    (k, [key = "", from, to]) => {
      const list = k.read(key, "list") ?? [];
      return list.slice(...sliceRange(list.length, from, to));
    },
  ],
  ltrim: [
    3,
    (k, [key = "", from, to]) => {
      const list = k.read(key, "list") ?? [];
      const kept = list.slice(...sliceRange(list.length, from, to));
      list.splice(0, list.length, ...kept);
      k.dropIfEmpty(key);
      return OK;
    },
  ],
  lrem: [3, listRemove],
  sadd: [
    2,
    (k, [key = "", ...items]) => {
      const set = k.open(key, "set");
      const before = set.size;
      for (const item of items) set.add(item);
      return set.size - before;
    },
  ],
  srem: [
    2,
    (k, [key = "", ...items]) => {
      const set = k.read(key, "set");
      const gone = items.filter((item) => set?.delete(item)).length;
      k.dropIfEmpty(key);
      return gone;
    },
  ],
  spop: [
    1,
    (k, [key = "", count]) => {
      const set = k.read(key, "set");
      const taken = [...(set ?? [])].slice(0, count === undefined ? 1 : toInteger(count));
      for (const item of taken) set?.delete(item);
      k.dropIfEmpty(key);
      return count === undefined ? (taken[0] ?? null) : taken;
    },
  ],
  smembers: [1, (k, [key = ""]) => [...membersOf(k, key)]],
  scard: [1, (k, [key = ""]) => membersOf(k, key).size],
  sismember: [2, (k, [key = "", item = ""]) => (membersOf(k, key).has(item) ? 1 : 0)],
  smismember: [2, (k, [key = "", ...items]) => items.map((item) => (membersOf(k, key).has(item) ? 1 : 0))],
  sscan: [2, (k, [key = "", , ...options]) => scanned([...membersOf(k, key)], options, 1)],
};
