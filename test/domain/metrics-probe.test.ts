// Whoever looks at what is waiting makes nothing wait: one look-up at a time, past the guards of writes, and closed where there is no token.
import { expect, test } from "vitest";
import { getMetrics } from "../../src/http/documents/get-metrics.ts";
import { instant } from "../../src/kernel/clock.ts";
import { metricsProbe } from "../../src/platform/telemetry/metrics.ts";

test("scrapes at the same time are one look-up; while one is under way, others are given the last", async () => {
  let now = instant(100_000);
  let asked = 0;
  let answer = (): void => undefined;
  const endpoint = { name: "own", region: "here", latitude: 0, longitude: 0, url: "postgres://own" };
  const scrape = metricsProbe({
    topology: { home: "own", shards: [{ name: "own", residency: "us", primary: endpoint, readers: [] }] },
    client: {
      async call() {
        asked += 1;
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return [];
      },
      snapshot: () => Promise.reject(new Error("nobody asks for it")),
    },
    dirty: { oldest: async () => [] },
    clock: { now: () => now },
    subscribers: [],
    version: "1",
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  });
  const first = Array.from({ length: 10 }, () => scrape());
  await new Promise((resolve) => setImmediate(resolve));
  answer();
  const texts = await Promise.all(first);
  expect([asked, new Set(texts).size]).toEqual([1, 1]);
  now = instant(now + 6_000);
  const under = scrape();
  expect(await scrape()).toBe(texts[0]);
  answer();
  expect(await under).not.toBe(texts[0]);
  expect(asked).toBe(2);
});

test.each([
  [undefined, true, undefined, "anybody"],
  [undefined, false, undefined, "credentials-required"],
  [undefined, false, "Bearer any", "credentials-required"],
  ["secret", true, undefined, "credentials-required"],
  ["secret", false, "Bearer wrong", "credentials-invalid"],
  ["secret", false, "Bearer secret", "known"],
])("with the token %s, open %s: %s is %s", (token, isOpen, authorization, outcome) => {
  const request = new Request("https://api.example/metrics", { headers: authorization ? { authorization } : {} });
  const admitted = getMetrics.admits?.(request, { metrics: { token, isOpen } } as never);
  expect(admitted?.ok ? admitted.value : admitted?.fault.code).toBe(outcome);
});
