// One session of one Postgres server: what a test sets in it is there for its next statement.
import pg from "pg";

export type Row = Record<string, unknown>;

export interface Session {
  (text: string, params?: readonly unknown[]): Promise<Row[]>;
  end(): Promise<void>;
}

// int8 as numbers: nothing here passes 2^53.
const types = {
  getTypeParser: (oid: number, format?: string) =>
    oid === 20 ? Number : pg.types.getTypeParser(oid, format as "text"),
};

/** A server that is killed meanwhile is connected to anew. */
export async function openPostgres(connectionString: string): Promise<Session> {
  const pool = new pg.Pool({ connectionString, max: 1, types: types as never });
  pool.on("error", () => undefined);
  const ask = async (text: string, params: readonly unknown[] = []): Promise<Row[]> =>
    (await pool.query(text, [...params])).rows as Row[];
  await ask("select 1");
  return Object.assign(ask, { end: () => pool.end() });
}
