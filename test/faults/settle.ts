// When the faults are over: everything dies once more, the time passes that retries and leases wait for, everything starts again, and whoever is
// behind catches up.
import type { RecordedSpace } from "../support/invariants/recording.ts";
import type { Session } from "../support/postgres.ts";
import { wait } from "./caller.ts";
import type { Workers } from "./workers.ts";

export interface Settling {
  readonly workers: Workers;
  readonly spaces: readonly RecordedSpace[];
  /** Sessions of the primaries, by residency. */
  readonly shards: ReadonlyMap<string, Session>;
  redis(...command: readonly string[]): Promise<unknown>;
  readonly log: (line: string) => void;
  /** Without anything getting done. A lease that somebody lost lives for a minute. */
  readonly patienceMs: number;
}

export async function settle(settling: Settling, count: number): Promise<boolean> {
  const { workers, spaces, redis, log, patienceMs } = settling;
  // Only the dead hold what nobody will finish, and had their messages: their leases may be taken for over.
  for (let n = 0; n < count; n += 1) await workers.kill(n);
  await everywhere(settling, [
    "update deliveries set lease_until = '-infinity', queued_until = '-infinity' where state = 'pending' and space = any ($1)",
    "update jobs set lease_until = '-infinity', queued_until = '-infinity' where not closed and space = any ($1)",
    "update subscribers set turn_at = '-infinity' where space = any ($1)",
  ]);
  await Promise.all(Array.from({ length: count }, (_, n) => workers.restart(n)));
  let open: readonly string[] = [];
  let moved = Date.now();
  for (let round = 0; Date.now() - moved < patienceMs; round += 1) {
    await everywhere(settling, round % 5 === 4 ? [...PASSES, ...LOST] : PASSES);
    const aged = String((Date.now() - 60_000) * 1_000);
    for (const { uid, epoch, residency } of spaces) await redis("ZADD", "dirty", aged, `${uid}.${epoch}.${residency}`);
    await workers.ringCron(Date.now());
    await wait(1_000);
    const before = open.join("; ");
    open = await openEnds(settling);
    if (open.join("; ") !== before) moved = Date.now();
    if (open.length === 0) return true;
    if (round % 10 === 9) log(`after ${round + 1} rounds: ${open.join("; ")}`);
  }
  log(`nothing moves any more: ${open.join("; ")}`);
  for (const sql of settling.shards.values())
    for (const { row } of await sql(
      "select to_jsonb(d) || jsonb_build_object('state_of_webhook', to_jsonb(s)) as row from deliveries d left join webhook_state s on s.space = d.space and s.webhook = d.webhook where d.state = 'pending' and d.space = any ($1) limit 20",
      [spaces.map(({ uid }) => uid)],
    ))
      log(JSON.stringify(row));
  return false;
}

/** The time that is waited for. */
const PASSES = [
  "update deliveries set visible_at = now() where state = 'pending' and visible_at > now() and space = any ($1)",
  "update deliveries set due_at = now() where state = 'pending' and due_at > now() and due_at < 'infinity' and space = any ($1)",
  "update webhook_state set open_until = '-infinity' where open_until > now() and space = any ($1)",
  "update jobs set due_at = now() where not closed and due_at > now() and space = any ($1)",
  "update subscribers set retry_at = '-infinity' where retry_at > now() and space = any ($1)",
];
/** A message that was lost is believed to be under way for two minutes. */
const LOST = [
  "update deliveries set queued_until = '-infinity' where state = 'pending' and lease_until < now() and space = any ($1)",
  "update jobs set queued_until = '-infinity' where not closed and lease_until < now() and space = any ($1)",
];

async function everywhere({ spaces, shards }: Settling, statements: readonly string[]): Promise<void> {
  for (const [residency, sql] of shards) {
    const uids = spaces.filter((space) => space.residency === residency).map(({ uid }) => uid);
    for (const statement of statements) await insist(sql, statement, uids);
  }
}

const DEADLOCK = "40P01";

/** These write thousands of rows in no order that anybody else keeps: when they meet who keeps one, one of them has to give way. */
async function insist(sql: Session, statement: string, uids: readonly number[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await sql(statement, [uids]);
      return;
    } catch (error) {
      if ((error as { readonly code?: string }).code !== DEADLOCK || tries === 5) throw error;
    }
  }
}

/** What is not done yet. */
async function openEnds({ spaces, shards, redis }: Settling): Promise<readonly string[]> {
  const open: string[] = [];
  for (const { id, uid, epoch, residency } of spaces) {
    const sql = shards.get(residency) as Session;
    const [row] = await sql(
      `select h.position as head,
        (select count(*)::int from deliveries d join webhooks w on w.space = d.space and w.id = d.webhook where d.space = h.space and d.state = 'pending') as pending,
        (select count(*)::int from webhook_replays r where r.space = h.space and r.reached < r.to_pos and r.cancelled_at is null) as replays,
        (select count(*)::int from jobs j where j.space = h.space and not j.closed) as jobs,
        coalesce((select min(s.position) from subscribers s where s.space = h.space), 0) as followed
       from space_head h where h.space = $1`,
      [uid],
    );
    const digest = await redis("ZSCORE", `digest:${uid}.${epoch}`, "!head");
    const head = row?.["head"] as number;
    if (row?.["pending"] !== 0) open.push(`${id}: ${row?.["pending"]} deliveries`);
    if (row?.["jobs"] !== 0) open.push(`${id}: ${row?.["jobs"]} jobs`);
    if (row?.["replays"] !== 0) open.push(`${id}: ${row?.["replays"]} replays`);
    if ((row?.["followed"] as number) < head) open.push(`${id}: followed to ${row?.["followed"]} of ${head}`);
    if (Number(digest ?? -1) < head) open.push(`${id}: the digest is at ${digest ?? "nothing"} of ${head}`);
  }
  return open;
}
