// Sets the simulation up: a Worker in a process of its own for every region, distances between it and everything else, and the contenders.

import { join } from "node:path";
import type { Stack } from "../../local/stack.ts";
import { bundleBare, type Running } from "../workers/bundle.ts";
import type { Filled } from "../workers/content.ts";
import { type Emulated, product, startOne } from "../workers/emulator.ts";
import { TYPE } from "../workers/seed.ts";
import { type Lag, startChild } from "./child.ts";
import type { Distances, Ports, PortsByRegion } from "./distances.ts";
import type { RegionPlan } from "./plan.ts";
import { endpointRegions, HOME, placeOf, REGIONS } from "./regions.ts";

export interface World {
  /** Of the process that holds requests back, since it was last asked. */
  lag(): Promise<Lag>;
  /** Where readers and editors of each region go, by contender. */
  readonly contenders: Readonly<Record<"product" | "origin" | "minute", readonly RegionPlan[]>>;
}

export async function startWorld(
  stack: Stack,
  code: string,
  spaces: readonly Filled[],
  after: (stop: () => unknown) => void,
): Promise<World> {
  const running = async (worker: Emulated): Promise<Running> => {
    const started = await startOne(worker);
    after(started.stop);
    return started;
  };
  const bareCode = await bundleBare("origin");
  const origin = await running({ name: "origin", code: bareCode, bindings: originBindings(stack, spaces) });
  const minute = await running({ name: "minute", code: bareCode, bindings: originBindings(stack, spaces) });
  // Everything in one region: no distance between this Worker and its databases.
  const home = await running(product(code, stack, "home"));
  const distances = startChild<Distances | "lag", PortsByRegion | Lag>(join(import.meta.dirname, "distances.ts"));
  after(distances.stop);
  const ports = (await distances.ask({
    regions: REGIONS.map(({ name }) => name),
    endpoints: endpointRegions(stack.topology),
    neon: upstream(stack.neon.endpoint),
    redis: upstream(stack.redis.url),
    origin: { host: "127.0.0.1", port: origin.port },
    editors: { host: "127.0.0.1", port: home.port },
  })) as PortsByRegion;
  const workers = new Map<string, Running>();
  for (const { name } of REGIONS) {
    const { neon, redis } = portsOf(ports, name);
    const addresses = { neonEndpoint: `http://127.0.0.1:${neon}/sql`, redisUrl: `http://127.0.0.1:${redis}` };
    workers.set(name, await running(product(code, stack, `product-${name}`, addresses)));
  }

  const atHome = REGIONS.find(({ name }) => name === HOME);
  const editorsHeaders = atHome === undefined ? {} : placeOf(atHome);
  const plans = (
    make: (region: (typeof REGIONS)[number], ports: Ports) => Partial<RegionPlan>,
  ): readonly RegionPlan[] =>
    REGIONS.map((region) => {
      const own = portsOf(ports, region.name);
      const base = { name: region.name, headers: {}, editors: own.editors, editorsHeaders, port: 0, path: "" };
      return { ...base, ...make(region, own) };
    });
  return {
    lag: async () => (await distances.ask("lag")) as Lag,
    contenders: {
      product: plans((region) => {
        const port = workers.get(region.name)?.port ?? 0;
        const headers = placeOf(region);
        return {
          port,
          path: `/v1/spaces/{space}/content/${TYPE}/{id}`,
          headers,
          editors: port,
          editorsHeaders: headers,
        };
      }),
      origin: plans((_, { origin }) => ({ port: origin, path: `/origin/{space}/${TYPE}/{id}` })),
      minute: plans(({ name }, { origin }) => ({
        port: minute.port,
        path: `/minute/${name}/{space}/${TYPE}/{id}`,
        headers: { "From-Origin": `http://127.0.0.1:${origin}` },
      })),
    },
  };
}

function originBindings({ topology, neon }: Stack, spaces: readonly Filled[]): Readonly<Record<string, unknown>> {
  const places = spaces.map(({ id, uid, residency }) => {
    const primary = topology.shards.find((shard) => shard.residency === residency)?.primary;
    return [id, { uid, url: primary?.url.replace("meridian_app", "postgres") }];
  });
  return { ENDPOINT: neon.endpoint, SPACES: Object.fromEntries(places) };
}

function portsOf(ports: PortsByRegion, region: string): Ports {
  const own = ports[region];
  if (own === undefined) throw new Error(`There are no distances to ${region}`);
  return own;
}

function upstream(address: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(address);
  return { host: hostname, port: Number(port) };
}
