// Which endpoint is nearest: great-circle distance (haversine), not measured round trips, so that the order is stable.
import type { Endpoint, Place, Shard } from "./topology.ts";

const RADIANS = Math.PI / 180;

/** Relative: only its order means something. */
function distance(a: Place, b: Place): number {
  const dLat = Math.sin(((b.latitude - a.latitude) * RADIANS) / 2);
  const dLon = Math.sin(((b.longitude - a.longitude) * RADIANS) / 2);
  return dLat * dLat + Math.cos(a.latitude * RADIANS) * Math.cos(b.latitude * RADIANS) * dLon * dLon;
}

export function nearestOf<P extends Place>(places: readonly P[], place: Place): P {
  return places.reduce((best, one) => (distance(place, one) < distance(place, best) ? one : best));
}

/** Nearest first. The primary comes last whatever its distance when readers exist nearer; it always comes. */
export function endpointsByDistance(shard: Shard, place: Place | undefined): readonly Endpoint[] {
  const all = [shard.primary, ...shard.readers];
  return place === undefined ? all : all.sort((a, b) => distance(place, a) - distance(place, b));
}
