// The text of /metrics by the rules of OpenMetrics, read by a parser that is not ours; and what is told when something is away.
import parse from "parse-prometheus-text-format";
import { describe, expect, test } from "vitest";
import { getMetrics } from "../../src/http/documents/get-metrics.ts";
import type { PlainServices } from "../../src/http/operation.ts";
import { instant } from "../../src/kernel/clock.ts";
import type { Topology } from "../../src/platform/database/topology.ts";
import { metricsProbe } from "../../src/platform/telemetry/metrics.ts";
import { renderMetrics } from "../../src/platform/telemetry/open-metrics.ts";
import { metricFaults } from "../support/metrics.ts";

const FAMILY = { name: "meridian_jobs", type: "gauge", help: 'Jobs: "all"\nof them', samples: [] } as const;

describe("the text", () => {
  test("is read by others as it was meant, whatever labels hold", () => {
    const labels = { kind: 'a "quoted" \\ thing\nin two lines' };
    const text = renderMetrics([
      { ...FAMILY, samples: [{ value: 3 }, { labels, value: 0.25 }] },
      { name: "meridian_build", type: "info", help: "x", samples: [{ labels: { version: "v" }, value: 1 }] },
    ]);
    expect(metricFaults(text)).toEqual([]);
    const [jobs] = parse(text);
    expect(jobs).toMatchObject({
      name: "meridian_jobs",
      type: "GAUGE",
      metrics: [{ value: "3" }, { value: "0.25", labels }],
    });
  });

  test("leaves out what it knows nothing of, and ends", () => {
    expect(renderMetrics([FAMILY])).toBe("# EOF\n");
  });

  test("that breaks the rules is found to", () => {
    expect(metricFaults("# TYPE a gauge\na 1\n")).toEqual(["it does not end with # EOF"]);
    expect(metricFaults("a 1\n# EOF\n")).toEqual(["a has no TYPE"]);
    expect(metricFaults('# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\na{x="y"} 2\n# EOF\n')).toEqual([
      "a is not in one place",
    ]);
    expect(metricFaults("# TYPE a gauge\na 1\na 2\n# EOF\n")).toEqual(["a is there twice"]);
    expect(metricFaults("# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n")).toEqual(["a does not end with its unit"]);
    expect(metricFaults("# TYPE a gauge\na one\n# EOF\n")).toEqual(['no sample: "a one"']);
  });
});

describe("the probe", () => {
  const endpoint = (name: string) => ({ name, region: "x", latitude: 0, longitude: 0, url: `postgres://${name}` });
  const topology: Topology = {
    home: "us",
    shards: ["us", "eu"].map((name) => ({ name, residency: name, primary: endpoint(`${name}-primary`), readers: [] })),
  };
  let now = instant(1_000_000);
  const clock = { now: () => now };
  let asked = 0;
  const probe = (away: readonly string[]) =>
    metricsProbe({
      topology,
      clock,
      subscribers: ["webhooks"],
      version: "v1",
      sleep: async () => undefined,
      client: {
        async call({ name }) {
          asked += 1;
          if (away.includes(name)) throw new Error("away");
          return [
            { metric: "deliveries", what: "due", value: 7 },
            { metric: "deliveries_oldest", what: null, value: 1.5 },
          ];
        },
        snapshot: async () => [],
      },
      dirty: {
        async oldest() {
          if (away.includes("redis")) throw new Error("away");
          return [
            { space: {} as never, mark: (now - 3_000) * 1_000 },
            { space: {} as never, mark: (now + 9_000) * 1_000 },
          ];
        },
      },
    });
  const values = (text: string): Record<string, number> =>
    Object.fromEntries(
      parse(text).flatMap(({ name, metrics }) =>
        metrics.map(({ labels, value }) => [[name, ...Object.values(labels ?? {})].join(" "), Number(value)]),
      ),
    );

  test("tells what each shard has waiting, and how long the sweep has been due", async () => {
    const text = await probe([])();
    expect(metricFaults(text)).toEqual([]);
    expect(values(text)).toMatchObject({
      "meridian_up postgres:us-primary": 1,
      "meridian_up redis": 1,
      "meridian_deliveries us due": 7,
      "meridian_deliveries eu due": 7,
      "meridian_deliveries_oldest_due_seconds eu": 1.5,
      meridian_dirty_spaces: 1,
      meridian_dirty_oldest_seconds: 3,
    });
  });

  test("what is away takes its own along and nothing else", async () => {
    const text = await probe(["us-primary", "redis"])();
    expect(metricFaults(text)).toEqual([]);
    const told = values(text);
    expect(told).toMatchObject({
      "meridian_up postgres:us-primary": 0,
      "meridian_up redis": 0,
      "meridian_deliveries eu due": 7,
    });
    expect(Object.keys(told).filter((name) => / us\b/.test(name) || name.includes("dirty"))).toEqual([]);
    expect(metricFaults(await probe(["us-primary", "eu-primary", "redis"])())).toEqual([]);
  });

  test("is asked once in five seconds", async () => {
    const scrape = probe([]);
    asked = 0;
    const first = await scrape();
    now = instant(now + 4_999);
    expect(await scrape()).toBe(first);
    expect(asked).toBe(2);
    now = instant(now + 1);
    await scrape();
    expect(asked).toBe(4);
  });
});

describe("who may scrape", () => {
  const services = (token: string | undefined): PlainServices =>
    ({ metrics: { token, isOpen: true, scrape: async () => "# EOF\n" } }) as unknown as PlainServices;
  const with_ = (authorization?: string): Request =>
    new Request("http://localhost/metrics", { headers: authorization === undefined ? {} : { authorization } });

  test("anybody where there is no token; else only who has it", () => {
    const admits = getMetrics.admits as NonNullable<typeof getMetrics.admits>;
    expect(admits(with_(), services(undefined))).toEqual({ ok: true, value: "anybody" });
    expect(admits(with_("Bearer right"), services("right"))).toEqual({ ok: true, value: "known" });
    expect(admits(with_(), services("right"))).toMatchObject({ fault: { code: "credentials-required" } });
    for (const wrong of ["Bearer wrong", "Bearer ", "Basic right2", "Bearer righ", "Bearer right "])
      expect(admits(with_(wrong), services("right")), wrong).toMatchObject(
        wrong.trim() === "Bearer right" ? { ok: true } : { fault: { code: "credentials-invalid" } },
      );
  });
});
