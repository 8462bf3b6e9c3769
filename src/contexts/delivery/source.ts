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

/** Bytes that a document takes on its way here: its fields as they travel, and about as much for what else is told of it. */
export const sizeOf = (of: SQL): SQL => sql`(coalesce(${of}.size, travel_size(${of}.fields)) + 500) as size`;

/**
 * One document by id, for a lateral join. `offset 0` keeps it a look-up for each row: joined freely, an estimate gone wrong reads the whole space.
 * `fromPos`: the version to take, where the row says so; otherwise the one that stood at `pin`.
 */
export function documentOf({ space, drafts, pin }: DocumentSource, id: SQL, fromPos?: SQL): SQL {
  const facts = documentFacts(drafts);
  if (drafts)
    return sql`select fields, ${sizeOf(sql`e`)}, ${facts} from entries e where e.space = ${space}::int and e.id = ${id} offset 0`;
  const published = sql`select fields, ${sizeOf(sql`p`)}, ${facts} from published p where p.space = ${space}::int and p.id = ${id}`;
  if (pin === undefined) return sql`${published} offset 0`;
  const current = fromPos ? sql`${fromPos} is null` : sql`p.from_pos <= ${pin}::bigint`;
  const past = fromPos ? sql`h.from_pos = ${fromPos}` : sql`h.from_pos <= ${pin}::bigint and h.to_pos > ${pin}::bigint`;
  return sql`${published} and ${current}
    union all select r.fields, ${sizeOf(sql`r`)}, h.type, h.slug, h.version, h.created_at, h.updated_at, h.published_at
      from published_past h join revision r on r.space = h.space and r.id = h.id and r.version = h.version
      where h.space = ${space}::int and h.id = ${id} and ${past} offset 0`;
}

/** A document with what is found about it: `analysis`, an expression over `page.id`. Its bytes count. */
export function analysedDocumentOf(document: SQL, drafts: boolean, analysis: SQL): SQL {
  return sql`select w.fields, w.size + octet_length(coalesce(a.analysis::text, '')) as size, ${documentFacts(drafts)}, a.analysis
    from (${document}) w cross join lateral (select ${analysis} as analysis offset 0) a`;
}

/**
 * Of `rows(n, id, fields, size)`, in this order, those that `most` bytes hold, as `body`; then one without a body, which says where the rest
 * was cut off. `spared` are given whatever their size. Select from it by name: `fields` are not cut. Nothing that does not fit is unpacked.
 */
export function withinBytes(rows: SQL, most: number, spared: SQL): SQL {
  // Counted rather than compared: right after a row that was spared and is larger than all that fits, the next must still be told as cut off.
  return sql`(
    select *, case when fits then fields end as body from (
      select *, count(*) filter (where not fits) over (order by n, id) as cut from (
        select *, ${spared} or size is null or bytes <= ${most}::bigint as fits from (
          select *, sum(size) over (order by n, id) as bytes from ${rows}) b) f) c
    where fits or cut = 1)`;
}
