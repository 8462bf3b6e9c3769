// The places of the simulation and the round trips between them.
import type { Topology } from "../../local/topology.ts";

export interface Region {
  /** As in TOPOLOGY; `ams` has an endpoint and no readers of its own here. */
  readonly name: string;
  readonly colo: string;
  readonly country: string;
  readonly continent: string;
  readonly latitude: number;
  readonly longitude: number;
}

export const REGIONS: readonly Region[] = [
  { name: "iad", colo: "IAD", country: "US", continent: "NA", latitude: 39.0, longitude: -77.5 },
  { name: "fra", colo: "FRA", country: "DE", continent: "EU", latitude: 50.0, longitude: 8.6 },
  { name: "sin", colo: "SIN", country: "SG", continent: "AS", latitude: 1.35, longitude: 103.9 },
  { name: "nrt", colo: "NRT", country: "JP", continent: "AS", latitude: 35.7, longitude: 139.7 },
  { name: "gru", colo: "GRU", country: "BR", continent: "SA", latitude: -23.5, longitude: -46.6 },
];

/**
 * Milliseconds, both directions averaged. Microsoft, "Azure network round-trip latency statistics", 95th percentiles over the 30 days up to
 * 30 July 2026 (https://learn.microsoft.com/azure/networking/azure-network-latency): East US, Germany West Central, Southeast Asia,
 * Japan East, Brazil South, West Europe.
 */
const ROUND_TRIPS: Readonly<Record<string, number>> = {
  "fra-iad": 97,
  "iad-sin": 229,
  "iad-nrt": 165,
  "gru-iad": 121,
  "ams-iad": 90,
  "fra-sin": 179,
  "fra-nrt": 248,
  "fra-gru": 200,
  "ams-fra": 14,
  "nrt-sin": 74,
  "gru-sin": 337,
  "ams-sin": 182,
  "gru-nrt": 270,
  "ams-nrt": 241,
  "ams-gru": 190,
};
/** Between two houses of one region. */
const WITHIN = 1;

export function roundTrip(a: string, b: string): number {
  if (a === b) return WITHIN;
  const found = ROUND_TRIPS[[a, b].sort().join("-")];
  if (found === undefined) throw new Error(`No round trip is known between ${a} and ${b}`);
  return found;
}

/** Where the single origin stands, and the primary of Redis. */
export const HOME = "iad";
/** Redis answers reads from the nearest of these, as a global database does, and takes writes at home. */
export const REDIS_REGIONS: readonly string[] = ["iad", "fra", "sin"];

export const nearest = (from: string, among: readonly string[]): string =>
  among.reduce((best, one) => (roundTrip(from, one) < roundTrip(from, best) ? one : best));

/** Region of each endpoint by its name. */
export function endpointRegions({ shards }: Topology): Readonly<Record<string, string>> {
  const endpoints = shards.flatMap((shard) => [shard.primary, ...shard.readers]);
  return Object.fromEntries(endpoints.map(({ name, region }) => [name, region]));
}

/** `request.cf`, as the emulator takes it. */
export const placeOf = ({
  colo,
  country,
  continent,
  latitude,
  longitude,
}: Region): Readonly<Record<string, string>> => ({
  "MF-CF-Blob": JSON.stringify({
    colo,
    country,
    continent,
    latitude: String(latitude),
    longitude: String(longitude),
  }),
});
