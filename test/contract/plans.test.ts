// Plans that a connection caches while the tables are empty stay in use: they must look a single entry up by its primary key.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyMigrations } from "../../local/migrate.ts";
import { stackHere } from "../support/here.ts";

const LOOKUPS: Readonly<Record<string, string>> = {
  entries: "select * from entries where space = $1 and id = $2",
  published: "select * from published where space = $1 and id = $2",
  draft_ix: "select * from draft_ix where space = $1 and type = 'city' and id = $2",
  published_ix: "select * from published_ix where space = $1 and type = 'city' and id = $2",
  refs: "select * from refs where space = $1 and id = $2",
  streams: "select * from streams where space = $1 and stream = $2",
};

describe("generic plans made before there are statistics", () => {
  const name = `plans_${process.pid}_${Date.now()}`;
  let admin: pg.Client;
  let client: pg.Client;

  beforeAll(async () => {
    // A database of its own: the shared one is not empty any more.
    const shared = stackHere().postgres["us-primary"] ?? "";
    admin = new pg.Client({ connectionString: shared });
    await admin.connect();
    await admin.query(`create database ${name}`);
    const own = new URL(shared);
    own.pathname = `/${name}`;
    await applyMigrations([own.href]);
    client = new pg.Client({ connectionString: own.href });
    await client.connect();
    await client.query("set plan_cache_mode = force_generic_plan");
  });
  afterAll(async () => {
    await client.end();
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  });

  it.each(Object.entries(LOOKUPS))("%s: by primary key", async (table, lookup) => {
    await client.query(`prepare lookup(int, text) as ${lookup}`);
    const { rows } = await client.query("explain execute lookup(1, 'paris')");
    await client.query("deallocate lookup");
    const plan = rows.map((row: Record<string, string>) => row["QUERY PLAN"]).join("\n");
    const indexes = [...plan.matchAll(/Index(?: Only)? Scan using (\S+)/g)].map(([, index]) => index);
    expect(indexes.length).toBeGreaterThan(0);
    for (const index of indexes) expect(index).toMatch(new RegExp(`^${table}_\\d_pkey$`));
  });
});
