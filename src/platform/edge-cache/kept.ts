// An answer as it is kept at the edge: finished bytes, the position it was read at, and what it depends on. Its bytes travel between tiers.
import { type Instant, instant, type Seconds } from "../../kernel/clock.ts";
import type { Fault } from "../../kernel/fault.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Dependencies } from "../freshness/view.ts";

export interface Kept {
  /** See `keyOf`. */
  readonly key: string;
  readonly body: Uint8Array;
  /** Of the answer itself, the same for everybody who gets it. */
  readonly headers: Readonly<Record<string, string>>;
  /** Instead of a body: what was asked for is not there. */
  readonly refusal?: Fault;
  readonly position: Position;
  /** It leads to a next page, which will be read at this answer's own position, whatever later one it is proven at. */
  readonly pinned?: true;
  /** Name of the endpoint that was read. */
  readonly source: string;
  readonly filledAt: Instant;
  /** Something in it changes without a position: it is kept no longer, whatever the digest says. */
  readonly life?: Seconds;
  readonly dependencies: Dependencies;
}

export interface Policy {
  /** In time-to-live mode: how long an answer is given after it was last known to be true. */
  readonly fresh: Seconds;
  /** How old it may be when it cannot be refreshed. */
  readonly stale: Seconds;
}

/** Nothing is kept longer, however often it was proven: milliseconds. */
export const LONGEST_MS = 24 * 60 * 60 * 1_000;

/** Milliseconds. */
export function lifeOf({ life }: Pick<Kept, "life">): number {
  return life === undefined ? LONGEST_MS : Math.min(LONGEST_MS, life * 1_000);
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();
const LENGTH = 4;

/** Length of what follows (big endian), everything but the body as JSON, the body. */
export function encodeKept({ body, ...rest }: Kept): Uint8Array {
  const facts = ENCODER.encode(JSON.stringify(rest));
  const bytes = new Uint8Array(LENGTH + facts.byteLength + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, facts.byteLength);
  bytes.set(facts, LENGTH);
  bytes.set(body, LENGTH + facts.byteLength);
  return bytes;
}

/** `undefined` for bytes that are not the answer to `key`: a name in a cache that two keys share must not mix them up. */
export function decodeKept(bytes: Uint8Array, key: string): Kept | undefined {
  if (bytes.byteLength < LENGTH) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const facts = JSON.parse(DECODER.decode(bytes.subarray(LENGTH, LENGTH + length))) as Omit<Kept, "body">;
  if (facts.key !== key) return undefined;
  return {
    ...facts,
    position: position(facts.position),
    filledAt: instant(facts.filledAt),
    body: bytes.slice(LENGTH + length),
  };
}

/** About what it takes in memory. */
export function sizeOf({ key, body, dependencies }: Kept): number {
  const members = dependencies.reduce((sum, group) => sum + group.members.length, 0);
  return body.byteLength + 2 * key.length + 64 * members + 1_024;
}
