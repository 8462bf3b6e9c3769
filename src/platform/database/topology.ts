// Where data lives: shards by residency, each with one primary and any number of readers.

export interface Endpoint {
  /** As `Meridian-Source` and `/health` show it: `us-fra`. */
  readonly name: string;
  readonly region: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Connection string of a Neon-compatible endpoint. Secret. */
  readonly url: string;
}

export interface Shard {
  readonly name: string;
  readonly residency: string;
  readonly primary: Endpoint;
  readonly readers: readonly Endpoint[];
}

export interface Topology {
  /** Name of the shard that holds the directory of spaces. */
  readonly home: string;
  readonly shards: readonly Shard[];
}

/** Where a request came from, in degrees, as the platform tells it. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}
