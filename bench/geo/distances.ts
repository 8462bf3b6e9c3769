// The process of the delaying proxies: between each region's Worker and Postgres, Redis and the origin.
import { READS } from "../../local/redis/reads.ts";
import { answerParent, type Lag, openLag } from "./child.ts";
import { type Delay, startDelay, type Upstream } from "./delay.ts";
import { HOME, nearest, REDIS_REGIONS, roundTrip } from "./regions.ts";

export interface Distances {
  readonly regions: readonly string[];
  /** Region of each endpoint of Postgres by its name. */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly neon: Upstream;
  readonly redis: Upstream;
  /** What stands at home and is asked from everywhere. */
  readonly origin: Upstream;
  readonly editors: Upstream;
}

export interface Ports {
  readonly neon: number;
  readonly redis: number;
  readonly origin: number;
  readonly editors: number;
}

/** By region. */
export type PortsByRegion = Readonly<Record<string, Ports>>;

async function start(distances: Distances): Promise<PortsByRegion> {
  const { regions, endpoints, neon, redis, origin, editors } = distances;
  const ports: Record<string, Ports> = {};
  for (const region of regions) {
    const home = (): number => roundTrip(region, HOME);
    const [a, b, c, d] = await Promise.all([
      startDelay(neon, toPostgres(region, endpoints)),
      startDelay(redis, toRedis(region)),
      startDelay(origin, home),
      startDelay(editors, home),
    ]);
    ports[region] = { neon: a.port, redis: b.port, origin: c.port, editors: d.port };
  }
  return ports;
}

export function toPostgres(region: string, endpoints: Readonly<Record<string, string>>): Delay {
  return (headers) => {
    const url = headers["neon-connection-string"];
    const node = /@([^.:/]+)/.exec(String(url))?.[1] ?? "";
    const at = endpoints[node];
    if (at === undefined) throw new Error(`There is no endpoint ${node}`);
    return roundTrip(region, at);
  };
}

/** A pipeline that only reads is answered nearby; a write in it takes the whole of it home. */
export function toRedis(region: string): Delay {
  const near = roundTrip(region, nearest(region, REDIS_REGIONS));
  const far = roundTrip(region, HOME);
  return (_, body) => (isReadOnly(body.toString()) ? near : far);
}

function isReadOnly(text: string): boolean {
  const body = JSON.parse(text) as readonly unknown[];
  const commands = body.every(Array.isArray) ? (body as readonly (readonly unknown[])[]) : [body];
  return commands.every((command) => READS.has(String(command[0]).toLowerCase()));
}

const lag = openLag();
answerParent(
  import.meta.url,
  async (told: Distances | "lag"): Promise<PortsByRegion | Lag> => (told === "lag" ? lag() : await start(told)),
);
