// The log of one space, a page of whole streams at a time, so that memory does not grow with the space.
import type pg from "pg";
import { instant } from "../../src/kernel/clock.ts";
import type { EventMeta, RecordedEvent } from "../../src/kernel/event.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";

export interface Stream {
  readonly name: string;
  readonly events: readonly RecordedEvent[];
  /** Last position of the commit that the last event came with. */
  readonly commitEnd: number;
}

/** Streams whose names are above `after` and not above `upTo`; `null`: up to the end of their kind. */
export interface Page {
  readonly streams: readonly Stream[];
  readonly after: string;
  readonly upTo: string | null;
}

const PAGE_STREAMS = 200;
const PAGE_EVENTS = 400;

/** Every stream that begins with `prefix`, in order; the pages leave no gap between them. */
export async function* pagesOf(client: pg.ClientBase, space: number, prefix: string): AsyncGenerator<Page> {
  for (let after: string | null = prefix; after !== null; ) {
    const names: readonly string[] = await nextStreams(client, space, prefix, after);
    const upTo: string | null = names.at(-1) ?? null;
    yield { streams: await streamsOf(client, space, names), after, upTo };
    after = upTo;
  }
}

/** As many as have few events in all; at least one. */
async function nextStreams(client: pg.ClientBase, space: number, prefix: string, after: string): Promise<string[]> {
  const { rows } = await client.query<{ stream: string; events: number }>(
    `select e.stream, (select max(v.version) from events v where v.space = $1 and v.stream = e.stream) as events
     from events e where e.space = $1 and e.version = 1 and e.stream > $2 and e.stream < $3 order by e.stream limit ${PAGE_STREAMS}`,
    [space, after, endOf(prefix)],
  );
  let sum = 0;
  const chosen: string[] = [];
  for (const { stream, events } of rows) {
    sum += events;
    if (chosen.length > 0 && sum > PAGE_EVENTS) break;
    chosen.push(stream);
  }
  return chosen;
}

/** These streams; one without events is there with none. */
export async function streamsOf(
  client: pg.ClientBase,
  space: number,
  names: readonly string[],
): Promise<readonly Stream[]> {
  if (names.length === 0) return [];
  const { rows } = await client.query(
    `select position::float8, stream, version, type, schema, data, meta, floor(extract(epoch from at) * 1000)::float8 as at
     from events where space = $1 and stream = any($2) order by stream, version`,
    [space, names],
  );
  const ends = await commitEnds(client, space, names);
  const events = Map.groupBy(rows, (row: { stream: string }) => row.stream);
  return names.map((name) => ({
    name,
    events: (events.get(name) ?? []).map(recorded),
    commitEnd: ends.get(name) ?? 0,
  }));
}

/** Events of one commit share their time, and no other commit of the space has it: the rows of `commits` are soon forgotten. */
async function commitEnds(
  client: pg.ClientBase,
  space: number,
  names: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await client.query<{ stream: string; end: number }>(
    `select s.stream, coalesce(
        (select n.position - 1 from events n where n.space = $1 and n.position > l.position and n.at <> l.at order by n.position limit 1),
        (select max(m.position) from events m where m.space = $1))::float8 as end
     from unnest($2::text[]) as s(stream)
     cross join lateral (select e.position, e.at from events e where e.space = $1 and e.stream = s.stream order by e.version desc limit 1) l`,
    [space, names],
  );
  return new Map(rows.map(({ stream, end }) => [stream, end]));
}

function recorded(row: Record<string, unknown>): RecordedEvent {
  return {
    position: position(row["position"] as number),
    stream: row["stream"] as string,
    version: row["version"] as number,
    type: row["type"] as string,
    schema: row["schema"] as number,
    data: row["data"] as JsonObject,
    meta: row["meta"] as unknown as EventMeta,
    at: instant(row["at"] as number),
  };
}

/** Above every name that begins so: in the order of bytes, ";" follows ":". */
function endOf(prefix: string): string {
  return prefix.endsWith(":") ? `${prefix.slice(0, -1)};` : `${prefix};`;
}
