// What one run of traffic comes to, as tables, and all runs together, as plots.
import { availableParallelism, loadavg } from "node:os";
import { distribution, type Plot, plotSvg } from "../numbers/plot.ts";
import { latencies, quantile } from "../numbers/quantiles.ts";
import type { Lag } from "./child.ts";
import type { Kind, Traffic } from "./plan.ts";
import { REGIONS } from "./regions.ts";

const KINDS: Readonly<Record<Kind, string>> = {
  hit: "hit",
  miss: "miss",
  own: "read after own write",
  write: "write",
};
/** Wanted of publications, in seconds; Redis's lag comes on top. */
const VISIBLE_S = 2;

export function printTraffic(name: string, traffic: Traffic): void {
  const { samples, judged, staleness, failures, perSecond } = traffic;
  console.log(`\n${name}: milliseconds, from when a request was due`);
  const rows = [...REGIONS.map((region) => region.name), "all"].flatMap((region) =>
    (Object.keys(KINDS) as Kind[]).flatMap((kind) => {
      const ms = samples.filter((one) => one.kind === kind && (region === "all" || one.region === region));
      return ms.length === 0 ? [] : [{ region, what: KINDS[kind], ...latencies(ms.map((one) => one.ms)) }];
    }),
  );
  console.table(rows);
  printVisible(traffic);
  const stale = staleness.filter((ms) => ms > 0);
  console.log(
    `Meridian-At-Least: ${judged.atLeast} reads, ${judged.older} older, ${judged.notReached} not reached (503). ` +
      `Of ${staleness.length} answers about entries that changed meanwhile ${stale.length} were older than something acknowledged, ` +
      `by ${Math.round(quantile(staleness, 0.99))} ms at p99 and ${Math.round(quantile(staleness, 1))} ms at most.`,
  );
  if (traffic.late.length > 0) console.log(`Of them the first above 2 s:\n  ${traffic.late.join("\n  ")}`);
  const failed = Object.entries(failures).map(([what, count]) => `${what}: ${count}`);
  console.log(
    `${perSecond.toFixed(0)} requests/s in all; failures: ${failed.length === 0 ? "none" : failed.join(", ")}`,
  );
}

/** What this machine added of its own. */
export function printLag(processes: Readonly<Record<string, Lag>>): void {
  const told = Object.entries(processes).map(([name, { p50, p99, most }]) => `${name} ${p50} / ${p99} / ${most}`);
  console.log(
    `Timers late, ms at p50 / p99 / most, by process: ${told.join("; ")}. Load of the machine: ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} processors`,
  );
}

function printVisible({ watched, firstReaders }: Traffic): void {
  console.log(`From a publication's answer to when it is seen (wanted: p99 ≤ ${VISIBLE_S} s, and Redis's lag)`);
  console.table(
    [...REGIONS.map(({ name }) => name), "all"].map((region) => {
      const own = watched.filter((one) => region === "all" || one.region === region);
      const first = firstReaders.filter((one) => region === "all" || one.region === region);
      const old = latencies(own.map(({ lastOld }) => lastOld));
      return {
        region,
        watched: own.length,
        "never seen": own.filter(({ firstNew }) => firstNew === undefined).length,
        "last old answer p50": old.p50,
        p99: old.p99,
        most: old.most,
        "first readers of idle keys": first.length,
        "of them old": first.filter(({ isOld }) => isOld).length,
        "latest of these, ms": Math.round(Math.max(0, ...first.filter(({ isOld }) => isOld).map(({ after }) => after))),
      };
    }),
  );
}

/** Files by name. */
export function plotsOf(results: readonly (Traffic & { readonly name: string })[]): Readonly<Record<string, string>> {
  return { "geo-latency.svg": plotSvg(latencyPlot(results)), "geo-visible.svg": plotSvg(visiblePlot(results)) };
}

function latencyPlot(results: readonly (Traffic & { readonly name: string })[]): Plot {
  const isRead = ({ kind }: { readonly kind: Kind }): boolean => kind !== "write";
  return {
    title: "Reads: share answered within so many milliseconds",
    x: { label: "ms", from: 1, to: 1000, ticks: [1, 3, 10, 30, 100, 300, 1000], log: true },
    y: { label: "share of reads", from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1] },
    panels: REGIONS.map(({ name: region }) => ({
      title: region,
      series: results.map(({ name, samples }) => ({
        name,
        points: distribution(samples.filter((one) => one.region === region && isRead(one)).map(({ ms }) => ms)),
      })),
    })),
  };
}

function visiblePlot(results: readonly (Traffic & { readonly name: string })[]): Plot {
  return {
    title: "Publications: share of which no old answer came any more after so many seconds",
    x: {
      label: "seconds since the publication was acknowledged",
      from: 0.05,
      to: 70,
      ticks: [0.1, 0.5, 2, 10, 60],
      log: true,
    },
    y: { label: "share", from: 0, to: 1, ticks: [0, 0.25, 0.5, 0.75, 1] },
    panels: [
      {
        title: "all regions",
        series: results.map(({ name, watched }) => ({
          name,
          points: distribution(watched.map(({ lastOld }) => lastOld / 1000)),
        })),
      },
    ],
  };
}
