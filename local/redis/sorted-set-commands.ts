// Sorted sets, for the in-process Redis.
import { sliceRange } from "./collection-commands.ts";
import { type Keyspace, RedisError } from "./keyspace.ts";
import { type Commands, floatText, type Reply, scanned, syntaxError, toFloat, toInteger } from "./replies.ts";
import {
  type Bound,
  createSortedSet,
  firstWhere,
  type Ranked,
  rangeByScore,
  rankOf,
  removeMember,
  type SortedSet,
  setScore,
} from "./sorted-set.ts";

const setOf = (keyspace: Keyspace, key: string): SortedSet => keyspace.read(key, "zset") ?? createSortedSet();

function scoreBound(text: string | undefined): Bound {
  const exclusive = text?.startsWith("(") ?? false;
  try {
    return { score: toFloat(exclusive ? text?.slice(1) : text), exclusive };
  } catch {
    throw new RedisError("ERR min or max is not a float");
  }
}

/** The first place at or after a lexical bound: `-`, `+`, `[member` or `(member`. */
function lexicalPlace({ order }: SortedSet, text: string | undefined, isEnd: boolean): number {
  if (text === "-") return 0;
  if (text === "+") return order.length;
  const member = text?.slice(1) ?? "";
  if (text?.startsWith("[")) return firstWhere(order, (one) => (isEnd ? one.member > member : one.member >= member));
  if (text?.startsWith("(")) return firstWhere(order, (one) => (isEnd ? one.member >= member : one.member > member));
  throw new RedisError("ERR min or max not valid string range item");
}

function add(keyspace: Keyspace, [key = "", ...rest]: readonly string[]): Reply {
  const options = new Set<string>();
  let first = 0;
  for (; /^(nx|xx|gt|lt|ch|incr)$/i.test(rest[first] ?? ""); first += 1) options.add((rest[first] ?? "").toUpperCase());
  const pairs = rest.slice(first);
  if (pairs.length === 0 || pairs.length % 2 !== 0) throw syntaxError();
  const scores = pairs.filter((_, i) => i % 2 === 0).map(toFloat);
  const set = keyspace.open(key, "zset");
  let [added, changed] = [0, 0];
  let last: number | null = null;
  for (const [i, given] of scores.entries()) {
    const member = pairs[2 * i + 1] ?? "";
    const before = set.scores.get(member);
    const score = options.has("INCR") ? (before ?? 0) + given : given;
    const isRefused =
      (options.has("NX") && before !== undefined) ||
      (options.has("XX") && before === undefined) ||
      (options.has("GT") && before !== undefined && score <= before) ||
      (options.has("LT") && before !== undefined && score >= before);
    last = isRefused ? null : score;
    if (isRefused) continue;
    if (before === undefined) added += 1;
    else if (before !== score) changed += 1;
    setScore(set, member, score);
  }
  keyspace.dropIfEmpty(key);
  if (options.has("INCR")) return last === null ? null : floatText(last);
  return options.has("CH") ? added + changed : added;
}

type RangeBy = "index" | "score" | "lex";

/** What ZRANGE and its older forms ask for; in reverse the bounds come as (max, min). */
function range(keyspace: Keyspace, args: readonly string[], by: RangeBy, reverse: boolean): readonly Ranked[] {
  const [key = "", start, stop, ...options] = args;
  const set = setOf(keyspace, key);
  const limit = options.findIndex((one) => one.toUpperCase() === "LIMIT");
  const [low, high] = reverse ? [stop, start] : [start, stop];
  let found: readonly Ranked[];
  if (by === "index") {
    const all = reverse ? set.order.toReversed() : set.order;
    return all.slice(...sliceRange(all.length, start, stop));
  }
  if (by === "score") found = set.order.slice(...rangeByScore(set, scoreBound(low), scoreBound(high)));
  else found = set.order.slice(lexicalPlace(set, low, false), lexicalPlace(set, high, true));
  if (reverse) found = found.toReversed();
  if (limit < 0) return found;
  const [offset, count] = [toInteger(options[limit + 1]), toInteger(options[limit + 2])];
  return found.slice(offset, count < 0 ? undefined : offset + count);
}

function show(found: readonly Ranked[], args: readonly string[]): Reply {
  const withScores = args.slice(3).some((one) => one.toUpperCase() === "WITHSCORES");
  return found.flatMap(({ member, score }) => (withScores ? [member, floatText(score)] : [member]));
}

function zrange(keyspace: Keyspace, args: readonly string[]): Reply {
  const options = args.slice(3).map((one) => one.toUpperCase());
  const by = options.includes("BYSCORE") ? "score" : options.includes("BYLEX") ? "lex" : "index";
  if (by === "index" && options.includes("LIMIT")) throw syntaxError();
  return show(range(keyspace, args, by, options.includes("REV")), args);
}

function removeAll(keyspace: Keyspace, key: string, doomed: readonly Ranked[]): number {
  const set = keyspace.read(key, "zset");
  if (set === undefined) return 0;
  for (const { member } of doomed) removeMember(set, member);
  keyspace.dropIfEmpty(key);
  return doomed.length;
}

function take(keyspace: Keyspace, [key = "", count]: readonly string[], reverse: boolean): Reply {
  const wanted = count === undefined ? 1 : toInteger(count);
  const taken = range(keyspace, [key, "0", String(wanted - 1)], "index", reverse);
  if (wanted > 0) removeAll(keyspace, key, taken);
  return wanted > 0 ? taken.flatMap(({ member, score }) => [member, floatText(score)]) : [];
}

const scoreText = (score: number | undefined): string | null => (score === undefined ? null : floatText(score));

export const SORTED_SET_COMMANDS: Commands = {
  zadd: [3, add],
  zincrby: [3, (k, [key = "", by = "", member = ""]) => add(k, [key, "INCR", by, member])],
  zscore: [2, (k, [key = "", member = ""]) => scoreText(setOf(k, key).scores.get(member))],
  zmscore: [2, (k, [key = "", ...members]) => members.map((member) => scoreText(setOf(k, key).scores.get(member)))],
  zcard: [1, (k, [key = ""]) => setOf(k, key).order.length],
  zcount: [3, (k, args) => range(k, args, "score", false).length],
  zlexcount: [3, (k, args) => range(k, args, "lex", false).length],
  zrank: [2, (k, [key = "", member = ""]) => rankOf(setOf(k, key), member) ?? null],
  zrevrank: [
    2,
    (k, [key = "", member = ""]) => {
      const set = setOf(k, key);
      const rank = rankOf(set, member);
      return rank === undefined ? null : set.order.length - 1 - rank;
    },
  ],
  zrange: [3, zrange],
  zrevrange: [3, (k, args) => show(range(k, args, "index", true), args)],
  zrangebyscore: [3, (k, args) => show(range(k, args, "score", false), args)],
  zrevrangebyscore: [3, (k, args) => show(range(k, args, "score", true), args)],
  zrangebylex: [3, (k, args) => show(range(k, args, "lex", false), [])],
  zrem: [
    2,
    (k, [key = "", ...members]) => {
      const set = k.read(key, "zset");
      const gone = set === undefined ? 0 : members.filter((member) => removeMember(set, member)).length;
      k.dropIfEmpty(key);
      return gone;
    },
  ],
  zremrangebyscore: [3, (k, args) => removeAll(k, args[0] ?? "", range(k, args, "score", false))],
  zremrangebyrank: [3, (k, args) => removeAll(k, args[0] ?? "", range(k, args, "index", false))],
  zremrangebylex: [3, (k, args) => removeAll(k, args[0] ?? "", range(k, args, "lex", false))],
  zpopmin: [1, (k, args) => take(k, args, false)],
  zpopmax: [1, (k, args) => take(k, args, true)],
  zscan: [
    2,
    (k, [key = "", , ...options]) => {
      return scanned(
        setOf(k, key).order.flatMap(({ member, score }) => [member, floatText(score)]),
        options,
        2,
      );
    },
  ],
};
