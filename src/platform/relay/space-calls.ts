// Calls of functions that bind the space themselves, one transaction each, on the primary of the space's shard: what follows the log acts through them.
import { sql } from "drizzle-orm";
import { type Millis, millis } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { SqlClient } from "../database/database.ts";
import { DatabaseError, isBusy, TooLarge } from "../database/outage.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Endpoint, Topology } from "../database/topology.ts";
import type { Guard } from "../resilience/guard.ts";
import type { SpaceAddress } from "./dirty-set.ts";

/** `{gone: true}` when the space is not there in this life (any more). Throws when the primary is away; whether it ran is then not known. */
export type SpaceCall = (space: SpaceAddress, name: string, payload: JsonObject) => Promise<JsonObject>;

export interface ShardParts {
  readonly topology: Topology;
  readonly client: SqlClient;
  guardOf(endpoint: Endpoint): Guard;
}

const TIMEOUT: Millis = millis(5_000);

/**
 * A call was ended because it took too long, waited too long for the space's lock, or is larger than one may be: nothing was written, and less
 * may go through. (An answer that is too large is another matter: it is there once more when asked for again.)
 */
export function wasTooMuch(error: unknown): boolean {
  return isBusy(error) || isTooLarge(error);
}

/** No smaller when it is called again. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof TooLarge;
}

/** Ended by its own duration, which may be what it asks for; whatever else is busy has nothing to do with it. */
export function tookTooLong(error: unknown): boolean {
  return error instanceof DatabaseError && error.sqlstate === "57014";
}

export function spaceCalls({ topology, client, guardOf }: ShardParts): SpaceCall {
  return async (space, name, payload) => {
    const shard = topology.shards.find(({ residency }) => residency === space.residency);
    if (shard === undefined) return { gone: true };
    const whole = JSON.stringify({ ...payload, space: space.uid, epoch: space.epoch });
    const statement = renderSql(sql`select ${sql.identifier(name)}(${whole}::jsonb) as answer`);
    const rows = await guardOf(shard.primary).run(
      (signal) => client.call(shard.primary, statement, { signal, caller: "job" }),
      { timeout: TIMEOUT },
    );
    return rows[0]?.["answer"] as JsonObject;
  };
}
