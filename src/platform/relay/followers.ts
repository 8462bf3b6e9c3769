// For the sweep: finds who has not followed the log, or has something due, and sets it going again.
import { type SQL, sql } from "drizzle-orm";
import { type Clock, type Instant, instant, type Millis, millis } from "../../kernel/clock.ts";
import { spaceUid } from "../../kernel/id.ts";
import { position } from "../../kernel/position.ts";
import type { Row } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import { attempt, nameOf } from "../resilience/attempt.ts";
import type { Bells } from "./bell.ts";
import type { SpaceAddress } from "./dirty-set.ts";
import type { Report } from "./relay.ts";
import type { ShardParts } from "./space-calls.ts";

/** When each space with something left has to be looked at again, by `keyOf`. */
export type LookAgain = ReadonlyMap<string, Instant>;

/** One question to a shard's primary, about all of its spaces: only functions that tell ids, numbers and times answer such. */
export type ShardAsk = (statement: SQL) => Promise<readonly Row[]>;

/** `spaces`: those of the residency, or all. Throws when the shard is away. */
export type Rouse = (ask: ShardAsk, residency: string, spaces: readonly SpaceAddress[] | "all") => Promise<LookAgain>;

export interface Followers {
  /** Spaces of shards that are away are to be looked at again now. */
  rouse(spaces: readonly SpaceAddress[] | "all"): Promise<LookAgain>;
}

export const keyOf = ({ uid, epoch }: Pick<SpaceAddress, "uid" | "epoch">): string => `${uid}.${epoch}`;

const TIMEOUT: Millis = millis(10_000);
const MOST_SPACES = 10_000;

export function followers(
  parts: ShardParts & { readonly clock: Clock; readonly report: Report },
  rouses: readonly Rouse[],
): Followers {
  const { topology, client, guardOf, clock, report } = parts;
  return {
    async rouse(spaces) {
      const again = new Map<string, Instant>();
      const note = (key: string, at: Instant) => again.set(key, instant(Math.min(at, again.get(key) ?? at)));
      await Promise.all(
        topology.shards.map(async ({ primary, residency }) => {
          const own = spaces === "all" ? spaces : spaces.filter((space) => space.residency === residency);
          if (own.length === 0) return;
          const ask: ShardAsk = (statement) =>
            guardOf(primary).run((signal) => client.call(primary, renderSql(statement), { signal, caller: "job" }), {
              timeout: TIMEOUT,
            });
          for (const rouse of rouses) {
            const found = await attempt(() => rouse(ask, residency, own));
            if (found.ok) for (const [key, at] of found.value) note(key, at);
            else {
              report("not-roused", { shard: primary.name, why: nameOf(found.error) });
              if (own !== "all") for (const space of own) note(keyOf(space), clock.now());
            }
          }
        }),
      );
      return again;
    },
  };
}

/** As Postgres reads an array; null: all. */
export function uidsOf(spaces: readonly SpaceAddress[] | "all"): string | null {
  return spaces === "all" ? null : `{${spaces.map(({ uid }) => uid).join(",")}}`;
}

/** Rings for spaces in which a subscriber has not followed the log. One that stopped is left alone: an operator has to look. */
export function rouseSubscribers(parts: {
  readonly bells: Pick<Bells, "ring">;
  readonly clock: Clock;
  readonly names: readonly string[];
}): Rouse {
  const { bells, clock, names } = parts;
  return async (ask, residency, spaces) => {
    const now = new Date(clock.now()).toISOString();
    const rows = await ask(
      sql`select * from lagging_spaces(${uidsOf(spaces)}::int[], ${`{${names.join(",")}}`}::text[], ${now}::timestamptz, ${MOST_SPACES})`,
    );
    const again = new Map<string, Instant>();
    for (const row of rows) {
      const space = { uid: spaceUid(row["space"] as number), epoch: row["epoch"] as number, residency };
      again.set(keyOf(space), instant(Date.parse(row["look_at"] as string)));
      await attempt(() => bells.ring({ ...space, position: position(row["position"] as number) }));
    }
    return again;
  };
}
