// What a subscriber reads, in one snapshot of the primary: its checkpoint, the events after it, and parked events to take in once more.
import { type SQL, sql } from "drizzle-orm";
import { type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { ORIGIN, type Position, position } from "../../kernel/position.ts";
import type { Row } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import type { SpaceAddress } from "./dirty-set.ts";
import type { ShardParts } from "./space-calls.ts";
import type { LogHeader, Subscriber } from "./subscriber.ts";

export interface Checkpoint {
  readonly seen: Position;
  readonly failures: number;
  readonly retryAt: Instant;
  readonly isStopped: boolean;
  readonly isIdle: boolean;
  /** The log's head in the same snapshot. */
  readonly head: Position;
  readonly events: readonly LogHeader[];
  readonly redriven: readonly { readonly letter: string; readonly event: LogHeader }[];
}

export interface SubscriberLog {
  /** `undefined`: no such space in this life. Throws when the primary is away. */
  read(
    space: SpaceAddress,
    subscriber: Pick<Subscriber, "name" | "idle">,
    limit: number,
  ): Promise<Checkpoint | undefined>;
  /** Events above `after` and up to `upTo`. */
  range(space: SpaceAddress, after: Position, upTo: Position, limit: number): Promise<readonly LogHeader[] | undefined>;
}

const TIMEOUT: Millis = millis(5_000);
const MOST_REDRIVEN = 20;

/** The space is said as a value wherever it is known: the partition is found once, when the statement is planned, and not for every event. */
function header(uid: SpaceUid): SQL {
  return sql`e.position, e.stream, e.version, e.type, e.schema, e.data - 'fields' - 'document' - 'shape' as data, e.at,
    case when e.stream like 'entry:%' then (select r.type from revision r where r.space = ${uid} and r.id = substr(e.stream, 7)
      and r.position <= e.position order by r.version desc limit 1) end as entry_type`;
}

/** Events above `after` and up to `upTo`, which is `limit` further on wherever it can be: from a wider range Postgres may read and sort everything. */
function page(uid: SpaceUid, after: SQL | number, upTo: SQL | number, limit: number): SQL {
  return sql`select ${header(uid)} from events e where e.space = ${uid} and e.position > ${after} and e.position <= ${upTo}
    order by e.position limit ${limit}`;
}

export function subscriberLog({ topology, client, guardOf }: ShardParts): SubscriberLog {
  async function snapshot(
    space: SpaceAddress,
    statements: readonly SQL[],
  ): Promise<readonly (readonly Row[])[] | undefined> {
    const primary = topology.shards.find(({ residency }) => residency === space.residency)?.primary;
    if (primary === undefined) return undefined;
    const batch = [sql`select * from bind_space(${space.uid})`, ...statements].map(renderSql);
    const rows = await guardOf(primary).run((signal) => client.snapshot(primary, batch, { signal, caller: "job" }), {
      timeout: TIMEOUT,
    });
    return rows[0]?.[0]?.["epoch"] === space.epoch ? rows : undefined;
  }

  /** After a restore positions begin anew above all that were ever given out, with nothing in between. */
  async function beyond(
    space: SpaceAddress,
    after: Position,
    upTo: Position,
    limit: number,
  ): Promise<readonly Row[] | undefined> {
    return (await snapshot(space, [page(space.uid, after, upTo, limit)]))?.[1];
  }

  return {
    async read(space, { name, idle }, limit) {
      // One value that is found first: with `coalesce` around it, row-level security would have every event looked at.
      const checkpoint = (further: number): SQL =>
        sql`(select coalesce(max(s.position), 0) + ${further}::int from subscribers s where s.space = ${space.uid} and s.subscriber = ${name})`;
      const found = await snapshot(space, [
        sql`select s.position, s.failures, s.retry_at, s.stopped_at is not null as stopped, ${idle?.(space.uid) ?? sql`false`} as idle
            from (select 1) one left join subscribers s on s.space = ${space.uid} and s.subscriber = ${name}`,
        page(space.uid, checkpoint(0), checkpoint(limit), limit),
        sql`select d.id as letter, ${header(space.uid)} from dead_letters d
            cross join lateral (select * from events e where e.space = ${space.uid} and e.position = d.position offset 0) e
            where d.space = ${space.uid} and d.subscriber = ${name} and d.redriven_at is not null order by d.position limit ${MOST_REDRIVEN}`,
      ]);
      if (found === undefined) return undefined;
      const [[head] = [], [row] = [], near = [], redriven = []] = found;
      const seen = position(Number(row?.["position"] ?? ORIGIN));
      const to = position(head?.["position"] as number);
      const events = near.length > 0 || to <= seen ? near : await beyond(space, seen, to, limit);
      if (events === undefined) return undefined;
      return {
        seen,
        failures: Number(row?.["failures"] ?? 0),
        retryAt: instant(Date.parse(String(row?.["retry_at"])) || 0),
        isStopped: row?.["stopped"] === true,
        isIdle: row?.["idle"] === true,
        head: to,
        events: events.map(headerOf),
        redriven: redriven.map((each) => ({ letter: each["letter"] as string, event: headerOf(each) })),
      };
    },
    async range(space, after, upTo, limit) {
      const found = await snapshot(space, [page(space.uid, after, Math.min(upTo, after + limit), limit)]);
      const near = found?.[1];
      const events = near?.length === 0 && upTo > after + limit ? await beyond(space, after, upTo, limit) : near;
      return events?.map(headerOf);
    },
  };
}

function headerOf(row: Row): LogHeader {
  return {
    position: position(row["position"] as number),
    stream: row["stream"] as string,
    version: row["version"] as number,
    type: row["type"] as string,
    schema: row["schema"] as number,
    data: row["data"] as JsonObject,
    at: instant(Date.parse(row["at"] as string)),
    entryType: (row["entry_type"] as string | null) ?? null,
  };
}
