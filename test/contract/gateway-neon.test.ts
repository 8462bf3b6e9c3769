// The Neon gateway against the driver that the Worker uses: what the driver reads is what Neon would have sent.
import { NeonDbError, neon, neonConfig } from "@neondatabase/serverless";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";

const { neon: gateway, control: controlUrl, topology } = stackHere();
const control = openControl(controlUrl);
const primary = topology.shards[0]!.primary.url.replace("meridian_app:local", "postgres");
const reader = topology.shards[0]!.readers[0]!.url.replace("meridian_app:local", "postgres");
const sql = neon(primary);

/** The SQLSTATE and the message that a query fails with. */
async function failure(query: Promise<unknown>): Promise<NeonDbError> {
  const error = await query.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof NeonDbError)) throw new Error("the query did not fail", { cause: error });
  return error;
}

beforeAll(async () => {
  neonConfig.fetchEndpoint = gateway.endpoint;
  await sql`drop schema if exists gateway cascade`;
  await sql`create schema gateway`;
  await sql`create table gateway.thing (id int primary key, name text not null unique, constraint named check (name <> 'x'))`;
});

afterEach(() => control.restore());

describe("values", () => {
  test("types arrive as the driver parses them", async () => {
    const rows = await sql`select 1::int4 as int4, 9007199254740993::int8 as int8, 1.5::float8 as float8, true as yes,
      'é😀"\\' as text, '{"a":[1,null]}'::jsonb as json, array[1,2]::int[] as ints, array['a,b','"',null]::text[] as texts,
      '2026-01-02T03:04:05.678Z'::timestamptz as at, '\\x00ff'::bytea as bytes, null as nothing, 12.50::numeric as exact`;
    expect(rows[0]).toEqual({
      int4: 1,
      int8: "9007199254740993",
      float8: 1.5,
      yes: true,
      text: 'é😀"\\',
      json: { a: [1, null] },
      ints: [1, 2],
      texts: ["a,b", '"', null],
      at: new Date("2026-01-02T03:04:05.678Z"),
      bytes: Buffer.from([0, 255]),
      nothing: null,
      exact: "12.50",
    });
  });

  test("parameters have the type that the statement gives them", async () => {
    const rows = await sql.query(
      "select $1::int + 1 as int, $2::text as text, $3::jsonb -> 'a' as json, $4::bool as bool, $5::int[] as ints, $6::text is null as nothing, $7::float8 as float",
      [41, "O'Brien $1 \\", { a: "é" }, false, [1, 2], null, 0.25],
    );
    expect(rows[0]).toEqual({
      int: 42,
      text: "O'Brien $1 \\",
      json: "é",
      bool: false,
      ints: [1, 2],
      nothing: true,
      float: 0.25,
    });
  });

  test("parameters that another client may send as JSON are written as Neon writes them", async () => {
    const answer = await fetch(gateway.endpoint, {
      method: "POST",
      headers: { "Neon-Connection-String": primary, "Neon-Raw-Text-Output": "true" },
      body: JSON.stringify({
        query: "select $1::int as n, $2::bool as b, $3::text[] as list, $4::jsonb as doc",
        params: [7, true, ['a"b', null, "NULL"], { k: 1 }],
      }),
    });
    expect(await answer.json()).toMatchObject({
      rows: [{ n: "7", b: "t", list: '{"a\\"b",NULL,"NULL"}', doc: '{"k": 1}' }],
      rowAsArray: false,
    });
  });

  test("results say what was done", async () => {
    const full = { fullResults: true } as const;
    const inserted = await sql.query("insert into gateway.thing values (1, 'a'), (2, 'b')", [], full);
    expect(inserted).toMatchObject({ command: "INSERT", rowCount: 2, rows: [], fields: [] });
    const selected = await sql.query("select id, name from gateway.thing order by id", [], full);
    expect(selected).toMatchObject({ command: "SELECT", rowCount: 2, rowAsArray: false });
    expect(selected.fields[0]).toMatchObject({
      name: "id",
      dataTypeID: 23,
      dataTypeSize: 4,
      columnID: 1,
      format: "text",
    });
    expect(await sql.query("delete from gateway.thing", [], full)).toMatchObject({ command: "DELETE", rowCount: 2 });
    expect(await sql.query("", [], full)).toMatchObject({ rows: [], rowCount: null });
  });

  test("a large answer comes whole", async () => {
    const rows = await sql`select i, repeat('é', 100) as text from generate_series(1, 5000) as i`;
    expect(rows).toHaveLength(5000);
    expect(rows[4999]).toEqual({ i: 5000, text: "é".repeat(100) });
  });
});

describe("errors", () => {
  test("carry everything that Postgres says", async () => {
    await sql`insert into gateway.thing values (10, 'ten')`;
    const error = await failure(sql`insert into gateway.thing values (11, 'ten')`);
    expect(error).toMatchObject({
      code: "23505",
      severity: "ERROR",
      detail: "Key (name)=(ten) already exists.",
      schema: "gateway",
      table: "thing",
      constraint: "thing_name_key",
      routine: "_bt_check_unique",
    });
    expect(await failure(sql`select * from nowhere`)).toMatchObject({ code: "42P01", position: "15" });
    expect(
      await failure(
        sql`do $$ begin raise exception 'no' using errcode = 'ZZ001', hint = 'try', detail = 'why'; end $$`,
      ),
    ) //
      .toMatchObject({ code: "ZZ001", hint: "try", detail: "why", message: "no" });
  });

  test("an error leaves the connection usable, and the next request sees nothing of it", async () => {
    for (let i = 0; i < 30; i += 1) expect((await failure(sql`select 1/0`)).code).toBe("22012");
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("an unknown endpoint and unreadable requests have no SQLSTATE", async () => {
    const unknown = neon(primary.replace("us-primary", "nowhere"));
    expect(await failure(unknown`select 1`)).toMatchObject({
      code: undefined,
      message: expect.stringContaining("nowhere"),
    });
    const answer = await fetch(gateway.endpoint, {
      method: "POST",
      headers: { "Neon-Connection-String": primary },
      body: "{",
    });
    expect(answer.status).toBe(400);
  });

  test("an unknown role is refused as Postgres refuses it", async () => {
    const stranger = neon(primary.replace("postgres@", "stranger@"));
    expect((await failure(stranger`select 1`)).code).toBe("28000");
  });

  test("COPY FROM STDIN fails instead of hanging", async () => {
    await expect(sql.query("copy gateway.thing from stdin")).rejects.toThrow();
  });
});

describe("batches", () => {
  test("are one transaction with the isolation and the access that were asked for", async () => {
    const settings = sql`select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as ro`;
    const asked = await sql.transaction([sql`select 1 as one`, settings], {
      isolationLevel: "RepeatableRead",
      readOnly: true,
    });
    expect(asked).toEqual([[{ one: 1 }], [{ level: "repeatable read", ro: "on" }]]);
    expect(await sql.transaction([settings])).toEqual([[{ level: "read committed", ro: "off" }]]);
    const serializable = await sql.transaction([settings], {
      isolationLevel: "Serializable",
      readOnly: true,
      deferrable: true,
    });
    expect(serializable).toEqual([[{ level: "serializable", ro: "on" }]]);
    const written = sql.transaction([sql`insert into gateway.thing values (20, 't')`], { readOnly: true });
    expect((await failure(written)).code).toBe("25006");
  });

  test("answer in the order of their statements, and a statement sees those before it", async () => {
    const results = await sql.transaction([
      sql`insert into gateway.thing values (30, 'thirty')`,
      sql`select name from gateway.thing where id = 30`,
      sql`update gateway.thing set name = 'dreissig' where id = 30 returning name`,
      ...Array.from({ length: 50 }, (_, i) => sql`select ${i}::int as i`),
    ]);
    expect(results.slice(0, 3)).toEqual([[], [{ name: "thirty" }], [{ name: "dreissig" }]]);
    expect(results.slice(3)).toEqual(Array.from({ length: 50 }, (_, i) => [{ i }]));
  });

  test("do all or nothing", async () => {
    const half = sql.transaction([sql`insert into gateway.thing values (40, 'forty')`, sql`select 1/0`, sql`select 1`]);
    expect((await failure(half)).code).toBe("22012");
    expect(await sql`select 1 from gateway.thing where id = 40`).toEqual([]);
  });

  test("a constraint that is checked at the commit fails the batch", async () => {
    await sql`create table gateway.later (id int primary key deferrable initially deferred)`;
    const twice = sql.transaction([
      sql`insert into gateway.later values (1)`,
      sql`insert into gateway.later values (1)`,
    ]);
    expect((await failure(twice)).code).toBe("23505");
    expect(await sql`select * from gateway.later`).toEqual([]);
  });

  test("a single statement is its own transaction: each statement of a function sees what committed before it", async () => {
    await sql`create or replace function gateway.waits() returns int language plpgsql as $$
      begin perform pg_advisory_xact_lock(77); return (select count(*) from gateway.thing where id between 50 and 59); end $$`;
    const holder = sql.transaction([
      sql`select pg_advisory_xact_lock(77)`,
      sql`insert into gateway.thing values (50, 'fifty')`,
      sql`select pg_sleep(0.4)`,
    ]);
    await expect
      .poll(async () => (await sql`select 1 from pg_locks where locktype = 'advisory' and granted`).length)
      .toBe(1);
    expect(await sql`select gateway.waits() as seen`).toEqual([{ seen: 1 }]);
    await holder;
  });

  test("a request goes on when its client leaves", async () => {
    const leaving = neon(primary, { fetchOptions: { signal: AbortSignal.timeout(100) } });
    await expect(
      leaving.transaction([leaving`select pg_sleep(0.3)`, leaving`insert into gateway.thing values (60, 'sixty')`]),
    ).rejects.toThrow();
    await expect.poll(async () => (await sql`select 1 from gateway.thing where id = 60`).length).toBe(1);
  });
});

describe("sessions", () => {
  const dirty = sql`select set_config('gateway.left', 'behind', false), pg_advisory_lock(99)`;
  const look = sql`select current_setting('gateway.left', true) as left_behind`;
  const looks = async (): Promise<Set<unknown>> => {
    const seen = await Promise.all(Array.from({ length: 40 }, () => look));
    return new Set(seen.map((rows) => rows[0]?.left_behind ?? ""));
  };

  test("a request finds nothing of the one before it", async () => {
    await dirty;
    await expect
      .poll(async () => (await sql`select 1 from pg_locks where locktype = 'advisory' and objid = 99`).length)
      .toBe(0);
    expect(await looks()).toEqual(new Set([""]));
    await sql`begin`;
    const idle = async () => await sql`select 1 from pg_stat_activity where state like 'idle in transaction%'`;
    await expect.poll(async () => (await idle()).length).toBe(0);
  });

  test("in the mode uncleanSessions it may find everything", async () => {
    await control.modes({ uncleanSessions: true });
    await Promise.all(Array.from({ length: 5 }, () => sql`select set_config('gateway.left', 'behind', false)`));
    expect(await looks()).toContain("behind");
    await control.modes({ uncleanSessions: false });
    await Promise.all(Array.from({ length: 60 }, () => sql`reset all`));
  });
});

describe("conditions", () => {
  // The Worker's minute asks the primaries, whoever counts.
  beforeAll(() => control.cron(true));
  afterAll(() => control.cron(false));
  beforeEach(() => control.resetCounters());

  test("counts requests and the statements that answer something, by node and caller", async () => {
    const job = neon(`${primary}?application_name=job`);
    const request = neon(`${primary}?application_name=request`);
    await job`select 1`;
    await request.transaction([
      request`select set_config('app.space', 'x', true)`,
      request`select 1`,
      request`select 2`,
    ]);
    await neon(reader)`select 1`;
    expect((await control.counters()).postgres).toMatchObject({
      "us-primary": { requests: 2, statements: 3 },
      "us-fra": { requests: 1, statements: 1 },
      "us-sin": { requests: 0, statements: 0 },
    });
    expect((await control.countersByCaller()).postgres["us-primary"]).toEqual({
      job: { requests: 1, statements: 1 },
      request: { requests: 1, statements: 2 },
    });
  });

  test("down: an error without SQLSTATE, on that node alone", async () => {
    await control.fault("us-primary", { mode: "down" });
    expect(await failure(sql`select 1`)).toMatchObject({ message: expect.stringContaining("HTTP status 500") });
    expect(await neon(reader)`select 1 as one`).toEqual([{ one: 1 }]);
    await control.heal("us-primary");
    expect(await sql`select 1 as one`).toEqual([{ one: 1 }]);
  });

  test("kill: the process is gone, and comes back with its data", async () => {
    await sql`insert into gateway.thing values (70, 'seventy')`;
    await control.fault("us-primary", { mode: "kill" });
    expect(await failure(sql`select 1`)).toMatchObject({ message: expect.stringContaining("HTTP status 500") });
    await control.heal("us-primary");
    expect(await sql`select name from gateway.thing where id = 70`).toEqual([{ name: "seventy" }]);
    await sql`insert into gateway.thing values (71, 'after')`;
    await expect.poll(async () => (await neon(reader)`select 1 from gateway.thing where id = 71`).length).toBe(1);
  });

  test("hang: no answer until it is lifted; latency: a late one; error with a rate: some", async () => {
    await control.fault("us-fra", { mode: "hang" });
    const bounded = neon(reader, { fetchOptions: { signal: AbortSignal.timeout(200) } });
    await expect(bounded`select 1`).rejects.toThrow(/timeout|abort/i);
    await control.fault("us-fra", { mode: "latency", ms: 150 });
    const start = performance.now();
    await neon(reader)`select 1`;
    expect(performance.now() - start).toBeGreaterThanOrEqual(149);
    await control.fault("us-fra", { mode: "error", rate: 0.25 });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => neon(reader)`select 1`));
    expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(5);
  });

  test("error after: the statement was carried out, its answer lost", async () => {
    await control.fault("us-primary", { mode: "error", after: true });
    await expect(sql`insert into gateway.thing values (80, 'eighty')`).rejects.toThrow();
    await control.heal();
    expect(await sql`select 1 as one from gateway.thing where id = 80`).toEqual([{ one: 1 }]);
  });

  test("a reader that is held back shows the past", async () => {
    await control.replay("us-fra", true);
    await sql`insert into gateway.thing values (90, 'ninety')`;
    const other = neon(topology.shards[0]!.readers[1]!.url.replace("meridian_app:local", "postgres"));
    await expect.poll(async () => (await other`select 1 from gateway.thing where id = 90`).length).toBe(1);
    expect(await neon(reader)`select 1 from gateway.thing where id = 90`).toEqual([]);
    await control.replay("us-fra", false);
    await expect.poll(async () => (await neon(reader)`select 1 from gateway.thing where id = 90`).length).toBe(1);
  });

  test("maxBodyBytes and coldStartMs", async () => {
    await control.modes({ maxBodyBytes: 10_000 });
    await expect(sql.query("select $1::text", ["x".repeat(11_000)])).rejects.toThrow(/HTTP status 413/);
    await expect(sql`select repeat('x', 11000)`).rejects.toThrow(/HTTP status 507/);
    await control.modes({ coldStartMs: 1500, idleMs: 60_000 });
    const timed = async (): Promise<number> => {
      const start = performance.now();
      await neon(reader)`select 1`;
      return performance.now() - start;
    };
    expect(await timed()).toBeGreaterThanOrEqual(1499);
    expect(await timed()).toBeLessThan(1499);
  });
});
