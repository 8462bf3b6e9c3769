// What an isolate remembers: bounded, least recently used goes first. Values only: a promise belongs to the request that made it.
import { LRUCache } from "lru-cache";

export interface Memory<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
}

export function memory<V extends object>(most: number): Memory<V> {
  const cache = new LRUCache<string, V>({ max: most });
  return {
    get: (key) => cache.get(key),
    set(key, value) {
      cache.set(key, value);
    },
  };
}

/** Bounded by the sum of sizes in bytes; a value larger than `largest` is not taken. */
export function memoryOfBytes<V extends object>(
  most: number,
  largest: number,
  sizeOf: (value: V) => number,
): Memory<V> {
  const cache = new LRUCache<string, V>({ maxSize: most, maxEntrySize: largest, sizeCalculation: sizeOf });
  return {
    get: (key) => cache.get(key),
    set(key, value) {
      cache.set(key, value);
    },
  };
}
