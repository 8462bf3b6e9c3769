// A configuration that does not hold is refused at the start, with every problem in one message and no secret in it.
import { describe, expect, test } from "vitest";
import { type Environment, readConfig } from "../../src/config.ts";

const endpoint = (name: string, more: object = {}) => ({
  name,
  region: "r",
  latitude: 1,
  longitude: 2,
  url: `postgres://app:hunter2@${name}.example/db`,
  ...more,
});
const shard = (name: string, more: object = {}) => ({
  name,
  residency: name,
  primary: endpoint(`${name}-primary`),
  readers: [endpoint(`${name}-reader`)],
  ...more,
});
const topology = (more: object = {}) => JSON.stringify({ home: "us", shards: [shard("us"), shard("eu")], ...more });
const BINDINGS = [
  "ASSETS",
  "CHANGES",
  "DELIVERIES",
  "WORK",
  "GENERATION",
  "INSIGHT",
  "COUNTS",
  "DEAD_LETTERS",
  "SHIELD",
  "BLOBS",
  "WALL",
  "WRITE_WALL",
  "AUTH_WALL",
  "VERSION",
];
const SECRETS = {
  UPSTASH_REDIS_REST_TOKEN: "redis-token-hunter2",
  ROOT_KEY: "root-key-hunter2-root-key-hunter2",
  SECRET: "secret-hunter2-secret-hunter2-secret",
};
const good: Environment = {
  ...Object.fromEntries(BINDINGS.map((name) => [name, {}])),
  ...SECRETS,
  TOPOLOGY: topology(),
  UPSTASH_REDIS_REST_URL: "https://redis.example",
};
const local = { ...good, DEVELOPMENT: "true", NEON_FETCH_ENDPOINT: "http://127.0.0.1:1/sql" };

/** Its problems, one a line. */
function problems(env: Environment): string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as Error).message
      .split("\n")
      .slice(1)
      .map((line) => line.replace(/^ {2}- /, ""));
  }
}
const without = (...names: string[]): Environment =>
  Object.fromEntries(Object.entries(good).filter(([name]) => !names.includes(name)));

test("a complete configuration is read", () => {
  expect([problems(good), problems(local)]).toEqual([[], []]);
  const config = readConfig({ ...local, METRICS_TOKEN: "m", LOG_SAMPLE: "0.25" });
  expect([
    config.topology.home,
    config.topology.shards.length,
    config.development,
    config.metricsToken,
    config.logSample,
  ]).toEqual(["us", 2, true, "m", 0.25]);
});

test.each([...BINDINGS, ...Object.keys(SECRETS), "TOPOLOGY", "UPSTASH_REDIS_REST_URL"])(
  "without %s it is refused, by that name",
  (name) => {
    expect(problems(without(name))).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    expect(problems({ ...good, [name]: BINDINGS.includes(name) ? undefined : "" }).length).toBe(1);
  },
);

test("every problem is named at once", () => {
  const found = problems({
    ...without("ROOT_KEY", "WALL", "CHANGES"),
    TOPLOGY: "typo",
    SECRET: "short",
    UPSTASH_REDIS_REST_URL: "not a url",
    DEVELOPMENT: "yes",
    LOG_SAMPLE: "2",
    TOPOLOGY: "{",
  });
  expect(found.map((line) => line.split(":")[0]).sort()).toEqual([
    "CHANGES",
    "DEVELOPMENT",
    "LOG_SAMPLE",
    "ROOT_KEY",
    "SECRET",
    "TOPLOGY",
    "TOPOLOGY",
    "UPSTASH_REDIS_REST_URL",
    "WALL",
  ]);
});

describe("who drafts entries", () => {
  const all = { GENERATION_URL: "https://llm.example/v1/", GENERATION_KEY: "key-hunter2", GENERATION_MODEL: "m" };

  test("is configured as a whole, or not at all", () => {
    expect(readConfig(good).generation).toBeUndefined();
    expect(readConfig({ ...good, ...all }).generation).toEqual({
      url: "https://llm.example/v1",
      key: "key-hunter2",
      model: "m",
      timeoutSeconds: 50,
    });
    for (const name of Object.keys(all)) {
      const found = problems({ ...good, ...all, [name]: undefined });
      expect(found).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    }
    expect(problems({ ...good, GENERATION_TIMEOUT_SECONDS: "5" })).toHaveLength(1);
  });

  test.each([
    { GENERATION_URL: "not a url" },
    { GENERATION_URL: "http://llm.example/v1" },
    { GENERATION_URL: "ftp://llm.example/v1" },
    { GENERATION_URL: "https://user:hunter2@llm.example/v1" },
    { GENERATION_URL: "https://llm.example/v1?key=hunter2" },
    { GENERATION_TIMEOUT_SECONDS: "51" },
    { GENERATION_TIMEOUT_SECONDS: "0" },
    { GENERATION_TIMEOUT_SECONDS: "soon" },
  ])("and not wrongly: %j", (wrong) => {
    const found = problems({ ...good, ...all, ...wrong });
    expect(found).toHaveLength(1);
    expect(found.join()).not.toContain("hunter2");
  });

  test("on this machine without a certificate", () => {
    expect(problems({ ...good, ...all, GENERATION_URL: "http://127.0.0.1:11434/v1" })).toEqual([]);
  });
});

test.each(["REDIS_URL", "topology", "TOPOLOGY ", "NEW_FLAG", "ROOT_KEYS"])(
  "a setting that does not exist is refused: %s",
  (name) => {
    expect(problems({ ...good, [name]: "x" })).toEqual([`${name}: there is no such setting`]);
  },
);

describe("a topology", () => {
  test.each([
    ["that is no JSON", "{", "TOPOLOGY: not JSON"],
    ["that is no object", "[]", "TOPOLOGY: not JSON"],
    ["without shards", '{"home":"us"}', "TOPOLOGY: not JSON"],
    ["whose home is no shard", topology({ home: "mars" }), 'TOPOLOGY.home: no shard is named "mars"'],
    ["without any shard", topology({ shards: [] }), "TOPOLOGY.home"],
    [
      "with two shards of a name",
      topology({ shards: [shard("us"), shard("us", { residency: "eu" })] }),
      "TOPOLOGY: shard names are not unique",
    ],
    [
      "with two shards of a residency",
      topology({ shards: [shard("us"), shard("eu", { residency: "us" })] }),
      "TOPOLOGY: residencies are not unique",
    ],
    [
      "with two endpoints of a name",
      topology({ shards: [shard("us"), shard("eu", { readers: [endpoint("us-primary")] })] }),
      "TOPOLOGY: endpoint names are not unique",
    ],
    ["without a primary", topology({ shards: [shard("us", { primary: undefined })] }), "TOPOLOGY.shards[0].primary"],
    [
      "with a latitude off the earth",
      topology({ shards: [shard("us", { primary: endpoint("p", { latitude: 91 }) })] }),
      "TOPOLOGY.shards[0].primary.latitude",
    ],
    [
      "with an address that is none",
      topology({ shards: [shard("us", { readers: [endpoint("r", { url: "https://app:hunter2@x/db" })] })] }),
      "TOPOLOGY.shards[0].readers[0].url",
    ],
    ["with a shard that is none", topology({ shards: [7, shard("us")] }), "TOPOLOGY.shards[0].name"],
  ])("%s is refused", (_, text, problem) => {
    expect(problems({ ...good, TOPOLOGY: text }).join("\n")).toContain(problem);
  });
});

test("outside development the development settings are refused, and secrets must be long", () => {
  expect(problems({ ...good, NEON_FETCH_ENDPOINT: "http://127.0.0.1:1/sql" })).toEqual([
    expect.stringContaining("NEON_FETCH_ENDPOINT"),
  ]);
  expect(problems({ ...good, ROOT_KEY: "mrd_root_local" })).toEqual([expect.stringContaining("ROOT_KEY")]);
  expect(problems({ ...local, ROOT_KEY: "mrd_root_local" })).toEqual([]);
});

test("no message quotes a secret, however wrong it is", () => {
  const broken: readonly Environment[] = [
    { ...good, TOPOLOGY: topology().slice(0, -2) },
    {
      ...good,
      TOPOLOGY: topology({
        home: "mars",
        shards: [shard("us", { primary: endpoint("p", { url: "mysql://app:hunter2@x" }) })],
      }),
    },
    { ...good, UPSTASH_REDIS_REST_URL: "hunter2 is no url" },
    {
      ...good,
      SECRET: "hunter2",
      ROOT_KEY: "hunter2",
      NEON_FETCH_ENDPOINT: "hunter2",
      DEVELOPMENT: "hunter2",
      LOG_SAMPLE: "hunter2",
    },
    { ...good, METRICS_TOKEN: "", HUNTER: "hunter2" },
  ];
  for (const env of broken) {
    const found = problems(env);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join("\n")).not.toContain("hunter2");
  }
});
