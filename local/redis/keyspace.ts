// The keys of the in-process Redis with their values and expiry. Texts are bytes, one character each, as Redis has them.
import { createSortedSet, type SortedSet } from "./sorted-set.ts";

export type Values = {
  string: string;
  hash: Map<string, string>;
  list: string[];
  set: Set<string>;
  zset: SortedSet;
};
export type Kind = keyof Values;

type Slot = { readonly kind: Kind; readonly value: Values[Kind]; expiresAt: number | undefined };

/** What a client is told: `message` begins with Redis's code. */
export class RedisError extends Error {}

export type Keyspace = {
  kindOf(key: string): Kind | undefined;
  /** The value, undefined when there is none; refuses a key of another kind. */
  read<K extends Kind>(key: string, kind: K): Values[K] | undefined;
  /** The value, made empty when there is none. */
  open<K extends Exclude<Kind, "string">>(key: string, kind: K): Values[K];
  putString(key: string, value: string, expiresAt: number | undefined): void;
  drop(key: string): boolean;
  /** Redis keeps no empty collections: to be called after taking something out. */
  dropIfEmpty(key: string): void;
  expiryOf(key: string): number | undefined;
  setExpiry(key: string, at: number | undefined): boolean;
  keys(): string[];
  clear(): void;
  copyFrom(other: Keyspace): void;
  slots(): ReadonlyMap<string, Slot>;
};

const EMPTY: { readonly [K in Exclude<Kind, "string">]: () => Values[K] } = {
  hash: () => new Map(),
  list: () => [],
  set: () => new Set(),
  zset: createSortedSet,
};

export function createKeyspace(): Keyspace {
  const slots = new Map<string, Slot>();
  const find = (key: string): Slot | undefined => {
    const slot = slots.get(key);
    if (slot?.expiresAt === undefined || slot.expiresAt > Date.now()) return slot;
    slots.delete(key);
    return undefined;
  };
  const read = <K extends Kind>(key: string, kind: K): Values[K] | undefined => {
    const slot = find(key);
    if (slot === undefined) return undefined;
    if (slot.kind !== kind) {
      throw new RedisError("WRONGTYPE Operation against a key holding the wrong kind of value");
    }
    return slot.value as Values[K];
  };
  return {
    kindOf: (key) => find(key)?.kind,
    read,
    open(key, kind) {
      const found = read(key, kind);
      if (found !== undefined) return found;
      const value = EMPTY[kind]();
      slots.set(key, { kind, value, expiresAt: undefined });
      return value;
    },
    putString: (key, value, expiresAt) => {
      slots.set(key, { kind: "string", value, expiresAt });
    },
    drop: (key) => find(key) !== undefined && slots.delete(key),
    dropIfEmpty(key) {
      const slot = slots.get(key);
      if (slot !== undefined && sizeOf(slot) === 0) slots.delete(key);
    },
    expiryOf: (key) => find(key)?.expiresAt,
    setExpiry(key, at) {
      const slot = find(key);
      if (slot === undefined) return false;
      slot.expiresAt = at;
      return true;
    },
    keys: () => [...slots.keys()].filter((key) => find(key) !== undefined),
    clear: () => slots.clear(),
    copyFrom(other) {
      slots.clear();
      for (const [key, slot] of other.slots()) slots.set(key, { ...slot, value: structuredClone(slot.value) });
    },
    slots: () => slots,
  };
}

function sizeOf({ value }: Slot): number {
  if (typeof value === "string" || Array.isArray(value)) return value.length;
  return "scores" in value ? value.scores.size : value.size;
}
