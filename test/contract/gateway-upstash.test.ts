// The Upstash gateway against the client that the Worker uses, on the Redis of this machine and always on the in-process one.
import { Ratelimit } from "@upstash/ratelimit";
import { Redis } from "@upstash/redis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createConditions } from "../../local/conditions.ts";
import { createCounters } from "../../local/counters.ts";
import { startInProcessRedis } from "../../local/redis/in-process.ts";
import { startUpstashGateway, type UpstashGateway } from "../../local/upstash-gateway.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";

const stack = stackHere();
const control = openControl(stack.control);
const IN_PROCESS_TOKEN = "in-process";

let inProcess: UpstashGateway | undefined;
const conditions = createConditions();

beforeAll(async () => {
  inProcess = await startUpstashGateway(startInProcessRedis(), IN_PROCESS_TOKEN, conditions, createCounters([]));
});
afterAll(() => inProcess?.stop());
afterEach(() => control.restore());

let runs = 0;
/** Keys of one test alone. */
const fresh = (name: string): string => {
  runs += 1;
  return `gateway:${name}:${runs}`;
};

describe.each(["the stack's", "in-process"])("%s Redis", (which) => {
  let url = "";
  let token = "";
  let redis: Redis;

  beforeEach(() => {
    ({ url, token } = which === "in-process" ? { url: inProcess?.url ?? "", token: IN_PROCESS_TOKEN } : stack.redis);
    redis = new Redis({ url, token, retry: false });
  });

  test("values come back as they were written", async () => {
    const key = fresh("value");
    expect(await redis.set(key, 'é😀 "quoted"\n')).toBe("OK");
    expect(await redis.get(key)).toBe('é😀 "quoted"\n');
    await redis.set(key, { a: [1, null, "x"] });
    expect(await redis.get(key)).toEqual({ a: [1, null, "x"] });
    await redis.set(key, "OK");
    expect(await redis.get(key)).toBe("OK");
    expect(await redis.get(fresh("absent"))).toBeNull();
    expect(await redis.del(key)).toBe(1);
  });

  test("counters, expiry, hashes and sorted sets", async () => {
    const [count, hash, sorted] = [fresh("count"), fresh("hash"), fresh("sorted")];
    expect([await redis.incr(count), await redis.incrby(count, 41)]).toEqual([1, 42]);
    expect(await redis.pexpire(count, 60_000)).toBe(1);
    expect(await redis.pttl(count)).toBeGreaterThan(50_000);
    expect(await redis.set(count, 1, { nx: true })).toBeNull();
    await redis.set(count, 5, { px: 30 });
    await expect.poll(() => redis.get(count)).toBeNull();
    expect(await redis.hset(hash, { one: 1, two: "zwei" })).toBe(2);
    expect(await redis.hgetall(hash)).toEqual({ one: 1, two: "zwei" });
    await redis.zadd(sorted, { score: 3, member: "c" }, { score: 1, member: "a" }, { score: 2, member: "b" });
    expect(await redis.zrange(sorted, 0, -1, { withScores: true })).toEqual(["a", 1, "b", 2, "c", 3]);
    expect(await redis.zrange(sorted, "(1", "+inf", { byScore: true })).toEqual(["b", "c"]);
    expect(await redis.zremrangebyrank(sorted, 0, 0)).toBe(1);
    expect(await redis.zscore(sorted, "c")).toBe(3);
  });

  test("a pipeline answers in order, and one command's error leaves the others alone", async () => {
    const key = fresh("pipeline");
    const results = await redis.pipeline().set(key, "text").incr(key).get(key).exec({ keepErrors: true });
    expect(results[0]).toMatchObject({ result: "OK" });
    expect(results[1]?.error).toMatch(/not an integer/);
    expect(results[2]).toMatchObject({ result: "text" });
    const auto = await Promise.all([redis.get(key), redis.strlen(key), redis.exists(key)]);
    expect(auto).toEqual(["text", 4, 1]);
  });

  test("a transaction is not interleaved", async () => {
    const key = fresh("multi");
    const both = (): Promise<[number, number]> => redis.multi().incr(key).incr(key).exec();
    for (const [first, second] of await Promise.all(Array.from({ length: 50 }, both))) expect(second).toBe(first + 1);
    expect(await redis.get(key)).toBe(100);
  });

  test("errors are UpstashErrors with what Redis says; a wrong token is refused", async () => {
    const key = fresh("error");
    await redis.set(key, "text");
    await expect(redis.lpush(key, "x")).rejects.toThrow(/WRONGTYPE/);
    await expect(redis.exec(["nonsense" as "get", key])).rejects.toThrow(/unknown command/i);
    await expect(new Redis({ url, token: "wrong", retry: false }).get(key)).rejects.toThrow(/WRONGPASS/);
  });

  test("scripts run with and without the line of flags, by text and by digest", async () => {
    const key = fresh("script");
    const script = `#!lua flags=allow-key-locking
      redis.call('set', KEYS[1], ARGV[1])
      redis.call('zadd', KEYS[2], 5, 'm')
      return {redis.call('get', KEYS[1]), 7, false, {redis.call('zscore', KEYS[2], 'm')}, redis.call('exists', 'nothing')}`;
    const wanted = ["é", 7, null, [5], 0];
    const sent = redis.createScript(script);
    expect(await sent.exec([key, `${key}:z`], ["é"])).toEqual(wanted);
    expect(await redis.evalsha(sent.sha1, [key, `${key}:z`], ["é"])).toEqual(wanted);
    expect(await redis.eval(script.replace(/^.*\n/, ""), [key, `${key}:z`], ["é"])).toEqual(wanted);
    const digest = await redis.scriptLoad("return ARGV[1]");
    expect(await redis.evalsha(digest, [], ["loaded"])).toBe("loaded");
    expect(await redis.scriptExists(digest, "0".repeat(40))).toEqual([1, 0]);
    await expect(redis.evalsha("1".repeat(40), [], [])).rejects.toThrow(/NOSCRIPT/);
    await expect(redis.eval("return redis.error_reply('REFUSED by script')", [], [])).rejects.toThrow(
      /REFUSED by script/,
    );
    expect(await redis.evalRo("return redis.call('get', KEYS[1])", [key], [])).toBe("é");
  });

  test("commands answer as Redis does, to the letter", async () => {
    const [z, h, l, s, t] = ["z", "h", "l", "s", "t"].map(fresh);
    const steps: [command: (string | number | undefined)[], wanted: unknown][] = [
      [["zadd", z, 1, "a", 2, "b", 2, "c", "-inf", "low"], 4],
      [["zadd", z, "gt", "ch", 1, "b", 9, "c"], 1],
      [["zadd", z, "NX", 5, "a", 5, "d"], 1],
      [["zadd", z, "XX", "LT", "CH", 0.5, "a", 7, "nobody"], 1],
      [["zadd", z, "INCR", 2, "d"], "7"],
      [["zadd", z, "x", "a"], { error: "ERR value is not a valid float" }],
      [
        ["zrange", z, 0, -1, "WITHSCORES"],
        ["low", "-inf", "a", "0.5", "b", "2", "d", "7", "c", "9"],
      ],
      [
        ["zrange", z, -2, -1],
        ["d", "c"],
      ],
      [
        ["zrange", z, 0, 1, "REV"],
        ["c", "d"],
      ],
      [["zrange", z, "(0.5", 7, "BYSCORE", "LIMIT", 1, 5], ["d"]],
      [
        ["zrange", z, "+inf", "-inf", "BYSCORE", "REV", "LIMIT", 0, 2, "WITHSCORES"],
        ["c", "9", "d", "7"],
      ],
      [["zrange", z, 0, 1, "LIMIT", 0, 1], { error: expect.stringMatching(/^ERR syntax error/) }],
      [
        ["zrangebyscore", z, 2, "(9", "WITHSCORES"],
        ["b", "2", "d", "7"],
      ],
      [
        ["zrevrangebyscore", z, 9, 2],
        ["c", "d", "b"],
      ],
      [
        ["zrevrange", z, 0, 0, "WITHSCORES"],
        ["c", "9"],
      ],
      [["zcount", z, "-inf", "(2"], 2],
      [["zrank", z, "b"], 2],
      [["zrevrank", z, "b"], 2],
      [["zrank", z, "nobody"], null],
      [
        ["zmscore", z, "a", "nobody"],
        ["0.5", null],
      ],
      [["zincrby", z, -1.5, "a"], "-1"],
      [
        ["zpopmin", z, 2],
        ["low", "-inf", "a", "-1"],
      ],
      [["zremrangebyscore", z, 2, 7], 2],
      [["zrem", z, "c", "nobody"], 1],
      [["exists", z], 0],
      [["zadd", z, 0, "a", 0, "ab", 0, "b"], 3],
      [
        ["zrange", z, "[a", "(b", "BYLEX"],
        ["a", "ab"],
      ],
      [
        ["zrange", z, "+", "-", "BYLEX", "REV"],
        ["b", "ab", "a"],
      ],
      [["hset", h, "a", 1, "b", 2], 2],
      [["hset", h, "a", 3], 0],
      [["hincrby", h, "a", -5], -2],
      [
        ["hmget", h, "a", "nobody", "b"],
        ["-2", null, "2"],
      ],
      [["hdel", h, "a", "b", "nobody"], 2],
      [["type", h], "none"],
      [["rpush", l, 1, 2, 3, 2], 4],
      [["lpush", l, 0], 5],
      [
        ["lrange", l, 1, -2],
        ["1", "2", "3"],
      ],
      [["lrem", l, -1, 2], 1],
      [
        ["lpop", l, 2],
        ["0", "1"],
      ],
      [["ltrim", l, 5, 9], "OK"],
      [["llen", l], 0],
      [["sadd", s, "a", "b", "a"], 2],
      [
        ["smismember", s, "a", "z"],
        [1, 0],
      ],
      [["srem", s, "a", "b"], 2],
      [["set", t, "é", "ex", 100, "nx"], "OK"],
      [["set", t, "other", "NX"], null],
      [["set", t, "new", "xx", "get", "keepttl"], "é"],
      [["ttl", t], 100],
      [["pexpire", t, 1, "GT"], 0],
      [["expire", t, 200, "gt"], 1],
      [["persist", t], 1],
      [["ttl", t], -1],
      [["pttl", fresh("absent")], -2],
      [["set", t, "x", "px", 0], { error: "ERR invalid expire time in 'set' command" }],
      [["incr", t], { error: "ERR value is not an integer or out of range" }],
      [["append", t, "é"], 5],
      [["getrange", t, -3, -1], "wé"],
      [["zadd", t, 1, "a"], { error: "WRONGTYPE Operation against a key holding the wrong kind of value" }],
      [["incrbyfloat", fresh("float"), 0.1], "0.1"],
      [["get"], { error: "ERR wrong number of arguments for 'get' command" }],
      [["expire", t, -1], 1],
      [["getdel", t], null],
    ];
    for (const [command, wanted] of steps) {
      const answer = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify(command),
      });
      const told = (await answer.json()) as { result?: unknown; error?: string };
      const isError = typeof wanted === "object" && wanted !== null && "error" in wanted;
      expect({ command, told }).toEqual({ command, told: isError ? wanted : { result: wanted } });
      expect(answer.status).toBe(isError ? 400 : 200);
    }
  });

  test("Lua counts, converts and fails as on Redis", async () => {
    const run = (script: string, ...args: (string | number)[]): Promise<unknown> =>
      redis.eval(script, [fresh("lua")], args);
    expect(await run("return 3.99")).toBe(3);
    expect(await run("return {1, 'x', false, {2}, nil, 'unreached'}")).toEqual([1, "x", null, [2]]);
    expect(await run("return {true, redis.status_reply('FINE')}")).toEqual([1, "FINE"]);
    expect(await run("return tostring(tonumber(ARGV[1]) * 1000 + 1)", 1795305600)).toBe(1795305600001);
    expect(await run("return 'n' .. 10 / 2 .. ':' .. tonumber(ARGV[1])", 7)).toBe("n5:7");
    expect(await run("return string.format('%05d|%.2f', 42, 1/3)")).toBe("00042|0.33");
    expect(await run("return math.floor(2147483647) + math.floor(1)")).toBe(2147483648);
    expect(await run("redis.call('set', KEYS[1], 2 ^ 31) return redis.call('incr', KEYS[1])")).toBe(2147483649);
    expect(await run("return redis.call('get', KEYS[1]) == false")).toBe(1);
    expect(await run("return redis.call('set', KEYS[1], 'v').ok")).toBe("OK");
    expect(await run("local r = redis.pcall('incr', KEYS[1], 'x') return r.err")).toMatch(/^ERR wrong number of arg/i);
    expect(await run("local a, b = unpack(redis.call('time')) return #a")).toBe(10);
    expect(await run("return {#ARGV, ARGV[2], #ARGV[1]}", "é", "b")).toEqual([2, "b", 2]);
    await expect(run("redis.call('set', KEYS[1], 'x') return redis.call('lpush', KEYS[1], 'y')")).rejects.toThrow(
      /WRONGTYPE/,
    );
    await expect(run("leaked = 1")).rejects.toThrow(/modify a readonly table/);
    await expect(run("return missing")).rejects.toThrow(/nonexistent global variable/);
    await expect(run("return nil + 1")).rejects.toThrow(/arithmetic/);
    await expect(run("return (")).rejects.toThrow(/compiling script/);
    await expect(redis.evalRo("return redis.call('set', KEYS[1], 1)", [fresh("ro")], [])).rejects.toThrow(/read-only/);
  });

  test.each([
    ["fixed", Ratelimit.fixedWindow(5, "1 d")],
    ["sliding", Ratelimit.slidingWindow(5, "1 d")],
  ])("the limiter's %s window lets five through and no more", async (name, limiter) => {
    const limit = new Ratelimit({ redis, limiter, prefix: fresh(name), ephemeralCache: false, timeout: 0 });
    const outcomes = [];
    for (let i = 0; i < 8; i += 1) outcomes.push(await limit.limit("someone"));
    expect(outcomes.map(({ success }) => success)).toEqual([true, true, true, true, true, false, false, false]);
    expect(outcomes[1]).toMatchObject({ limit: 5, remaining: 3 });
    expect((await limit.limit("another", { rate: 3 })).remaining).toBe(2);
    expect((await limit.getRemaining("another")).remaining).toBe(2);
  });

  test("the limiter stays exact when asked at once", async () => {
    const limit = new Ratelimit({
      redis,
      limiter: Ratelimit.fixedWindow(20, "1 d"),
      prefix: fresh("burst"),
      ephemeralCache: false,
      timeout: 0,
    });
    const outcomes = await Promise.all(Array.from({ length: 60 }, () => limit.limit("someone")));
    expect(outcomes.filter(({ success }) => success)).toHaveLength(20);
  });
});

describe("conditions", () => {
  const client = (options: { readYourWrites?: boolean } = {}): Redis =>
    new Redis({ ...stack.redis, retry: false, signal: () => AbortSignal.timeout(2000), ...options });

  test("a pipeline is one request", async () => {
    await control.resetCounters();
    const redis = client();
    await redis.pipeline().set("gateway:counted", 1).get("gateway:counted").exec();
    await redis.get("gateway:counted");
    expect((await control.counters()).redis).toEqual({ requests: 2, commands: 3 });
  });

  test("faults: down, error, hang, latency", async () => {
    const redis = client();
    await control.fault("redis", { mode: "down" });
    await expect(redis.get("x")).rejects.toThrow(/fetch failed/);
    await control.fault("redis", { mode: "error" });
    await expect(redis.get("x")).rejects.toThrow(/internal error/);
    await control.fault("redis", { mode: "hang" });
    await expect(redis.get("x")).rejects.toThrow(/timeout/i);
    await control.fault("redis", { mode: "latency", ms: 120 });
    const start = performance.now();
    await redis.get("x");
    expect(performance.now() - start).toBeGreaterThanOrEqual(119);
    await control.heal("redis");
    expect(await redis.set("x", 1)).toBe("OK");
  });

  test("stale reads come from an older copy, except for the client that wrote", async () => {
    const writer = client();
    await writer.set("gateway:stale", "old");
    await control.modes({ redisStaleReadsMs: 2500 });
    await writer.set("gateway:stale", "new");
    const other = client({ readYourWrites: false });
    expect(await other.get("gateway:stale")).toBe("old");
    expect(await writer.get("gateway:stale")).toBe("new");
    expect(await other.eval("return redis.call('get', KEYS[1])", ["gateway:stale"], [])).toBe("new");
    await expect.poll(() => other.get("gateway:stale"), { timeout: 20_000 }).toBe("new");
    await control.modes({ redisStaleReadsMs: 0, redisLatencyMs: 50 });
    const start = performance.now();
    await other.get("gateway:stale");
    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
  });
});
