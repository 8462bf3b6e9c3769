// Applies migrations/*.sql with drizzle's migrator, forward only: to the local primaries, or to a deployment's.
//     npm run migrate -- postgres://owner:…@host/meridian [more connection strings]
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";

const FOLDER = join(import.meta.dirname, "..", "migrations");

type Journal = { readonly entries: readonly { readonly tag: string }[] };

/** Brings each database up to date and answers how many migrations there are. The role must own the schema. */
export async function applyMigrations(connectionStrings: readonly string[]): Promise<number> {
  const journal = join(FOLDER, "meta", "_journal.json");
  if (!existsSync(journal)) return 0;
  const { entries } = JSON.parse(readFileSync(journal, "utf8")) as Journal;
  await Promise.all(
    connectionStrings.map(async (connectionString) => {
      const client = new pg.Client({ connectionString, application_name: "migrate" });
      await client.connect();
      try {
        await migrate(drizzle(client), { migrationsFolder: FOLDER });
      } catch (error) {
        throw describe(error);
      } finally {
        await client.end();
      }
    }),
  );
  return entries.length;
}

/** drizzle hides what Postgres said in `cause`, behind the whole text of the migration. */
function describe(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof pg.DatabaseError)) return error;
  const at = cause.position === undefined ? "" : ` at character ${cause.position}`;
  const where = cause.where === undefined ? "" : `\n${cause.where}`;
  return new Error(`A migration failed: ${cause.message} (${cause.code})${at}${where}`, { cause: error });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const targets = process.argv.slice(2);
  if (targets.length === 0) throw new Error("Which databases? Give their connection strings");
  console.log(`${await applyMigrations(targets)} migrations are in place on ${targets.length} database(s)`);
}
