// The measurements' own arithmetic: quantiles, chance that repeats itself, what wrk says, what a million reads cost.
import { describe, expect, it } from "vitest";
import { billOf, PRICES } from "../../bench/counts/prices.ts";
import { shares } from "../../bench/load/interleave.ts";
import { readSource } from "../../bench/load/sources.ts";
import { readWrk } from "../../bench/load/wrk.ts";
import { scattered, seeded, untilNext, zipf } from "../../bench/numbers/chance.ts";
import { latencies, quantile } from "../../bench/numbers/quantiles.ts";
import { configOf } from "../../bench/workers/raw.ts";

describe("quantiles", () => {
  it("lie between the nearest ranks", () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([5], 0.99)).toBe(5);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it("summarise latencies", () => {
    const hundred = Array.from({ length: 101 }, (_, n) => n);
    expect(latencies(hundred)).toEqual({ count: 101, p50: 50, p95: 95, p99: 99, most: 100 });
  });

  it("compare rates round by round", () => {
    const seen = new Map([
      ["floor", { rates: [100, 200], spent: undefined }],
      ["product", { rates: [50, 180], spent: undefined }],
    ]);
    expect(shares(seen, "product", "floor")).toEqual([0.5, 0.9]);
  });
});

describe("chance", () => {
  it("repeats itself from the same seed", () => {
    const [one, other] = [seeded(7), seeded(7)];
    const draws = Array.from({ length: 100 }, () => one());
    expect(Array.from({ length: 100 }, () => other())).toEqual(draws);
    expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
  });

  it("follows Zipf's law", () => {
    const draw = zipf(1_000, 1, seeded(1));
    const counts = new Map<number, number>();
    for (let n = 0; n < 100_000; n += 1) {
      const rank = draw();
      counts.set(rank, (counts.get(rank) ?? 0) + 1);
    }
    expect(Math.min(...counts.keys())).toBe(0);
    expect(Math.max(...counts.keys())).toBeLessThan(1_000);
    expect((counts.get(0) ?? 0) / (counts.get(9) ?? 1)).toBeGreaterThan(8);
    expect((counts.get(0) ?? 0) / (counts.get(9) ?? 1)).toBeLessThan(12);
  });

  it("scatters ranks over all places, each once", () => {
    for (const count of [1, 2, 10, 4096, 50_000])
      expect(new Set(Array.from({ length: count }, (_, rank) => scattered(count)(rank))).size).toBe(count);
  });

  it("keeps the rate of arrivals", () => {
    const random = seeded(3);
    let ms = 0;
    for (let n = 0; n < 10_000; n += 1) ms += untilNext(50, random);
    expect(10_000 / (ms / 1000)).toBeCloseTo(50, -1);
  });
});

describe("what others say", () => {
  it("of wrk is read, with its errors", () => {
    const text = `Running 1s test @ http://127.0.0.1:1/
  1 threads and 16 connections
  18234 requests in 1.00s, 38.40MB read
  Socket errors: connect 0, read 1, write 0, timeout 2
  Non-2xx or 3xx responses: 4
Requests/sec:  18200.50
Transfer/sec:     38.33MB`;
    expect(readWrk(text)).toEqual({ requests: 18_234, failures: 7, perSecond: 18_200.5, bytes: 2208 });
    expect(readWrk(text.replace(/ {2}Socket.*\n.*\n/, "")).failures).toBe(0);
  });

  it("of an answer's source is read", () => {
    const of = (status: string): unknown =>
      readSource(new Headers({ "Cache-Status": status, "Meridian-Source": "colo" }));
    expect(of("Meridian; hit; ttl=376")).toEqual({ source: "colo", isHit: true });
    expect(of("Meridian; fwd=uri-miss; stored")).toEqual({ source: "colo", isHit: false });
  });
});

it("bills a million reads", () => {
  const bill = billOf({ reads: 2_000, redisCommands: 1_000, statements: 100, objectRequests: 200, cpuMs: 0 });
  expect(bill.worker).toBe(PRICES.workersRequestsPerMillion);
  expect(bill.redis).toBeCloseTo(1);
  expect(bill.shield).toBeCloseTo(0.1 * PRICES.objectRequestsPerMillion);
  expect(bill.total).toBeCloseTo(bill.worker + bill.redis + bill.shield + bill.postgres);
});

it("writes texts into workerd's configuration so that they stay texts", () => {
  const config = configOf({ code: "", texts: { SECRET: 'a "quoted"\nline' } }, 1234);
  expect(config).toContain('(name = "SECRET", text = "a \\"quoted\\"\\nline")');
  expect(config).toContain("127.0.0.1:1234");
});
