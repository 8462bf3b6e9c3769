// What must be true of a space's log and of everything derived from it, whatever happened: looked up in Postgres, folded here.
import { expect } from "vitest";
import { headOf, type Row, type Sql } from "./shards.ts";

export interface LogEvent {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly actor: string;
  /** With microseconds. */
  readonly at: string;
}

interface Folded {
  readonly type: string;
  slug: string | null;
  fields: unknown;
  status: string;
  version: number;
  publishedVersion: number | null;
  revision: number;
}
interface Shown {
  readonly id: string;
  readonly slug: string | null;
  readonly fields: unknown;
  readonly version: number;
  readonly from: number;
}

export async function logOf(sql: Sql, uid: number): Promise<LogEvent[]> {
  const rows = await sql(
    `select position, stream, version, type, data, meta->>'requestId' as "requestId", meta->>'actor' as actor,
            to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at from events where space = $1 order by position`,
    [uid],
  );
  return rows as unknown as LogEvent[];
}

/** Checks a space against its log and answers the log. */
export async function checkSpace(sql: Sql, uid: number): Promise<LogEvent[]> {
  const log = await logOf(sql, uid);
  expect(
    log.map(({ position }) => position),
    "positions are gapless",
  ).toEqual(log.map((_, at) => at + 1));
  expect(await headOf(sql, uid), "the head is the last position").toBe(log.length);
  await checkStreams(sql, uid, log);
  await checkTimes(sql, uid, log);
  await checkModels(sql, uid, log);
  return log;
}

async function checkStreams(sql: Sql, uid: number, log: readonly LogEvent[]): Promise<void> {
  const versions = new Map<string, number[]>();
  for (const { stream, version } of log) versions.set(stream, [...(versions.get(stream) ?? []), version]);
  for (const [stream, found] of versions)
    expect(found, `versions of ${stream}, by position`).toEqual(found.map((_, at) => at + 1));
  const rows = await sql("select stream, version from streams where space = $1", [uid]);
  const kept = Object.fromEntries(rows.map((row) => [row["stream"], row["version"]]));
  expect(kept, "rows of streams").toEqual(
    Object.fromEntries([...versions].map(([stream, found]) => [stream, found.length])),
  );
}

/** Commits tile the log without gaps, one time each, strictly later than the commit before. */
async function checkTimes(sql: Sql, uid: number, log: readonly LogEvent[]): Promise<void> {
  const commits = await sql(
    "select first, position, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') as at from commits where space = $1 order by position",
    [uid],
  );
  let reached = 0;
  let last = "";
  for (const { first, position, at } of commits as { first: number; position: number; at: string }[]) {
    expect(first, "commits follow one another").toBe(reached + 1);
    expect(at > last, `commit at ${first}: ${at} is later than ${last}`).toBe(true);
    expect(
      new Set(log.slice(first - 1, position).map((event) => event.at)),
      `one time for the commit at ${first}`,
    ).toEqual(new Set([at]));
    [reached, last] = [position, at];
  }
  expect(reached, "commits cover the log").toBe(log.length);
}

/** Drafts, what is published, the past, sort rows, references and counts against a fold over the events. */
async function checkModels(sql: Sql, uid: number, log: readonly LogEvent[]): Promise<void> {
  const { entries, published, past } = fold(log);
  const byId = (rows: readonly Row[]): Record<string, Row> =>
    Object.fromEntries(rows.map((row) => [row["id"] as string, row]));
  const drafts = await sql(
    `select id, type, slug, fields, status, version, published_version as "publishedVersion", revision from entries where space = $1`,
    [uid],
  );
  expect(byId(drafts), "drafts").toEqual(Object.fromEntries([...entries].map(([id, entry]) => [id, { id, ...entry }])));
  const shown = await sql(`select id, slug, fields, version, from_pos as "from" from published where space = $1`, [
    uid,
  ]);
  expect(byId(shown), "published").toEqual(Object.fromEntries([...published].map(([id, one]) => [id, one])));
  const ended = await sql("select id, version, from_pos, to_pos from published_past where space = $1 order by to_pos", [
    uid,
  ]);
  expect(
    ended.map((row) => [row["id"], row["version"], row["from_pos"], row["to_pos"]]),
    "published before",
  ).toEqual(past);
  const rows = await sql(
    `select (select array_agg(id order by id) from draft_ix where space = $1) as drafts,
            (select array_agg(id || ' ' || from_pos order by id) from published_ix where space = $1) as published,
            (select entries from space_head where space = $1) as entries,
            (select coalesce(sum(drafts), 0)::int from type_count where space = $1) as "countedDrafts",
            (select coalesce(sum(published), 0)::int from type_count where space = $1) as "countedPublished",
            (select count(*)::int from refs r where space = $1 and side = 'p' and not exists (select from published p where p.space = $1 and p.id = r.id)) as "refsOfNothing"`,
    [uid],
  );
  const sorted = (names: readonly string[]): string[] | null => (names.length === 0 ? null : names.toSorted());
  expect(rows[0], "sort rows and counts").toEqual({
    drafts: sorted([...entries.keys()]),
    published: sorted([...published.values()].map(({ id, from }) => `${id} ${from}`)),
    entries: entries.size,
    countedDrafts: entries.size,
    countedPublished: published.size,
    refsOfNothing: 0,
  });
}

function fold(log: readonly LogEvent[]): {
  entries: Map<string, Folded>;
  published: Map<string, Shown>;
  past: (string | number)[][];
} {
  const entries = new Map<string, Folded>();
  const published = new Map<string, Shown>();
  const past: (string | number)[][] = [];
  const lastVersion = new Map<string, number>();
  const withdraw = (id: string, position: number): void => {
    const one = published.get(id);
    if (one !== undefined) past.push([id, one.version, one.from, position]);
    published.delete(id);
  };
  for (const { stream, type, data, position, version: revision } of log) {
    if (!stream.startsWith("entry:")) continue;
    const id = stream.slice("entry:".length);
    const before = entries.get(id);
    if (type === "EntryCreated") {
      expect(before, `${id} is created where nothing is`).toBeUndefined();
      const version = (lastVersion.get(id) ?? 0) + 1;
      lastVersion.set(id, version);
      entries.set(id, {
        type: data["type"] as string,
        slug: data["slug"] as string | null,
        fields: data["fields"],
        status: "draft",
        version,
        publishedVersion: null,
        revision,
      });
      continue;
    }
    if (before === undefined) throw new Error(`${type} of ${id}, which is not there`);
    before.revision = revision;
    if (type === "EntryUpdated") {
      expect(data["version"], `version of ${id}`).toBe(before.version + 1);
      Object.assign(before, { slug: data["slug"], fields: data["fields"], version: data["version"] });
      lastVersion.set(id, before.version);
      if (before.publishedVersion !== null) before.status = "changed";
    } else if (type === "EntryPublished") {
      expect(data["version"], `published version of ${id}`).toBe(before.version);
      withdraw(id, position);
      published.set(id, {
        id,
        slug: before.slug,
        fields: structuredClone(before.fields),
        version: before.version,
        from: position,
      });
      Object.assign(before, { status: "published", publishedVersion: before.version });
    } else if (type === "EntryUnpublished") {
      withdraw(id, position);
      Object.assign(before, { status: "draft", publishedVersion: null });
    } else if (type === "EntryArchived") {
      expect(data["withdrew"], `archiving ${id} withdraws it`).toBe(published.has(id));
      withdraw(id, position);
      Object.assign(before, { status: "archived", publishedVersion: null });
    } else if (type === "EntryUnarchived") {
      before.status = "draft";
    } else if (type === "EntryDeleted") {
      withdraw(id, position);
      entries.delete(id);
    } else throw new Error(`${type} is no event of an entry`);
  }
  return { entries, published, past };
}
