// Where Durable Objects can be asked to live (location hints), and which of those is nearest.
import { nearestOf } from "../../platform/database/distance.ts";
import type { Place } from "../../platform/database/topology.ts";

/** Roughly the middle of each region's data centres. Only the first request for an object's name decides where it lives. */
const REGIONS = {
  wnam: { latitude: 37.4, longitude: -122.1 },
  enam: { latitude: 39, longitude: -77.5 },
  sam: { latitude: -23.5, longitude: -46.6 },
  weur: { latitude: 50.9, longitude: 4.4 },
  eeur: { latitude: 52.2, longitude: 21 },
  "apac-ne": { latitude: 35.7, longitude: 139.7 },
  "apac-se": { latitude: 1.35, longitude: 103.8 },
  oc: { latitude: -33.9, longitude: 151.2 },
  afr: { latitude: -26.2, longitude: 28 },
  me: { latitude: 25.2, longitude: 55.3 },
} as const satisfies Readonly<Record<string, Place>>;

export type Region = keyof typeof REGIONS;

const ALL = Object.entries(REGIONS).map(([name, place]) => ({ name: name as Region, ...place }));

export function nearestRegion(place: Place | undefined): Region {
  return place === undefined ? "enam" : nearestOf(ALL, place).name;
}
