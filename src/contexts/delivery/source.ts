// Where rows come from: published or draft, as they are or as they were at a position.
import { type SQL, sql } from "drizzle-orm";
import type { Position } from "../../kernel/position.ts";

/** The rows that a query is about. Terms are hashed together with both. */
export interface Rows {
  readonly space: number;
  readonly type: string;
}

export function ixOf(drafts: boolean): SQL {
  return drafts ? sql`draft_ix` : sql`published_ix`;
}

/** A definer function: the operators of its index are not leakproof and would not be used under a policy. */
export function probeOf(drafts: boolean): SQL {
  return drafts ? sql`ix_probe_drafts` : sql`ix_probe`;
}

/** Versions that stood at `pin` and have ended since. Few, in a walk that goes on: they are found by their end. */
export function endedAfter({ space, type }: Rows, pin: Position): SQL {
  return sql`space = ${space}::int and type = ${type}::text and to_pos > ${pin}::bigint and from_pos <= ${pin}::bigint`;
}

export interface DocumentSource {
  readonly space: number;
  readonly drafts: boolean;
  readonly pin?: Position;
}

/** What a document row tells besides its id and fields. */
export function documentFacts(drafts: boolean): SQL {
  return drafts
    ? sql`type, slug, version, created_at, updated_at, published_at, status, published_version, created_by, updated_by`
    : sql`type, slug, version, created_at, updated_at, published_at`;
}

/**
 * One document by id, for a lateral join. `offset 0` keeps it a look-up for each row: joined freely, an estimate gone wrong reads the whole space.
 * `fromPos`: the version to take, where the row says so; otherwise the one that stood at `pin`.
 */
export function documentOf({ space, drafts, pin }: DocumentSource, id: SQL, fromPos?: SQL): SQL {
  const columns = sql`fields, ${documentFacts(drafts)}`;
  if (drafts) return sql`select ${columns} from entries e where e.space = ${space}::int and e.id = ${id} offset 0`;
  if (pin === undefined)
    return sql`select ${columns} from published p where p.space = ${space}::int and p.id = ${id} offset 0`;
  const current = fromPos ? sql`${fromPos} is null` : sql`p.from_pos <= ${pin}::bigint`;
  const past = fromPos ? sql`h.from_pos = ${fromPos}` : sql`h.from_pos <= ${pin}::bigint and h.to_pos > ${pin}::bigint`;
  return sql`select ${columns} from published p where p.space = ${space}::int and p.id = ${id} and ${current}
    union all select r.fields, h.type, h.slug, h.version, h.created_at, h.updated_at, h.published_at
      from published_past h join revision r on r.space = h.space and r.id = h.id and r.version = h.version
      where h.space = ${space}::int and h.id = ${id} and ${past} offset 0`;
}

/**
 * Of `rows(n, id, fields)`, in this order, those that `most` bytes hold, as `body`; then one without a body, which says where the rest
 * was cut off. `spared` are given whatever their size. Select from it by name: `fields` are not cut.
 */
export function withinBytes(rows: SQL, most: number, spared: SQL): SQL {
  // The stored size, which may be a compressed one, is known without unpacking; what passes it is measured as it travels: as a JSON string.
  return sql`(
    select *, case when ${spared} or bytes <= ${most}::bigint then fields end as body from (
      select *, sum(own) over (order by n, id) as bytes from (
        select *, octet_length(to_json(fields::text)::text) as own from (
          select *, sum(pg_column_size(fields)) over (order by n, id) - pg_column_size(fields) as stored from ${rows}) s
        where ${spared} or stored is null or stored <= ${most}::bigint) o) b
    where ${spared} or bytes is null or own is null or bytes - own <= ${most}::bigint)`;
}
