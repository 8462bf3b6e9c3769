// The platform's own counters, per location and permissive: a wall in front of what costs something, and what is left when Redis is away.

export interface Wall {
  /** Counts one under this key. True as well when the platform cannot say: the wall keeps floods out, nothing rests on it. */
  admits(key: string): Promise<boolean>;
}

/** One for each number that is wanted: a binding has one limit for all keys. */
export interface Walls {
  /** Per address, before anything is looked up for it. */
  readonly address: Wall;
  /** Per credential: writes while their counter is away. */
  readonly write: Wall;
  /** Per key id and address: failed credentials and tokens while their counter is away. A few a minute. */
  readonly auth: Wall;
}
