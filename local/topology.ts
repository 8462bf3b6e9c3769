// The places of the local system: two shards, their primaries and readers, and how the Worker is told about them.

export type Place = {
  readonly name: string;
  readonly region: string;
  readonly latitude: number;
  readonly longitude: number;
};

export type ShardPlan = {
  readonly name: string;
  readonly residency: string;
  readonly primary: Place;
  readonly readers: readonly Place[];
};

export type Endpoint = Place & { readonly url: string };

export type Topology = {
  readonly home: string;
  readonly shards: readonly {
    readonly name: string;
    readonly residency: string;
    readonly primary: Endpoint;
    readonly readers: readonly Endpoint[];
  }[];
};

export const SHARDS: readonly ShardPlan[] = [
  {
    name: "us",
    residency: "us",
    primary: { name: "us-primary", region: "iad", latitude: 39.0, longitude: -77.5 },
    readers: [
      { name: "us-fra", region: "fra", latitude: 50.0, longitude: 8.6 },
      { name: "us-sin", region: "sin", latitude: 1.35, longitude: 103.9 },
    ],
  },
  {
    name: "eu",
    residency: "eu",
    primary: { name: "eu-primary", region: "fra", latitude: 50.0, longitude: 8.6 },
    readers: [{ name: "eu-ams", region: "ams", latitude: 52.3, longitude: 4.8 }],
  },
];

export const DATABASE = "meridian";
export const REDIS_NODE = "redis";
export const POSTGRES_NODES: readonly string[] = SHARDS.flatMap((shard) => [
  shard.primary.name,
  ...shard.readers.map((reader) => reader.name),
]);

/** What the Worker gets as TOPOLOGY. The hosts exist only for the Neon gateway, which routes by their first label. */
export function localTopology(): Topology {
  const endpoint = (place: Place): Endpoint => ({
    ...place,
    url: `postgres://meridian_app:local@${place.name}.postgres.local/${DATABASE}`,
  });
  return {
    home: "us",
    shards: SHARDS.map((shard) => ({
      ...shard,
      primary: endpoint(shard.primary),
      readers: shard.readers.map(endpoint),
    })),
  };
}
