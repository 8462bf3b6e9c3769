// What an isolate remembers: bounded by number and, where values may be large, by size; least recently used goes first. Values only: a promise
// belongs to the request that made it.
import { LRUCache } from "lru-cache";

export interface Memory<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
}

/** What all values may take together, what one may (`most` unless said), and what one does, in the same unit; at least 1. */
export interface Sizes<V> {
  readonly most: number;
  readonly largest?: number;
  of(value: V): number;
}

/** What is too large by itself is not remembered, and what was remembered in its place is forgotten. */
export function memory<V extends object>(most: number, sizes?: Sizes<V>): Memory<V> {
  const bySize =
    sizes === undefined
      ? {}
      : {
          maxSize: sizes.most,
          maxEntrySize: sizes.largest ?? sizes.most,
          sizeCalculation: (value: V) => sizes.of(value),
        };
  const cache = new LRUCache<string, V>({ max: most, ...bySize });
  return {
    get: (key) => cache.get(key),
    set(key, value) {
      cache.set(key, value);
    },
  };
}
