// What gave up, kept on the shard of the space it speaks of (on the home shard when none can be told), for operators to list, redrive or drop.
import { sql } from "drizzle-orm";
import { type Instant, type Millis, millis } from "../../kernel/clock.ts";
import { type SpaceUid, spaceUid } from "../../kernel/id.ts";
import { type Position, position } from "../../kernel/position.ts";
import type { Row } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Shard } from "../database/topology.ts";
import type { SpaceAddress } from "./dirty-set.ts";
import type { ShardParts } from "./space-calls.ts";

export interface DeadLetter {
  readonly id: string;
  readonly space: SpaceUid | null;
  /** RFC 3339. */
  readonly at: string;
  readonly queue: string;
  /** JSON text of the message. Null for an event. */
  readonly body: string | null;
  /** Of an event that a subscriber could not take in. */
  readonly subscriber: string | null;
  readonly position: Position | null;
  readonly reason: string;
  readonly attempts: number;
  readonly isRedriven: boolean;
  /** Its subscriber does not pass it. */
  readonly isStopping: boolean;
}

export interface NewLetter {
  readonly id: string;
  readonly at: Instant;
  readonly queue: string;
  readonly body: string;
  readonly reason: string;
  readonly attempts: number;
}

/** What to do next: send the message, or ring for the space. */
export interface Freed {
  readonly queue: string;
  readonly body: string | null;
  readonly space: SpaceAddress | undefined;
  readonly position: Position;
  readonly subscriber: string | null;
}

export interface LetterCursor {
  readonly at: string;
  readonly id: string;
}

/** All of these throw when a shard is away. */
export interface DeadLetters {
  /** `space` is unknown: the home shard keeps it. */
  keep(space: { readonly uid: SpaceUid; readonly residency: string } | undefined, letter: NewLetter): Promise<void>;
  /** Of all shards, oldest first. */
  list(after: LetterCursor | undefined, limit: number): Promise<readonly DeadLetter[]>;
  /** At most `COUNTED` a shard. */
  count(): Promise<number>;
  /** An event is handed back to its subscriber; a message stays until it is dropped. `once`: done once under that key, and its answer kept. */
  redrive(id: string, now: Instant, once?: Once): Promise<Settled | undefined>;
  drop(id: string, now: Instant, once?: Once): Promise<Settled | undefined>;
}

/** An idempotency key, and the answer that is kept with the effect. */
export interface Once {
  /** Hex. */
  readonly key: string;
  readonly fingerprint: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Settled =
  | { readonly is: "done"; readonly freed: Freed }
  | { readonly is: "replayed"; readonly answer: Pick<Once, "status" | "headers" | "body"> }
  | { readonly is: "refused"; readonly code: "request-in-progress" | "idempotency-key-reused" };

/** What is said of a message that gave up, on its way to where it is kept. */
export interface GaveUp {
  /** The message's own, so that a letter that comes twice is one. */
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly attempts: number;
  readonly body: unknown;
}

export interface LetterQueues {
  /** Throws when the queue is away: the message is then left to the platform. */
  giveUp(said: GaveUp): Promise<void>;
  /** Puts a message back into the queue that it gave up in. False: there is no such queue. Throws when it is away. */
  send(queue: string, body: string): Promise<boolean>;
}

export const COUNTED = 10_000;
const TIMEOUT: Millis = millis(5_000);
const FIRST: LetterCursor = { at: "-infinity", id: "" };

export function openDeadLetters(parts: ShardParts): DeadLetters {
  const { topology, client, guardOf } = parts;
  const ask = (shard: Shard, statement: ReturnType<typeof sql>): Promise<readonly Row[]> =>
    guardOf(shard.primary).run(
      (signal) => client.call(shard.primary, renderSql(statement), { signal, caller: "job" }),
      { timeout: TIMEOUT },
    );
  const everywhere = (statement: ReturnType<typeof sql>) =>
    Promise.all(topology.shards.map(async (shard) => ({ shard, rows: await ask(shard, statement) })));

  async function settle(
    does: "drop" | "redrive",
    letter: string,
    now: Instant,
    once: Once | undefined,
  ): Promise<Settled | undefined> {
    const payload = { letter, does, at: new Date(now).toISOString(), ...(once === undefined ? {} : { once }) };
    const text = JSON.stringify(payload);
    // All shards are asked for the key before one of them does anything.
    const looks = await everywhere(sql`select find_letter(${text}::jsonb) as answer`);
    const seen = looks.map(({ shard, rows }) => ({ shard, answer: rows[0]?.["answer"] as SettleAnswer }));
    const known = seen.map(({ answer }) => settledOf(answer)).find((one) => one !== undefined);
    if (known !== undefined) return known;
    const found = seen.find(({ answer }) => answer["found"] === true);
    if (found === undefined) return undefined;
    const [row] = await ask(found.shard, sql`select settle_letter(${text}::jsonb) as answer`);
    const answer = row?.["answer"] as SettleAnswer | null;
    if (answer === null) return undefined;
    const settled = settledOf(answer);
    if (settled !== undefined) return settled;
    const lives = answer["epoch"] != null;
    const freed = {
      queue: answer["queue"] as string,
      body: answer["body"] as string | null,
      subscriber: answer["subscriber"] as string | null,
      position: position(Number(answer["position"] ?? 0)),
      space: lives
        ? {
            uid: spaceUid(answer["space"] as number),
            epoch: answer["epoch"] as number,
            residency: found.shard.residency,
          }
        : undefined,
    };
    return { is: "done", freed };
  }

  return {
    async keep(space, letter) {
      const own = topology.shards.find(({ residency }) => residency === space?.residency);
      const home = topology.shards.find(({ name }) => name === topology.home) as Shard;
      const payload = { ...letter, at: new Date(letter.at).toISOString(), space: own === undefined ? 0 : space?.uid };
      await ask(own ?? home, sql`select keep_dead_letter(${JSON.stringify(payload)}::jsonb)`);
    },
    async list(after, limit) {
      const { at, id } = after ?? FIRST;
      const found = await everywhere(
        sql`select l.*, to_char(l.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as exact
            from dead_letters_after(${at}::timestamptz, ${id}::text, ${limit}) l`,
      );
      const letters = found.flatMap(({ rows }) => rows.map((row) => ({ order: `${row["exact"]} ${row["id"]}`, row })));
      letters.sort((one, other) => (one.order < other.order ? -1 : 1));
      return letters.slice(0, limit).map(({ row }) => letterOf(row));
    },
    async count() {
      const found = await everywhere(sql`select count_dead_letters(${COUNTED}) as n`);
      return found.reduce((sum, { rows }) => sum + Number(rows[0]?.["n"] ?? 0), 0);
    },
    redrive: (id, now, once) => settle("redrive", id, now, once),
    drop: (id, now, once) => settle("drop", id, now, once),
  };
}

type SettleAnswer = Readonly<Record<string, unknown>>;

/** What ends the matter without an effect. */
function settledOf(answer: SettleAnswer): Settled | undefined {
  if ("refused" in answer) return { is: "refused", code: answer["refused"] as "request-in-progress" };
  return "replayed" in answer ? { is: "replayed", answer: answer as unknown as Once } : undefined;
}

function letterOf(row: Row): DeadLetter {
  const space = row["space"] as number;
  return {
    id: row["id"] as string,
    space: space === 0 ? null : spaceUid(space),
    at: row["exact"] as string,
    queue: row["queue"] as string,
    body: row["body"] as string | null,
    subscriber: row["subscriber"] as string | null,
    position: row["position"] == null ? null : position(row["position"] as number),
    reason: row["reason"] as string,
    attempts: row["attempts"] as number,
    isRedriven: row["redriven_at"] != null,
    isStopping: row["stopped"] === true,
  };
}
