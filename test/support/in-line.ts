// Two writes of which the second has decided before the first has committed: the race that luck finds rarely, made to happen.
import { type Answer, until } from "./client.ts";
import { openSql, type Sql } from "./shards.ts";

/** commit_write's lock: advisory, (7, space). */
const SPACE_LOCK = 7;

/**
 * Holds a space's lock until the commit of `first` stands in line and then that of `second`; then lets them go, in that order. Commits wait
 * for no longer than two seconds: on a machine that is slower than that it is all done again, with another round number.
 */
export async function inLine(
  uid: number,
  first: (round: number) => Promise<Answer>,
  second: (round: number) => Promise<Answer>,
): Promise<readonly [Answer, Answer]> {
  const [holder, watcher] = await Promise.all([openSql(), openSql()]);
  try {
    for (let round = 0; round < 10; round += 1) {
      await holder("select pg_advisory_lock($1, $2)", [SPACE_LOCK, uid]);
      const one = first(round);
      await waiting(watcher, uid, 1, one);
      const two = second(round);
      await waiting(watcher, uid, 2, two);
      await holder("select pg_advisory_unlock($1, $2)", [SPACE_LOCK, uid]);
      const answers = await Promise.all([one, two]);
      if (answers.every(({ status }) => status !== 503)) return answers;
    }
  } finally {
    await Promise.all([holder.end(), watcher.end()]);
  }
  throw new Error("the commits never stood in line");
}

/** Until so many commits wait for the lock, or the write has been answered without. */
async function waiting(sql: Sql, uid: number, commits: number, write: Promise<Answer>): Promise<void> {
  let isAnswered = false;
  const answered = (): void => {
    isAnswered = true;
  };
  write.then(answered, answered);
  await until(`${commits} commits of space ${uid} wait`, async () => {
    const [row] = await sql(
      "select count(*)::int as n from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2 and not granted",
      [SPACE_LOCK, uid],
    );
    return isAnswered || (row?.["n"] as number) >= commits;
  });
}
