// Compares expected rows with a table's, inside Postgres and by its own notion of equality, and puts differing rows right.
import type pg from "pg";
import { AT_LEAST, type ExpectedRow } from "./fold.ts";

export interface Table {
  readonly key: readonly string[];
  /** Column that rows belong to an aggregate by, and what its stream's name begins with. */
  readonly of: string;
  readonly prefix: string;
}

/** The read models that are a fold over the events. */
export const TABLES: Readonly<Record<string, Table>> = {
  streams: { key: ["stream"], of: "stream", prefix: "" },
  entries: { key: ["id"], of: "id", prefix: "entry:" },
  draft_ix: { key: ["type", "id"], of: "id", prefix: "entry:" },
  revision: { key: ["id", "version"], of: "id", prefix: "entry:" },
  published: { key: ["id"], of: "id", prefix: "entry:" },
  published_ix: { key: ["type", "id"], of: "id", prefix: "entry:" },
  published_past: { key: ["id", "from_pos"], of: "id", prefix: "entry:" },
  refs: { key: ["id", "side", "path", "target"], of: "id", prefix: "entry:" },
  types: { key: ["type"], of: "type", prefix: "type:" },
  webhooks: { key: ["id"], of: "id", prefix: "webhook:" },
  api_keys: { key: ["id"], of: "id", prefix: "key:" },
  spaces: { key: ["space"], of: "space", prefix: "space" },
  type_count: { key: ["type"], of: "type", prefix: "" },
  space_head: { key: ["space"], of: "space", prefix: "" },
};

export interface Difference {
  readonly table: string;
  readonly what: "missing" | "unexpected" | "different";
  readonly key: readonly unknown[];
  /** Of a row that is different. */
  readonly columns: readonly string[];
  /** JSON texts of whole rows, because numbers in them may have 64 bits. */
  readonly expected: string | null;
  readonly found: string | null;
}

/** Rows of a space: all of them, those of some aggregates, or those above `after` and not above `upTo`. */
export type Extent =
  | "all"
  | { readonly only: readonly string[] }
  | { readonly after: string; readonly upTo: string | null };

/** Streams of aggregates without any row of their own are found by the kind that their name begins with. */
export async function differencesIn(
  client: pg.ClientBase,
  space: number,
  table: string,
  extent: Extent,
  expected: readonly ExpectedRow[],
): Promise<readonly Difference[]> {
  const { key, of } = tableOf(table);
  const [where, parameters] = condition(of, extent);
  // Terms are hashed as the commit hashes them. What `jsonb_populate_record` finds no column for in the JSON, it takes from the live row.
  const terms = "array(select term::bigint from jsonb_array_elements(x.j->'terms') term)";
  const wanted = isSorted(table)
    ? `case when x.j ? '${AT_LEAST}' and (y.t).terms @> ${terms} then x.j - 'terms' else x.j end`
    : "x.j";
  const { rows } = await client.query<{
    key: unknown[];
    expected: string | null;
    found: string | null;
    columns: string[] | null;
  }>(
    `with x as (
       select case when j ? 'tokens' then j - 'tokens' || jsonb_build_object('terms', coalesce((select jsonb_agg(distinct term_token($1, j->>'type', t))
         from jsonb_array_elements_text(j->'tokens') t), '[]')) else j end as j from jsonb_array_elements($2::jsonb) j),
     y as (select t from ${table} t where t.space = $1 ${where}),
     pair as (
       select x.j, y.t, case when x.j is not null then jsonb_populate_record(y.t, ${wanted}) end as wanted
       from x full join y on ${jsonKey(key, (column) => `x.j->'${column}'`)} = ${jsonKey(key, (column) => `(y.t).${column}`)})
     select case when j is null then ${jsonKey(key, (column) => `(t).${column}`)} else ${jsonKey(key, (column) => `j->'${column}'`)} end as key,
       case when j is not null then to_jsonb(wanted)::text end as expected, case when t is distinct from null then to_jsonb(t)::text end as found,
       case when j is not null and t is distinct from null then array(select w.key from jsonb_each(to_jsonb(wanted)) w
         where w.value is distinct from to_jsonb(t)->w.key order by w.key) end as columns
     from pair where j is null or wanted is distinct from t`,
    [space, JSON.stringify(expected), ...parameters],
  );
  return rows.map((row) => ({
    table,
    what: row.found === null ? "missing" : row.expected === null ? "unexpected" : "different",
    key: row.key,
    columns: row.columns ?? [],
    expected: row.expected,
    found: row.found,
  }));
}

/** Every wrong row goes before any right one comes: two rows may have each other's unique values. */
export async function putRight(
  client: pg.ClientBase,
  space: number,
  differences: readonly Difference[],
): Promise<void> {
  for (const { table, key } of differences) {
    const columns = tableOf(table).key;
    await client.query(
      `delete from ${table} t where t.space = $1 and ${jsonKey(columns, (column) => `t.${column}`)} = $2::jsonb`,
      [space, JSON.stringify(key)],
    );
  }
  for (const { table, expected } of differences) {
    if (expected === null) continue;
    await client.query(`insert into ${table} select (jsonb_populate_record(null::${table}, $1::jsonb)).*`, [expected]);
  }
}

/** Name of the stream that a row belongs to; `undefined` for counters, which belong to the whole space. */
export function streamOf({ table, key }: Difference): string | undefined {
  const { prefix, of, key: columns } = tableOf(table);
  if (table === "type_count" || table === "space_head") return undefined;
  return table === "spaces" ? prefix : `${prefix}${String(key[columns.indexOf(of)])}`;
}

function isSorted(table: string): boolean {
  return ["draft_ix", "published_ix", "published_past"].includes(table);
}

function tableOf(name: string): Table {
  const table = TABLES[name];
  if (table === undefined) throw new Error(`"${name}" is no read model`);
  return table;
}

function condition(column: string, extent: Extent): readonly [string, readonly unknown[]] {
  if (extent === "all") return ["", []];
  if ("only" in extent) return [`and t.${column} = any($3)`, [extent.only]];
  return [`and t.${column} > $3 and ($4::text is null or t.${column} <= $4)`, [extent.after, extent.upTo]];
}

function jsonKey(columns: readonly string[], name: (column: string) => string): string {
  return `jsonb_build_array(${columns.map(name).join(", ")})`;
}
