// Straight to the Postgres servers, past the Worker and its gateway: what is really written there, and what its role may do.
import { stackHere } from "./here.ts";
import { openPostgres, type Session } from "./postgres.ts";

export type Row = Record<string, unknown>;
export type Sql = Session;

/** As the superuser, whom no policy binds; or as the Worker's role, whom they do. */
export async function openSql(node = "us-primary", as: "postgres" | "meridian_app" = "postgres"): Promise<Sql> {
  return await openPostgres((stackHere().postgres[node] as string).replace("//postgres@", `//${as}@`));
}

/** The number behind a space's public id. */
export async function uidOf(sql: Sql, id: string): Promise<number> {
  const [row] = await sql("select uid from directory where id = $1", [id]);
  return row?.["uid"] as number;
}

export async function headOf(sql: Sql, uid: number): Promise<number> {
  const [row] = await sql("select position from space_head where space = $1", [uid]);
  return row?.["position"] as number;
}

/** Tables that hold rows of spaces, the partitioned ones by their parents. */
export const TENANT_TABLES = [
  "space_head",
  "spaces",
  "streams",
  "events",
  "commits",
  "idempotency",
  "types",
  "type_count",
  "api_keys",
  "entries",
  "revision",
  "published",
  "refs",
  "published_ix",
  "draft_ix",
  "published_past",
  "webhooks",
  "webhook_state",
  "deliveries",
  "delivery_attempts",
  "webhook_replays",
  "jobs",
  "analyses",
  "import_chunks",
  "subscribers",
  "dead_letters",
] as const;

/** How far subscribers are, and what they and senders note down as they go. */
const NOTED_BEHIND: ReadonlySet<string> = new Set(["subscribers", "analyses", "delivery_attempts"]);
/** Columns that move behind the answers: when a key was last used, how far the sending of a message is. */
const MOVING: Readonly<Record<string, readonly string[]>> = {
  api_keys: ["last_used_at"],
  deliveries: ["state", "attempts", "due_at", "queued_until", "holder", "lease_until", "finished_at"],
  webhook_state: ["failures", "failing_since", "open_until"],
};

/** One digest over every row that a space has. Not of what moves behind the answers. */
export async function printOf(sql: Sql, uid: number): Promise<string> {
  const parts: string[] = [];
  for (const table of TENANT_TABLES.filter((each) => !NOTED_BEHIND.has(each))) {
    const moving = (MOVING[table] ?? []).map((column) => ` - '${column}'`).join("");
    const shown = `(to_jsonb(t)${moving})::text`;
    const [row] = await sql(
      `select md5(coalesce(string_agg(${shown}, '|' order by ${shown}), '')) as print from ${table} t where space = $1`,
      [uid],
    );
    parts.push(`${table}:${row?.["print"]}`);
  }
  return parts.join(" ");
}

/** The same space under another name and number, made past the Worker: no isolate knows it, no bell was rung for it, no digest was made. */
export async function copySpace(primary: Sql, from: number, id: string): Promise<{ id: string; uid: number }> {
  const [row] = await primary(
    "insert into directory (id, residency, state) select $1, residency, 'active' from directory where uid = $2 returning uid",
    [id, from],
  );
  const to = row?.["uid"] as number;
  for (const table of TENANT_TABLES) {
    const columns = await primary(
      "select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns where table_schema = 'public' and table_name = $1 and column_name <> 'space'",
      [table],
    );
    const names = columns[0]?.["names"] as string;
    await primary(`insert into ${table} (space, ${names}) select ${to}, ${names} from ${table} where space = $1`, [
      from,
    ]);
  }
  return { id, uid: to };
}
