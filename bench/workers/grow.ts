// Fills a seeded space by SQL: events as commits would leave them, and the read models that the contexts' own fold makes of them.
// `npm run rebuild` is the proof that nothing else came in.
import pg from "pg";
import { shapeHistory } from "../../local/rebuild/compare.ts";
import { type ExpectedRow, rowsOf } from "../../local/rebuild/fold.ts";
import { instant } from "../../src/kernel/clock.ts";
import type { RecordedEvent } from "../../src/kernel/event.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";
import { fieldsOf, idOf, slugOf, TYPE } from "./seed.ts";

interface Kept {
  readonly type: string;
  readonly schema: number;
  readonly data: JsonObject;
  readonly meta: JsonObject;
  readonly tags: readonly string[];
}

const PAGE = 1_000;

/** Articles 1 … count − 1 beside article 0. `connectionString`: of the shard's primary, as its superuser. */
export async function grow(connectionString: string, uid: number, count: number): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: "bench" });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("select pg_advisory_xact_lock(7, $1)", [uid]);
    await fill(client, uid, count);
    await client.query("commit");
    await client.query("analyze");
  } finally {
    await client.end();
  }
}

async function fill(client: pg.Client, uid: number, count: number): Promise<void> {
  const { rows: kept } = await client.query<Kept>(
    "select type, schema, data, meta, tags from events where space = $1 and stream = $2 order by version",
    [uid, `entry:${idOf(0)}`],
  );
  const { rows: heads } = await client.query<{ position: number; micros: number }>(
    "select position::float8, floor(extract(epoch from at) * 1000000)::float8 as micros from space_head where space = $1",
    [uid],
  );
  const head = heads[0];
  if (head === undefined || kept.length === 0) throw new Error(`Space ${uid} is not seeded`);
  const shapes = await shapeHistory(client, uid);
  const events = kept.length;
  for (let first = 1; first < count; first += PAGE) {
    const rows: Record<string, ExpectedRow[]> = { events: [] };
    for (let n = first; n < Math.min(first + PAGE, count); n += 1) {
      const base = head.position + (n - 1) * events;
      // A commit each: one microsecond after the other, and so in the order of positions.
      const micros = head.micros + n;
      const stream = `entry:${idOf(n)}`;
      const recorded = kept.map((event, at) =>
        eventOf(event, n, { stream, version: at + 1, at: base + at + 1, micros }),
      );
      for (const [at, event] of recorded.entries())
        rows["events"]?.push({
          space: uid,
          ...event,
          at: micros,
          tags: (kept[at]?.tags ?? []).map((tag) => renamed(tag, n)),
        } as unknown as ExpectedRow);
      const folded = rowsOf(uid, { name: stream, events: recorded, commitEnd: base + events }, shapes);
      for (const [table, some] of Object.entries(folded)) {
        rows[table] ??= [];
        rows[table].push(...some);
      }
    }
    for (const [table, some] of Object.entries(rows)) await insert(client, uid, table, some);
  }
  await client.query(
    "update type_count set drafts = drafts + $3, published = published + $3 where space = $1 and type = $2",
    [uid, TYPE, count - 1],
  );
  await client.query(
    "update space_head set position = position + $2, entries = entries + $3, at = at + $3 * interval '1 microsecond' where space = $1",
    [uid, (count - 1) * events, count - 1],
  );
}

function eventOf(
  { type, schema, data, meta }: Kept,
  n: number,
  { stream, version, at, micros }: { stream: string; version: number; at: number; micros: number },
): RecordedEvent {
  const own = type === "EntryCreated" ? { ...data, slug: slugOf(n), fields: fieldsOf(n) } : data;
  return {
    position: position(at),
    stream,
    version,
    type,
    schema,
    data: own as JsonObject,
    meta: meta as unknown as RecordedEvent["meta"],
    at: instant(Math.floor(micros / 1000)),
  };
}

/** Tags name ids and slugs at their end. */
function renamed(tag: string, n: number): string {
  for (const [old, now] of [
    [idOf(0), idOf(n)],
    [slugOf(0), slugOf(n)],
  ] as const)
    if (tag.endsWith(`:${old}`) || tag.endsWith(`/${old}`)) return tag.slice(0, -old.length) + now;
  return tag;
}

async function insert(client: pg.Client, uid: number, table: string, rows: readonly ExpectedRow[]): Promise<void> {
  if (rows.length === 0) return;
  if (table === "events") {
    await client.query(
      `insert into events (space, position, stream, version, type, schema, data, meta, at, tags)
       select e.space, e.position, e.stream, e.version, e.type, e.schema, e.data, e.meta, to_timestamp(0) + e.at * interval '1 microsecond', e.tags
       from jsonb_to_recordset($1::jsonb) as e(space int, position bigint, stream text, version int, type text, schema smallint, data jsonb, meta jsonb, at bigint, tags text[])`,
      [JSON.stringify(rows)],
    );
    return;
  }
  await client.query(
    `insert into ${table} select (jsonb_populate_record(null::${table}, case when j ? 'tokens'
         then j - 'tokens' || jsonb_build_object('terms', coalesce((select jsonb_agg(distinct term_token($2, j->>'type', t)) from jsonb_array_elements_text(j->'tokens') t), '[]'))
         else j end)).* from jsonb_array_elements($1::jsonb) j where $2::int is not null`,
    [JSON.stringify(rows), uid],
  );
}
