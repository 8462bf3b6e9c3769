// The log as the relay reads it: on primaries only, because a reader that lags would make a digest look complete that is not.
import { sql } from "drizzle-orm";
import { type Millis, millis } from "../../kernel/clock.ts";
import { spaceUid } from "../../kernel/id.ts";
import { position } from "../../kernel/position.ts";
import type { Row, SqlClient } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Endpoint, Topology } from "../database/topology.ts";
import { attempt } from "../resilience/attempt.ts";
import type { Guard } from "../resilience/guard.ts";
import type { EventSource } from "./bring-up.ts";

const TIMEOUT: Millis = millis(5_000);
const MOST_SPACES = 100_000;

export function eventSource(parts: {
  topology: Topology;
  client: SqlClient;
  guardOf(endpoint: Endpoint): Guard;
}): EventSource {
  const { topology, client, guardOf } = parts;
  return {
    async changesAfter(space, after, limit) {
      const shard = topology.shards.find((each) => each.residency === space.residency);
      if (shard === undefined) return undefined;
      const statements = [
        renderSql(sql`select * from bind_space(${space.uid})`),
        renderSql(sql`select position, tags from events where space = ${space.uid} and position > ${after}
                      and position <= ${after + limit} and tags <> '{}' order by position`),
      ];
      const [heads, changes] = await guardOf(shard.primary).run(
        (signal) => client.snapshot(shard.primary, statements, { signal, caller: "job" }),
        { timeout: TIMEOUT },
      );
      const head = heads?.[0];
      if (head === undefined || head["epoch"] !== space.epoch) return undefined;
      return { head: position(head["position"] as number), changes: (changes ?? []).map(changeOf) };
    },
    async committedSince(since) {
      const statement = renderSql(
        sql`select * from recent_heads(${new Date(since).toISOString()}::timestamptz, ${MOST_SPACES})`,
      );
      const found = await Promise.all(
        topology.shards.map(async ({ primary, residency }) => {
          const rows = await attempt(() =>
            guardOf(primary).run((signal) => client.call(primary, statement, { signal, caller: "job" }), {
              timeout: TIMEOUT,
            }),
          );
          return rows.ok ? rows.value.map((row) => headOf(row, residency)) : [];
        }),
      );
      return found.flat();
    },
  };
}

function changeOf(row: Row) {
  return { position: position(row["position"] as number), tags: row["tags"] as readonly string[] };
}

function headOf(row: Row, residency: string) {
  const space = { uid: spaceUid(row["space"] as number), epoch: row["epoch"] as number, residency };
  return { space, position: position(row["position"] as number) };
}
