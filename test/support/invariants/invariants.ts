// The eight invariants of a write, checked on what a run recorded and on what is left in the databases once all is quiet.
import { findDifferences } from "../../../local/rebuild/rebuild-space.ts";
import { openPostgres, type Session } from "../postgres.ts";
import { troublesWithoutFault } from "./answers.ts";
import { digestAgainstLog } from "./digest.ts";
import { checkpointsOf, deliveriesOf } from "./followers.ts";
import { importsOf } from "./imports.ts";
import { gapsOf, readLog, writesAgainstLog } from "./log.ts";
import type { RecordedSpace, Recording, Violation } from "./recording.ts";

export interface Deployment {
  /** Connection strings of the shards' primaries as owner of the tables, by residency. */
  readonly primaries: Readonly<Record<string, string>>;
  redis(...command: readonly string[]): Promise<unknown>;
  /** The Worker's SECRET: names in the digest are hashed with it. */
  readonly secret: string;
}

/** Milliseconds after a fault in which its traces may still be seen: a breaker's longest pause, and a probe that fails. */
export const GRACE = 12_000;

export async function findViolations(recording: Recording, deployment: Deployment): Promise<readonly Violation[]> {
  const found: Violation[] = [...recording.seen, ...troublesWithoutFault(recording, GRACE)];
  const sessions = new Map<string, Session>();
  for (const [residency, primary] of Object.entries(deployment.primaries))
    sessions.set(residency, await openPostgres(primary));
  try {
    const names = await subscribersOf([...sessions.values()], recording.spaces);
    for (const space of recording.spaces) {
      const sql = sessions.get(space.residency);
      const primary = deployment.primaries[space.residency];
      if (sql === undefined || primary === undefined) throw new Error(`There is no shard of ${space.residency}`);
      found.push(...(await ofSpace(recording, deployment, space, sql, primary, names)));
    }
  } finally {
    for (const session of sessions.values()) await session.end();
  }
  return found;
}

async function ofSpace(
  recording: Recording,
  { redis, secret }: Deployment,
  space: RecordedSpace,
  sql: Session,
  primary: string,
  names: readonly string[],
): Promise<readonly Violation[]> {
  const log = await readLog(sql, space.uid);
  return [
    ...writesAgainstLog(
      space,
      log,
      recording.writes.filter((write) => write.space === space.id),
    ),
    ...(await gapsOf(sql, space, log)),
    ...(await modelsOf(primary, space)),
    ...(await checkpointsOf(sql, space, names, log.at(-1)?.position ?? 0)),
    ...(await deliveriesOf(sql, space, log, recording)),
    ...(await importsOf(sql, space, log, recording)),
    ...(await digestAgainstLog(space, log, redis, secret)),
  ];
}

/** Invariant 3: read models equal the fold over the events. Of a log that is damaged nothing can be folded, and invariant 2 says so. */
async function modelsOf(primary: string, space: RecordedSpace): Promise<readonly Violation[]> {
  try {
    const differences = await findDifferences(primary, space.uid);
    const found = differences.map(({ table, what, key, columns }) => ({
      invariant: 3 as const,
      space: space.id,
      what: `${table} ${JSON.stringify(key)} is ${what}${columns.length > 0 ? `: ${columns.join(", ")}` : ""}`,
    }));
    return found;
  } catch (error) {
    return [{ invariant: 3, space: space.id, what: `nothing can be folded: ${String(error)}` }];
  }
}

/** Whoever keeps a checkpoint in one of the spaces follows all of them. */
async function subscribersOf(
  sessions: readonly Session[],
  spaces: readonly RecordedSpace[],
): Promise<readonly string[]> {
  const names = new Set(["webhooks"]);
  const uids = spaces.map(({ uid }) => uid);
  for (const sql of sessions)
    for (const row of await sql("select distinct subscriber from subscribers where space = any ($1)", [uids]))
      names.add(row["subscriber"] as string);
  return [...names];
}
