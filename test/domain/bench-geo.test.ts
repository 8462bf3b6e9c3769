// The parts of the geographic simulation that can be wrong without anybody noticing: its judge, its distances, its delays, its plots.
import { createServer } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { startDelay } from "../../bench/geo/delay.ts";
import { toPostgres, toRedis } from "../../bench/geo/distances.ts";
import { openLedger } from "../../bench/geo/ledger.ts";
import { endpointRegions, nearest, REDIS_REGIONS, REGIONS, roundTrip } from "../../bench/geo/regions.ts";
import { drawEntry } from "../../bench/geo/traffic.ts";
import { seeded } from "../../bench/numbers/chance.ts";
import { distribution, plotSvg } from "../../bench/numbers/plot.ts";
import { attribute, filesByLine } from "../../bench/profile/attribution.ts";
import { listen } from "../../local/listen.ts";
import { localTopology } from "../../local/topology.ts";

describe("the ledger", () => {
  const ledger = openLedger();
  ledger.published("a", { version: 2, position: 10, at: 100 });
  ledger.published("a", { version: 3, position: 12, at: 300 });

  it("knows the version that a position asks for", () => {
    expect(ledger.leastVersion("a", 9)).toBe(0);
    expect(ledger.leastVersion("a", 11)).toBe(2);
    expect(ledger.leastVersion("a", 12)).toBe(3);
    expect(ledger.leastVersion("b", 12)).toBe(0);
  });

  it("counts staleness from the first newer version that was acknowledged", () => {
    expect(ledger.staleness("a", 3, 1_000)).toBe(0);
    expect(ledger.staleness("a", 2, 1_000)).toBe(700);
    expect(ledger.staleness("a", 1, 1_000)).toBe(900);
    // Sent before it was acknowledged: nobody could ask for more.
    expect(ledger.staleness("a", 2, 250)).toBe(0);
  });
});

describe("distances", () => {
  const endpoints = endpointRegions(localTopology());

  it("are known between all regions and endpoints, and alike both ways", () => {
    const all = [...REGIONS.map(({ name }) => name), ...Object.values(endpoints)];
    for (const a of all) for (const b of all) expect(roundTrip(a, b)).toBe(roundTrip(b, a));
    expect(() => roundTrip("iad", "mars")).toThrow("mars");
  });

  it("to Postgres depend on the endpoint that is asked", () => {
    const delay = toPostgres("nrt", endpoints);
    const to = (node: string): number =>
      delay(
        { "neon-connection-string": `postgres://meridian_app:local@${node}.postgres.local/meridian` },
        Buffer.from(""),
      );
    expect(to("us-primary")).toBe(roundTrip("nrt", "iad"));
    expect(to("us-sin")).toBe(roundTrip("nrt", "sin"));
    expect(() => to("nowhere")).toThrow("nowhere");
  });

  it("to Redis are short for reads and long for writes", () => {
    const delay = toRedis("nrt");
    const of = (body: unknown): number => delay({}, Buffer.from(JSON.stringify(body)));
    const near = roundTrip("nrt", nearest("nrt", REDIS_REGIONS));
    expect(of(["GET", "a"])).toBe(near);
    expect(
      of([
        ["get", "a"],
        ["zrange", "b", 0, 1],
      ]),
    ).toBe(near);
    expect(
      of([
        ["get", "a"],
        ["set", "b", 1],
      ]),
    ).toBe(roundTrip("nrt", "iad"));
  });
});

describe("a delaying proxy", () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
  });

  it("passes request and answer on as they are, no sooner than the round trip", async () => {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        response.writeHead(201, { "X-Said": String(request.headers["x-said"]) });
        response.end(`${request.method} ${request.url} ${Buffer.concat(chunks)}`);
      });
    });
    const upstream = await listen(server);
    stops.push(upstream.stop);
    const proxy = await startDelay({ host: "127.0.0.1", port: upstream.port }, (headers) => Number(headers["x-said"]));
    stops.push(proxy.stop);
    const started = performance.now();
    const answer = await fetch(`http://127.0.0.1:${proxy.port}/sql?x=1`, {
      method: "POST",
      headers: { "X-Said": "80" },
      body: "hello",
    });
    expect(await answer.text()).toBe("POST /sql?x=1 hello");
    // Timers may come a millisecond early; they never come much earlier.
    expect(performance.now() - started).toBeGreaterThan(75);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-said")).toBe("80");
  });
});

it("draws entries of all spaces and never those of the probes", () => {
  const plan = { spaces: [{ id: "a" }, { id: "b" }], entries: 100, probes: 10 } as unknown as Parameters<
    typeof drawEntry
  >[0];
  const draw = drawEntry(plan, seeded(1));
  const drawn = Array.from({ length: 5_000 }, draw);
  expect(new Set(drawn.map(({ space }) => space))).toEqual(new Set(["a", "b"]));
  expect(Math.max(...drawn.map(({ n }) => n))).toBeLessThan(90);
  expect(Math.min(...drawn.map(({ n }) => n))).toBeGreaterThanOrEqual(0);
});

describe("plots", () => {
  it("are SVG with a line for each series, inside the panel", () => {
    const svg = plotSvg({
      title: "a & b",
      x: { label: "ms", from: 1, to: 100, ticks: [1, 10, 100], log: true },
      y: { label: "share", from: 0, to: 1, ticks: [0, 1] },
      panels: [
        {
          title: "<one>",
          series: [
            {
              name: "s",
              points: [
                [1, 0],
                [10, 0.5],
                [1000, 2],
              ],
            },
          ],
        },
      ],
    });
    expect(svg).toContain("a &amp; b");
    expect(svg).toContain("&lt;one>");
    expect(svg).toContain('points="56,248 186,148 316,48"');
    expect(svg.match(/<polyline/g)).toHaveLength(1);
  });

  it("show distributions that end at 1", () => {
    expect(distribution([3, 1, 2])).toEqual([
      [1, 1 / 3],
      [2, 2 / 3],
      [3, 1],
    ]);
    expect(
      distribution(
        Array.from({ length: 10_000 }, (_, n) => n),
        100,
      ).length,
    ).toBeLessThan(102);
    expect(distribution([])).toEqual([]);
  });
});

describe("a profile", () => {
  const bundle = [
    "// node_modules/hono/dist/hono.js",
    "x",
    "// src/http/answer.ts",
    "y",
    "y",
    "// src/platform/freshness/digest.ts",
    "z",
  ].join("\n");

  it("knows files by the lines of the bundle", () => {
    const fileOf = filesByLine(bundle);
    expect(fileOf(1)).toBe("node_modules/hono/dist/hono.js");
    expect(fileOf(4)).toBe("src/http/answer.ts");
    expect(fileOf(6)).toBe("src/platform/freshness/digest.ts");
  });

  it("gives what the platform does to whoever asked for it, and leaves idleness out", () => {
    const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber });
    const { steps } = attribute(
      {
        nodes: [
          { id: 1, callFrame: frame("(root)", "", 0), children: [2, 4, 5] },
          { id: 2, callFrame: frame("answer", "worker.js", 4), children: [3] },
          { id: 3, callFrame: frame("Headers", "", 0) },
          { id: 4, callFrame: frame("(idle)", "", 0) },
          { id: 5, callFrame: frame("look", "worker.js", 6) },
        ],
        startTime: 0,
        endTime: 100,
        samples: [2, 3, 4, 5],
        timeDeltas: [10, 20, 40, 5],
      },
      bundle,
    );
    expect(steps).toEqual([
      { step: "headers and answer", us: 30 },
      { step: "freshness", us: 5 },
    ]);
  });
});
