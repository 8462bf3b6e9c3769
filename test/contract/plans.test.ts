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
  analyses: "select * from analyses where space = $1 and id = $2",
  api_keys: "select * from api_keys where space = $1 and id = $2",
  deliveries: "select * from deliveries where space = $1 and id = $2",
  delivery_attempts: "select * from delivery_attempts where space = $1 and delivery = $2",
  import_chunks: "select * from import_chunks where space = $1 and job = $2 and n = 1",
  jobs: "select * from jobs where space = $1 and id = $2",
  revision: "select * from revision where space = $1 and id = $2",
  subscribers: "select * from subscribers where space = $1 and subscriber = $2",
  webhooks: "select * from webhooks where space = $1 and id = $2",
  webhook_state: "select * from webhook_state where space = $1 and webhook = $2",
};

/** What runs for every write, read or message and reads partitioned tables: a plan for each call's own values costs more than the call. */
const KEPT = [
  ...["apply_entry", "apply_fresh_entries", "commit_refusal", "commit_write"],
  ...["find_draft", "find_published", "read_draft", "read_published", "told_event", "note_key_use"],
  ...["claim_delivery", "claim_traced_delivery", "end_delivery", "finish_delivery", "wake_deliveries"],
  ...["claim_job", "hold_job", "import_step", "keep_job", "release_job"],
  ...["effect_insight", "lease_subscriber", "rest_subscriber"],
];

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

  // `create or replace` forgets what was set, unless it is said again (decision 0040).
  it.each(KEPT)("%s keeps its plans", async (name) => {
    const { rows } = await client.query(
      `select 'plan_cache_mode=force_generic_plan' = any (proconfig) as keeps from pg_proc
       where pronamespace = 'public'::regnamespace and proname = $1`,
      [name],
    );
    expect(rows).toEqual([{ keeps: true }]);
  });

  it("say what an equality token is where it is asked for, instead of calling a function for each", async () => {
    const { rows } = await client.query(
      "explain (verbose, costs off) select term_token(1, 'city', t) from unnest($1::text[]) t",
      [["a", "b"]],
    );
    const plan = rows.map((row: Record<string, string>) => row["QUERY PLAN"]).join("\n");
    expect(plan).toContain("md5");
    expect(plan).not.toContain("term_token");
  });
});
