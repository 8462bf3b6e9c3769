// drizzle's `sql` template to text and parameters.
import type { SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { Statement } from "./database.ts";

const dialect = new PgDialect();

export function renderSql(query: SQL): Statement {
  const { sql, params } = dialect.sqlToQuery(query);
  return { text: sql, params };
}
