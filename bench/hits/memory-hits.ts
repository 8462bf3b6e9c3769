// Hits in an isolate's memory on bare `workerd serve`: one entry, with a key, a 304, a list.
import { interleave, type Place, shares, ticksOf } from "../load/interleave.ts";
import { sourcesOf } from "../load/sources.ts";
import { median, quartiles } from "../numbers/quantiles.ts";
import { type HitsBench, MANY, ONE } from "./ground.ts";

interface Case {
  readonly name: string;
  readonly wanted: number;
  readonly path: string;
  readonly floor: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
}

export async function memoryHits(bench: HitsBench, product: number, constant: number): Promise<void> {
  const { options, strongest, meter, space, answers } = bench;
  const key = { Authorization: `Bearer ${space.key}` };
  const matching = { "If-None-Match": answers.etag };
  const cases: readonly Case[] = [
    { name: "entry, 2 kB", wanted: 0.8, path: ONE, floor: "/entry" },
    { name: "entry, API key", wanted: 0.7, path: ONE, floor: "/entry", headers: key },
    { name: "entry, 304", wanted: 0.8, path: ONE, floor: "/not-modified", headers: matching, status: 304 },
    { name: "list of 20, authors", wanted: 0.8, path: MANY, floor: "/list" },
  ];
  const sources = new Map<string, string>();
  for (const { name, path, headers = {}, status = 200 } of cases) {
    // wrk takes any 2xx and 3xx for good: what is really answered is looked at here.
    const first = await fetch(`http://127.0.0.1:${product}${path}`, { headers });
    await first.arrayBuffer();
    if (first.status !== status) throw new Error(`${name}: ${first.status} and not ${status}`);
    sources.set(name, await sourcesOf(product, Array(10).fill(path), headers));
  }
  const { connections, seconds, rounds } = options;
  const places = cases.flatMap(({ name, path, floor, headers = {}, status = 200 }): readonly Place[] => {
    const load = { connections, seconds, headers, status };
    return [
      { name: `${name}: floor`, load: () => ({ port: constant, paths: [floor], ...load }) },
      { name, load: () => ({ port: product, paths: [path], ...load }) },
    ];
  });
  for (const place of places) await strongest.run({ ...place.load(0), seconds: 2 });
  const seen = await interleave(places, rounds, strongest, meter);
  console.log(
    `\nMemory hits on workerd serve: ${connections} connections, ${rounds} interleaved rounds of ${seconds} s, by ${strongest.name}`,
  );
  console.table(
    cases.map(({ name, wanted }) => {
      const ratios = shares(seen, name, `${name}: floor`);
      const cost = ticksOf(seen.get(name), ["worker"]) / ticksOf(seen.get(`${name}: floor`), ["worker"]);
      return {
        read: name,
        "of the floor": median(ratios).toFixed(2),
        quartiles: quartiles(ratios),
        wanted: `≥ ${wanted}`,
        "Worker's cpu, floors": cost.toFixed(2),
        "floor, requests/s": Math.round(median(seen.get(`${name}: floor`)?.rates ?? [])),
        answers: sources.get(name),
      };
    }),
  );
}
