// One space: its log is replayed and every read model compared with the fold, in one snapshot, whatever is written meanwhile.
import type pg from "pg";
import {
  type Counts,
  count,
  type ExpectedRow,
  type ExpectedRows,
  rowsOf,
  type ShapeHistory,
  shapesOf,
} from "./fold.ts";
import { type Page, pagesOf, type Stream, streamsOf } from "./log.ts";
import { type Difference, differencesIn, type Extent, TABLES } from "./tables.ts";

export interface Comparison {
  /** Last position of the log in the snapshot. */
  readonly position: number;
  readonly counts: Counts;
}

export interface CompareOptions {
  /** The space's public id, when the directory knows it. */
  readonly publicId?: string | undefined;
  /** Called page by page, as they are found. */
  found(differences: readonly Difference[]): Promise<void> | void;
}

const KINDS = ["type:", "key:", "webhook:", "entry:"] as const;

/** Throws when the log itself is damaged: nothing can be rebuilt from it. */
export async function compareSpace(client: pg.ClientBase, space: number, options: CompareOptions): Promise<Comparison> {
  await client.query("begin isolation level repeatable read read only");
  try {
    const head = await headOf(client, space);
    const counts: Counts = new Map();
    const shapes = await shapeHistory(client, space);
    const strays = await client.query<{ stream: string }>(
      "select stream from streams where space = $1 and stream !~ '^(entry|type|key|webhook):' and stream <> 'space'",
      [space],
    );
    await options.found(
      await compareStreams(client, space, ["space", ...strays.rows.map((row) => row.stream)], shapes, options.publicId),
    );
    for (const kind of KINDS) {
      for await (const page of pagesOf(client, space, kind)) {
        for (const stream of page.streams) {
          checkStream(stream);
          if (kind === "entry:") count(counts, stream);
        }
        await options.found(await comparePage(client, space, kind, page, shapes));
      }
    }
    await options.found(await compareCounters(client, space, counts, head));
    return { position: Number(head?.["position"] ?? 0), counts };
  } finally {
    await client.query("rollback");
  }
}

/** Some streams and the rows of their aggregates, as the transaction that is open sees them. */
export async function compareStreams(
  client: pg.ClientBase,
  space: number,
  names: readonly string[],
  shapes: ShapeHistory,
  publicId: string | undefined,
): Promise<readonly Difference[]> {
  const streams = await streamsOf(client, space, names);
  streams.forEach(checkStream);
  const expected = gather(space, streams, shapes, publicId);
  const found: Difference[] = [];
  for (const [table, { prefix }] of Object.entries(TABLES)) {
    if (table === "type_count" || table === "space_head") continue;
    const own = names
      .filter((name) => name.startsWith(prefix))
      .map((name) => (table === "spaces" ? String(space) : name.slice(prefix.length)));
    if (own.length > 0)
      found.push(...(await differencesIn(client, space, table, { only: own }, expected[table] ?? [])));
  }
  return found.filter(countsUnder(shapes, expected));
}

export async function shapeHistory(client: pg.ClientBase, space: number): Promise<ShapeHistory> {
  const { rows } = await client.query<{ type: string }>(
    "select type from types where space = $1 and pending ? 'rows'",
    [space],
  );
  const indexing = new Set(rows.map(({ type }) => type));
  let shapes: ShapeHistory = new Map();
  for await (const { streams } of pagesOf(client, space, "type:"))
    shapes = new Map([...shapes, ...shapesOf(streams, indexing)]);
  return shapes;
}

/** `head`: what the log says of the space's row in `space_head`; `undefined`: there is no log. */
export async function compareCounters(
  client: pg.ClientBase,
  space: number,
  counts: Counts,
  head: ExpectedRow | undefined,
): Promise<readonly Difference[]> {
  const rows = Array.from(counts, ([type, { drafts, published }]) => ({ space, type, drafts, published }));
  const entries = rows.reduce((sum, { drafts }) => sum + drafts, 0);
  return [
    ...(await differencesIn(client, space, "type_count", "all", rows)),
    ...(await differencesIn(client, space, "space_head", "all", head === undefined ? [] : [{ ...head, entries }])),
  ];
}

/** A space's epoch is not in its log. */
export async function headOf(client: pg.ClientBase, space: number): Promise<ExpectedRow | undefined> {
  const { rows } = await client.query<{ head: Record<string, string | number>; events: number }>(
    `select jsonb_build_object('space', $1::int, 'position', max(position), 'at', max(at),
        'settings_pos', coalesce(max(position) filter (where stream = 'space'), 0),
        'schema_pos', coalesce(max(position) filter (where stream like 'type:%'), 0),
        'keys_pos', coalesce(max(position) filter (where stream like 'key:%'), 0)) as head,
      count(*)::float8 as events
     from events where space = $1`,
    [space],
  );
  const row = rows[0];
  if (row === undefined || row.events === 0) return undefined;
  if (row.head["position"] !== row.events)
    throw new Error(
      `The log of space ${space} is damaged: ${row.events} events up to position ${row.head["position"]}`,
    );
  return row.head;
}

async function comparePage(
  client: pg.ClientBase,
  space: number,
  kind: string,
  { streams, after, upTo }: Page,
  shapes: ShapeHistory,
): Promise<readonly Difference[]> {
  const expected = gather(space, streams, shapes, undefined);
  const ids: Extent = { after: after.slice(kind.length), upTo: upTo === null ? null : upTo.slice(kind.length) };
  const names: Extent = { after, upTo: upTo ?? `${kind.slice(0, -1)};` };
  const found = [...(await differencesIn(client, space, "streams", names, expected["streams"] ?? []))];
  for (const [table, { prefix }] of Object.entries(TABLES)) {
    if (prefix === kind) found.push(...(await differencesIn(client, space, table, ids, expected[table] ?? [])));
  }
  return found.filter(countsUnder(shapes, expected));
}

/** References that a job which indexes has written, or not taken back yet, are no differences. */
function countsUnder(shapes: ShapeHistory, expected: ExpectedRows): (difference: Difference) => boolean {
  const isIndexing = (row: ExpectedRow) => shapes.get(String(row["type"]))?.isIndexing === true;
  const indexing = new Set((expected["entries"] ?? []).filter(isIndexing).map((row) => row["id"]));
  return ({ table, what, key }) => !(table === "refs" && what === "unexpected" && indexing.has(String(key[0])));
}

function gather(
  space: number,
  streams: readonly Stream[],
  shapes: ShapeHistory,
  publicId: string | undefined,
): ExpectedRows {
  const all: Record<string, ExpectedRow[]> = {};
  for (const stream of streams) {
    for (const [table, rows] of Object.entries(rowsOf(space, stream, shapes))) {
      const named = table === "spaces" && publicId !== undefined ? rows.map((row) => ({ ...row, id: publicId })) : rows;
      all[table] = [...(all[table] ?? []), ...named];
    }
  }
  return all;
}

function checkStream({ name, events }: Stream): void {
  const gap = events.find((event, at) => event.version !== at + 1 || event.schema !== 1);
  if (gap !== undefined)
    throw new Error(
      `The log is damaged: stream "${name}" goes on with version ${gap.version} (schema ${gap.schema}) at position ${gap.position}`,
    );
}
