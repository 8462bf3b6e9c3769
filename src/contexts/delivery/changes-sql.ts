// What readers were given and what was taken from them after a position, in order: one statement over the log and the history.
import { type SQL, sql } from "drizzle-orm";
import type { Position } from "../../kernel/position.ts";
import { sizeOf, withinBytes } from "./source.ts";

/** Changes of one commit (a batch, a release), which no page divides. */
export const COMMIT_MOST = 100;
/**
 * Events that are told of nobody in the end (published and withdrawn again by one commit) are passed over, so many at once. Few: the planner
 * takes a walk for as long as it may become.
 */
const SLACK = 100;

export interface ChangesPlan {
  readonly space: number;
  readonly type?: string | undefined;
  readonly after: Position;
  readonly limit: number;
  readonly bytes: number;
  /** Shows what entries were that are not published now. */
  readonly preview: boolean;
}

/**
 * At least one row. `found` of `paged` or more are there, up to `most`; `paged` are those of the page, which ends at `ends` when more are
 * there; `walked`: where the walk gave up without having found enough. Then, where there are any, changes with `n` from 1.
 */
export function changesSql({ space, type, after, limit, bytes, preview }: ChangesPlan): SQL {
  const most = mostOf(limit);
  const walk = most + SLACK;
  const own = sql`space = ${space}::int`;
  const typed = type === undefined ? sql`` : sql` and tags[2] = ${`type:${type}`}::text`;
  return sql`with told as materialized (
      select position, at, type as event, substr(stream, 7) as id, substr(tags[2], 6) as type from events
      where ${own} and position > ${after}::bigint and tags <> '{}'
        and type in ('EntryPublished', 'EntryUnpublished', 'EntryArchived', 'EntryDeleted')${typed}
      order by position limit ${walk}::int),
    item as materialized (select t.*, v.version, v.standing from told t cross join lateral (${versionSql(own)}) v limit ${most}::int),
    numbered as materialized (select row_number() over (order by position) as n, * from item),
    page as materialized (
      select * from numbered where n <= ${limit}::int or at = (select at from numbered where n = ${limit}::int)),
    doc as materialized (
      select page.*, d.* from page left join lateral (${documentSql(own, preview)}) d on page.event = 'EntryPublished')
    select known.*, n, position, at as timestamp, (extract(epoch from at) * 1000000)::bigint as commit, event, id, type, version,
      fields is not null as shown, body, slug, created_at, updated_at, published_at
    from (select (select count(*) from item) as found, (select count(*) from page) as paged,
      (select position from told where (select count(*) from item) < ${most}::int offset ${walk - 1}::int limit 1) as walked,
      (select e.position - 1 from events e where e.${own} and e.position > (select max(position) from page)
        and e.at > (select max(at) from page) order by e.position limit 1) as ends) known
    left join ${withinBytes(sql`doc`, bytes, sql`n = 1`)} x on true order by x.n`;
}

export function mostOf(limit: number): number {
  return limit + COMMIT_MOST + 1;
}

/** The version that an event gave or took; none where the same commit went on to undo it. */
function versionSql(own: SQL): SQL {
  return sql`select p.version, true as standing from published p
      where t.event = 'EntryPublished' and p.${own} and p.id = t.id and p.from_pos = t.position
    union all select h.version, false from published_past h
      where t.event = 'EntryPublished' and h.${own} and h.id = t.id and h.from_pos = t.position
    union all select l.version, false from (
        select h.version, h.to_pos from published_past h
        where h.${own} and h.id = t.id and h.from_pos < t.position order by h.from_pos desc limit 1) l
      where t.event = 'EntryDeleted' or (t.event <> 'EntryPublished' and l.to_pos = t.position)`;
}

/**
 * What was published then. What was deleted since is given to nobody any more, what was withdrawn only to those who may see drafts: an entry
 * of the same id that was created later is another.
 */
function documentSql(own: SQL, preview: boolean): SQL {
  const kept = preview ? sql`entries` : sql`published`;
  return sql`select p.fields, ${sizeOf(sql`p`)}, p.slug, p.created_at, p.updated_at, p.published_at from published p
      where page.standing and p.${own} and p.id = page.id
    union all select r.fields, ${sizeOf(sql`r`)}, h.slug, h.created_at, h.updated_at, h.published_at
      from published_past h join revision r on r.space = h.space and r.id = h.id and r.version = h.version
      where not page.standing and h.${own} and h.id = page.id and h.from_pos = page.position
        and exists (select from ${kept} k where k.${own} and k.id = h.id and k.created_at = h.created_at)
    offset 0`;
}
