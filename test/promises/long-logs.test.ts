// What a space's log has grown to costs nobody anything: rows that are looked at are counted, by Postgres itself.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeSpace, makeTypes, type Space, until } from "../support/client.ts";
import { insistent } from "../support/insist.ts";
import { openReceiver, type Receiver } from "../support/receiver.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

/** Far more than anything below has to look at, and quick to make. */
const MANY = 1_500;
/** What a few writes, their followers and a few reads look at, sweeps and chores included. */
const FEW = 500;
/** Sessions of the gateway end when they have been idle for a while, and tell what they did. */
const TOLD_MS = 3_000;
const FAMILIES = [
  "events",
  "streams",
  "commits",
  "entries",
  "revision",
  "published",
  "draft_ix",
  "published_ix",
  "refs",
  "analyses",
];

let sql: Sql;
let space: Space;
let uid: number;
let receiver: Receiver;

const lineOf = (id: string) =>
  JSON.stringify({ type: "country", id, fields: { name: { en: `Country ${id}` }, region: "here" }, publish: true });

async function importLines(lines: readonly string[]): Promise<void> {
  const started = await space.must("POST", "imports", {
    raw: lines.join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  const path = `imports/${started.body.id}`;
  await until("the import has ended", async () => (await space.must("GET", path)).body.status === "completed", 120_000);
  expect((await space.must("GET", path)).body.failed).toBe(0);
}

async function followed(): Promise<void> {
  await until(
    "everybody has followed",
    async () => {
      const [row] = await sql(
        "select h.position = all (select s.position from subscribers s where s.space = h.space) as is from space_head h where h.space = $1",
        [uid],
      );
      return row?.["is"] === true;
    },
    60_000,
  );
}

/** Rows of each table that were looked at since the server started, when nobody has anything more to tell. */
async function looked(): Promise<Readonly<Record<string, number>>> {
  const read = async () =>
    Object.fromEntries(
      (
        await sql(
          `select regexp_replace(relname, '_\\d+$', '') as family, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
           from pg_stat_user_tables where schemaname = 'public' group by 1`,
        )
      ).map((row) => [row["family"] as string, row["rows"] as number]),
    );
  let before = await read();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 2 * TOLD_MS));
    const now = await read();
    if (FAMILIES.every((family) => now[family] === before[family])) return now;
    before = now;
  }
}

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace());
  uid = await uidOf(sql, space.id);
  await makeTypes(space);
  await importLines(Array.from({ length: MANY }, (_, n) => lineOf(`c${n}`)));
  await followed();
  receiver = await openReceiver();
}, 240_000);
afterAll(async () => {
  await receiver?.close();
  await sql?.end();
});

describe(`in a space of ${MANY} entries`, () => {
  test("writes, what follows them, and reads look at what they are about", async () => {
    const events = ["entry.published", "entry.updated", "entry.unpublished", "entry.deleted"];
    await space.must("POST", "webhooks", { body: { url: receiver.url("/told"), events } });
    await followed();
    const before = await looked();
    await space.must("PUT", "entries/c7", {
      body: { type: "country", fields: { name: { en: "Seven" }, region: "there" } },
    });
    await space.must("POST", "entries/c7/publish");
    await space.must("PATCH", "entries/c8", { body: { fields: { region: "there" } } });
    await space.must("POST", "entries/c9/unpublish");
    const { body: created } = await space.must("POST", "entries", {
      body: { type: "country", fields: { name: { en: "New" }, region: "there" }, publish: true },
    });
    await importLines([lineOf("c10"), lineOf("new-one")]);
    await space.must("DELETE", `entries/${created.id}?force=true`);
    await followed();
    await until("webhooks are told", async () => receiver.got("/told").length >= 6, 60_000);
    const { body } = await space.must("GET", "changes?limit=5");
    expect(body.data.length).toBeGreaterThanOrEqual(5);
    await space.must("GET", `changes?after=${body.page.head - 3}&limit=5`);
    await space.must("GET", "content/country/c7");
    const now = await looked();
    const fetched = Object.fromEntries(FAMILIES.map((family) => [family, (now[family] ?? 0) - (before[family] ?? 0)]));
    expect(
      Object.entries(fetched).filter(([, rows]) => rows > FEW),
      JSON.stringify(fetched),
    ).toEqual([]);
    // They were counted at all.
    expect(fetched["events"]).toBeGreaterThan(0);
  }, 180_000);
});
