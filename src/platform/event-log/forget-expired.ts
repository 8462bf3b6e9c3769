// What nobody can ask for any more (idempotency keys, commit ids, old deliveries) is deleted in small steps, shard by shard.
import { sql } from "drizzle-orm";
import type { SqlClient } from "../database/database.ts";
import { renderSql } from "../database/render-sql.ts";
import type { Topology } from "../database/topology.ts";

/** A step has 2.2 s, and each row may be an answer of a mebibyte. */
const STEP = 1_000;
const STEPS = 200;
const STEP_MS = 2_400;

/** `functions`: each forgets a bounded number of rows and answers how many. How many rows were deleted in all. */
export async function forgetExpired(
  topology: Topology,
  client: SqlClient,
  functions: readonly string[],
): Promise<number> {
  const counts = await Promise.all(
    topology.shards.map(async ({ primary }) => {
      let all = 0;
      for (const name of functions) {
        const statement = renderSql(sql`select ${sql.identifier(name)}(${STEP}) as n`);
        for (let step = 0; step < STEPS; step += 1) {
          const rows = await client.call(primary, statement, { signal: AbortSignal.timeout(STEP_MS), caller: "job" });
          const n = Number(rows[0]?.["n"] ?? 0);
          all += n;
          // Fewer than were asked for says nothing: some functions take smaller steps than this.
          if (n === 0) break;
        }
      }
      return all;
    }),
  );
  return counts.reduce((sum, n) => sum + n, 0);
}
