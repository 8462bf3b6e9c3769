// Hits in far tiers and misses, each key asked once by an isolate whose own memory does not have it, against one floor each.
import { interleave, type Place, shares, ticksOf } from "../load/interleave.ts";
import { sourcesOf } from "../load/sources.ts";
import { median, quartiles } from "../numbers/quantiles.ts";
import { bareBindings } from "../uncached/uncached.ts";
import { bundleBare, type Running } from "../workers/bundle.ts";
import { product, startOne } from "../workers/emulator.ts";
import { SPACE, slugOf, TYPE } from "../workers/seed.ts";
import { startTiered, startTiers } from "./floors.ts";
import { ARTICLES, type HitsBench } from "./ground.ts";

const PREFIX = `/v1/spaces/${SPACE}/content/${TYPE}`;
const FLOORS = {
  colo: "one caches.match",
  shield: "one call of an object",
  miss: "a look, a call, one SELECT",
} as const;
const LOOKED_AT = 20;

export async function farHits(bench: HitsBench): Promise<void> {
  const { stack, code, options, node, meter, answers, space, after } = bench;
  const { filler, second, neighbour, abroad } = await startTiered(product(code, stack));
  after(filler.stop);
  const tiers = await startTiers(answers.entry);
  after(tiers.stop);
  const bare = await startOne({
    name: "bare",
    code: await bundleBare("worker"),
    shield: { className: "Floor" },
    bindings: await bareBindings(stack, space.uid),
  });
  after(bare.stop);

  const { connections, rounds } = options;
  // Slices: even ones are filled and then found in the colo and the shield; odd ones are nowhere.
  const articles = (round: number, side: 0 | 1): readonly string[] =>
    Array.from({ length: ARTICLES }, (_, n) => slugOf((round * 2 + side) * ARTICLES + n));
  const ask = async (at: Running, paths: readonly string[]): Promise<void> =>
    void (await node.run({ port: at.port, paths, connections }));
  const filled = new Set<number>();
  const fill = async (round: number): Promise<void> => {
    if (filled.has(round)) return;
    filled.add(round);
    const slugs = articles(round, 0);
    const paths = slugs.map((slug) => `${PREFIX}/${slug}`);
    await ask(filler, paths);
    await ask(second, paths);
    await ask(
      tiers,
      slugs.map((slug) => `/colo/${slug}`),
    );
  };
  const place = (name: string, at: Running, prefix: string, side: 0 | 1): Place => ({
    name,
    prepare: fill,
    load: (round) => ({ port: at.port, paths: articles(round, side).map((slug) => `${prefix}/${slug}`), connections }),
  });

  // The slice of one round more than there are shows where answers come from, and warms everything up.
  await fill(rounds);
  const shown = articles(rounds, 0)
    .slice(0, LOOKED_AT)
    .map((slug) => `${PREFIX}/${slug}`);
  const sources = {
    colo: await sourcesOf(neighbour.port, shown),
    shield: await sourcesOf(abroad.port, shown),
    miss: await sourcesOf(
      filler.port,
      articles(rounds, 1)
        .slice(0, LOOKED_AT)
        .map((slug) => `${PREFIX}/${slug}`),
    ),
  };
  const places = [
    place("colo: floor", tiers, "/colo", 0),
    place("colo", neighbour, PREFIX, 0),
    place("shield: floor", tiers, "/shield", 0),
    place("shield", abroad, PREFIX, 0),
    place("miss: floor", bare, `/tiers/${TYPE}`, 1),
    place("miss", filler, PREFIX, 1),
  ];
  for (const one of places) await node.run(one.load(rounds));
  const seen = await interleave(places, rounds, node, meter);
  console.log(
    `\nFar tiers on the emulator's direct sockets: ${connections} connections, ${rounds} interleaved rounds of ${ARTICLES} keys, by node`,
  );
  console.table(
    (["colo", "shield", "miss"] as const).map((name) => {
      const ratios = shares(seen, name, `${name}: floor`);
      const cost = ticksOf(seen.get(name), ["worker"]) / ticksOf(seen.get(`${name}: floor`), ["worker"]);
      return {
        read: name,
        floor: FLOORS[name],
        "of the floor": median(ratios).toFixed(2),
        quartiles: quartiles(ratios),
        "Worker's cpu, floors": cost.toFixed(2),
        "floor, requests/s": Math.round(median(seen.get(`${name}: floor`)?.rates ?? [])),
        answers: sources[name],
      };
    }),
  );
}
