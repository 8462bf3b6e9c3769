// Readers of the fault run: some ask for a position and are never answered from older state, some follow changes; every answer is held against the log.
import type { Random } from "../../bench/numbers/chance.ts";
import type { LoggedEvent } from "../support/invariants/log.ts";
import type { RecordedSpace, Recorder, Violation } from "../support/invariants/recording.ts";
import { type Caller, wait } from "./caller.ts";
import { type Ground, TYPES } from "./editors.ts";

export interface Reading {
  readonly caller: Caller;
  readonly recorder: Recorder;
  readonly grounds: readonly Ground[];
  readonly random: Random;
  readonly isOver: () => boolean;
  readonly pause: number;
}

/** An answer about one entry: what was published of it at a position that the answer itself is true of. */
export interface Seen {
  readonly space: string;
  readonly id: string;
  readonly position: number;
  /** Undefined: nothing. */
  readonly version: number | undefined;
  readonly requestId: string | null;
  readonly source: string | null;
}

export async function readOn(
  { caller, recorder, grounds, random, isOver, pause }: Reading,
  seen: Seen[],
): Promise<void> {
  while (!isOver()) {
    const ground = grounds[Math.floor(random() * grounds.length)] as Ground;
    const type = TYPES[Math.floor(random() * TYPES.length)] as string;
    const id = `${type}-${Math.floor(random() * 10)}`;
    const atLeast = random() < 0.6 ? ground.reached : undefined;
    const headers = atLeast === undefined ? {} : { "Meridian-At-Least": String(atLeast) };
    const isList = random() < 0.2;
    const path = isList ? `content/${type}?limit=5&sort=-updatedAt` : `content/${type}/${id}`;
    const heard = await caller.ask(ground.space, { method: "GET", path, key: ground.key, headers });
    const { status, position, body } = heard;
    if (status === 200 || status === 404) {
      const requestId = heard.headers.get("request-id");
      if (atLeast !== undefined && !(position >= atLeast))
        recorder.seen.push({
          invariant: "at-least",
          space: ground.space.id,
          what: `GET ${path} for at least ${atLeast} was answered at ${position} (request ${requestId})`,
        });
      const source = heard.headers.get("meridian-source");
      if (!isList)
        seen.push({
          space: ground.space.id,
          id,
          position,
          version: status === 200 ? body.version : undefined,
          requestId,
          source,
        });
    }
    await wait(random() * pause);
  }
}

/** Each answer shows what the log says of its position. */
export function readsAgainstLog(
  space: RecordedSpace,
  log: readonly LoggedEvent[],
  seen: readonly Seen[],
): readonly Violation[] {
  const shown = new Map<string, { readonly position: number; readonly version: number | undefined }[]>();
  for (const { stream, type, data, position } of log) {
    const id = stream.slice("entry:".length);
    const isGone = type === "EntryUnpublished" || type === "EntryDeleted" || type === "EntryArchived";
    if (!stream.startsWith("entry:") || (type !== "EntryPublished" && !isGone)) continue;
    const version = type === "EntryPublished" ? (data["version"] as number) : undefined;
    shown.set(id, [...(shown.get(id) ?? []), { position, version }]);
  }
  return seen
    .filter((one) => one.space === space.id)
    .flatMap(({ id, position, version, requestId, source }) => {
      const then = shown.get(id)?.findLast((one) => one.position <= position)?.version;
      const what = `content of ${id} at ${position} was version ${version ?? "none"}, by the log ${then ?? "none"} (${source}, request ${requestId})`;
      return then === version ? [] : [{ invariant: "at-least" as const, space: space.id, what }];
    });
}

/** Keeps a copy of a space by following its changes. */
export class Follower {
  readonly ground: Ground;
  readonly entries = new Map<string, unknown>();
  at = 0;
  constructor(ground: Ground) {
    this.ground = ground;
  }

  /** One page; true when it stands at the head. */
  async step(caller: Caller, limit: number): Promise<boolean> {
    const path = `changes?after=${this.at}&limit=${limit}`;
    const { status, body } = await caller.ask(this.ground.space, { method: "GET", path, key: this.ground.key });
    if (status !== 200) return false;
    for (const { kind, type, id, entry } of body.data) {
      if (kind === "published" && entry !== undefined) this.entries.set(`${type}/${id}`, entry);
      else this.entries.delete(`${type}/${id}`);
    }
    this.at = body.page.next;
    return body.page.next === body.page.head;
  }

  async follow({ caller, random, isOver }: Reading): Promise<void> {
    while (!isOver()) {
      await this.step(caller, 1 + Math.floor(random() * 20));
      await wait(300 + random() * 700);
    }
  }

  /** When all is quiet: the copy equals what content answers. */
  async compare(caller: Caller): Promise<readonly Violation[]> {
    const { space, key } = this.ground;
    const say = (what: string): Violation => ({ invariant: "following", space: space.id, what });
    for (let page = 0; !(await this.step(caller, 100)); page += 1)
      if (page > 500) return [say(`the head is not reached; it stands at ${this.at}`)];
    const found: Violation[] = [];
    const shown = new Map<string, unknown>();
    const headers = { "Meridian-At-Least": String(this.at) };
    for (const type of TYPES) {
      for (let cursor = ""; ; ) {
        const path = `content/${type}?locale=*&limit=100${cursor}`;
        const { status, body, text } = await caller.ask(space, { method: "GET", path, key, headers });
        if (status !== 200) return [say(`GET ${path}: ${status} ${text.slice(0, 200)}`)];
        for (const entry of body.data) shown.set(`${type}/${entry.id}`, entry);
        if (body.page.next === null) break;
        cursor = `&cursor=${encodeURIComponent(body.page.next)}`;
      }
    }
    for (const name of new Set([...shown.keys(), ...this.entries.keys()])) {
      const [content, copy] = [shown.get(name), this.entries.get(name)].map((one) => canonical(one));
      if (content !== copy) found.push(say(`${name} is ${content} in content and ${copy} in a copy made of changes`));
    }
    return found;
  }
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    ) ?? "absent"
  );
}
