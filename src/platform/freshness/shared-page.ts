// One digest page for all isolates of a data centre, kept for a second beside the cached answers.
import { type Instant, instant } from "../../kernel/clock.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { DigestPage } from "./digest.ts";

/** Text by key, for at most a second. Either may fail: then the store itself is asked. */
export interface SharedPages {
  find(key: string): Promise<string | undefined>;
  /** Never throws. */
  put(key: string, text: string): Promise<void>;
}

export interface SharedPage extends DigestPage {
  /** What the page holds changes above; absent: everything. */
  readonly since: Position | undefined;
  readonly askedAt: Instant;
}

export function sharedPageOf(page: DigestPage, since: Position | undefined, askedAt: Instant): string {
  const { birth, head, floor, changed } = page;
  return JSON.stringify([askedAt, birth, since ?? null, head ?? null, floor ?? null, [...changed]]);
}

/** `undefined` for what is no page: the store is asked then. */
export function readSharedPage(text: string): SharedPage | undefined {
  const [askedAt, birth, since, head, floor, changed] = JSON.parse(text) as readonly [
    number,
    number,
    number | null,
    number | null,
    number | null,
    [string, Position][],
  ];
  return {
    askedAt: instant(askedAt),
    birth,
    since: since === null ? undefined : position(since),
    ...(head === null ? {} : { head: position(head) }),
    ...(floor === null ? {} : { floor: position(floor) }),
    changed: new Map(changed),
  };
}
