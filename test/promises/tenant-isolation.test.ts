// One tenant cannot see or touch what is another's: not by asking, not by naming it, and not in Postgres either when the first wall is out.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/http/routes.ts";
import {
  ALL_SCOPES,
  type Answer,
  type Ask,
  ask,
  makeSpace,
  makeTypes,
  PLACES,
  rootKey,
  type Space,
} from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent, insistOn } from "../support/insist.ts";
import { openSql, printOf, type Sql, TENANT_TABLES, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
const CANARY = { mine: `canary-mine-${crypto.randomUUID()}`, theirs: `canary-theirs-${crypto.randomUUID()}` };
const ABSENT = "t-there-is-no-such-space";

let sql: Sql;
let mine: Space;
let theirs: Space;
let uid: { mine: number; theirs: number };
let theirKeyId: string;

/** A row of everything that follows the log. */
async function plantAfterwards(space: number, hook: string): Promise<void> {
  for (const text of [
    "insert into deliveries (space, id, webhook, generation, lane, position, event, state, created_at, visible_at, due_at) values ($1, $2 || 'd', $2, 1, 'entry:x', 1, 'entry.created', 'failed', now(), now(), 'infinity')",
    "insert into delivery_attempts (space, delivery, n, at, took_ms, request) values ($1, $2 || 'd', 1, now(), 1, '{}')",
    "insert into webhook_replays (space, id, webhook, from_pos, to_pos, reached, created_at) values ($1, $2 || 'r', $2, 1, 1, 1, now())",
    "insert into jobs (space, id, kind, status, actor, plan, created_at, due_at, closed) values ($1, $2 || 'j', 'none', 'completed', 'key:x', '{}', now(), now(), true)",
    "insert into analyses (space, id, locale, type, version, position, checks, analysed_at) values ($1, $2 || 'a', 'en', 'city', 1, 1, '[]', now())",
    "insert into import_chunks (space, job, n, starts, bytes, first_line, lines) values ($1, $2 || 'j', 0, 0, 1, 1, 1)",
    "insert into subscribers (space, subscriber) values ($1, 'of-' || $2)",
    "insert into dead_letters (space, id, at, queue, reason, attempts) values ($1, $2, now(), 'work', 'planted', 1)",
  ])
    await sql(text, [space, hook]);
}

beforeAll(async () => {
  sql = await openSql();
  mine = insistent(await makeSpace());
  theirs = insistent(await makeSpace({ publicRead: false }));
  for (const [space, canary] of [
    [mine, CANARY.mine],
    [theirs, CANARY.theirs],
  ] as const) {
    await makeTypes(space);
    await space.must("POST", "entries", {
      body: {
        type: "country",
        id: `id-${canary}`,
        slug: `slug-${canary}`,
        fields: { name: { en: canary, fr: canary }, region: canary },
        publish: true,
      },
    });
    await space.must("POST", "entries", {
      body: {
        type: "city",
        id: "shared-id",
        slug: "shared-slug",
        fields: { name: { en: canary }, population: 7, country: `id-${canary}`, tags: [canary], note: canary },
        publish: true,
      },
    });
    await space.must("PATCH", "entries/shared-id", { body: { fields: { note: `${canary} changed` } } });
    // Something in the past, and an answer that was kept.
    await space.must("POST", `entries/id-${canary}/unpublish`);
    await space.must("POST", `entries/id-${canary}/publish`);
    await space.must("PATCH", `entries/id-${canary}`, { body: { fields: { region: `${canary} too` } } });
    // Of what does not happen here: a delivery that is tried again changes a row of its space at any time.
    const hook = { url: "http://127.0.0.1:9/", events: ["import.completed"], description: canary };
    const { id } = (await space.must("POST", "webhooks", { body: hook })).body;
    await plantAfterwards(await uidOf(sql, space.id), id);
  }
  theirKeyId = (await theirs.must("POST", "keys", { body: { name: CANARY.theirs, scopes: ["content:read"] } })).body.id;
  uid = { mine: await uidOf(sql, mine.id), theirs: await uidOf(sql, theirs.id) };
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

/** All that an answer says, but for what tells two requests or two names apart. */
function told({ status, headers, text }: Answer, ...names: readonly string[]): unknown {
  const different = new Set(["request-id", "server-timing", "date", "content-length", "cf-ray"]);
  const body = names.reduce((left, name) => left.replaceAll(name, "SPACE"), text).replace(/"requestId":"[^"]*"/, "");
  return { status, body, headers: [...headers].filter(([name]) => !different.has(name)).sort() };
}

/** A request that each route would take, were it allowed to. */
const BODIES: Readonly<Record<string, unknown>> = {
  createKey: { name: "n", scopes: ["content:read"] },
  rotateKey: { overlapSeconds: 0 },
  saveType: { name: "T", schema: { type: "object", properties: {} } },
  createEntry: { type: "city", id: "intruder", fields: { name: { en: "x" } } },
  replaceEntry: { type: "city", fields: { name: { en: "x" } } },
  patchEntry: { fields: { note: "x" } },
  changeSpace: { name: "x" },
};
const INSIDE = ROUTES.filter(({ path }) => path.includes(":space"));

describe("the other space, to who holds a key of this one", () => {
  test.each(INSIDE.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s: as if it were not there",
    async (_, { method, path, operation }) => {
      const names: Record<string, string> = {
        type: "city",
        id: path.includes("/keys/") ? theirKeyId : "shared-id",
        name: "shared-slug",
      };
      const at = (space: string) =>
        path.replace(":space", space).replaceAll(/:(\w+)/g, (__, name: string) => names[name] as string);
      const query = operation.id === "listEntries" ? "?type=city" : "";
      const sent: Ask =
        method === "GET" || method === "DELETE" || BODIES[operation.id] === undefined
          ? {}
          : { body: BODIES[operation.id] };
      const alike = async (options: Ask) => {
        const [there, nowhere] = await Promise.all(
          [theirs.id, ABSENT].map((space) => insistOn(method, `${at(space)}${query}`, options)),
        );
        expect(told(there as Answer, theirs.id)).toEqual(told(nowhere as Answer, ABSENT));
        expect((there as Answer).status).toBeGreaterThanOrEqual(401);
        expect((there as Answer).text).not.toContain(CANARY.theirs);
      };
      const ways: readonly Ask[] = [
        sent,
        { ...sent, headers: { "If-Match": '"1.1"', "Idempotency-Key": "k" } },
        { ...sent, headers: { "Meridian-At-Least": "1" } },
        { ...sent, headers: { "Meridian-At-Least": "x" } },
        method === "GET" ? { cf: PLACES.fra } : { raw: "{" },
      ];
      for (const options of ways) await alike({ ...options, key: mine.key });
      // Nobody in particular learns no more, nor does the key elsewhere.
      await alike(sent);
      await alike({ ...sent, key: mine.key, cf: PLACES.sin });
    },
    60_000,
  );

  test("and all of that has changed nothing", async () => {
    const shown = await theirs.must("GET", "entries/shared-id");
    expect([shown.body.version, shown.body.fields.note]).toEqual([2, `${CANARY.theirs} changed`]);
    expect((await sql("select 1 from entries where space = $1 and id = 'intruder'", [uid.theirs])).length).toBe(0);
  });
});

describe("their names, asked for in my own space", () => {
  test("lead to mine or to nothing, and never to theirs", async () => {
    const before = await printOf(sql, uid.theirs);
    const theirId = `id-${CANARY.theirs}`;
    const answers: Answer[] = [];
    const mineAsks = async (method: string, path: string, options: Ask = {}): Promise<Answer> => {
      const answer = await mine.ask(method, path, options);
      answers.push(answer);
      return answer;
    };
    for (const path of [`entries/${theirId}`, `content/country/${theirId}`, `content/country/slug-${CANARY.theirs}`])
      expect((await mineAsks("GET", path)).status).toBe(404);
    for (const action of ["publish", "unpublish", "archive", "unarchive"])
      expect((await mineAsks("POST", `entries/${theirId}/${action}`)).status).toBe(404);
    expect((await mineAsks("DELETE", `entries/${theirId}?force=true`)).status).toBe(404);
    expect((await mineAsks("PATCH", `entries/${theirId}`, { body: { fields: {} } })).status).toBe(404);
    expect((await mineAsks("DELETE", `keys/${theirKeyId}`)).status).toBe(404);
    expect((await mineAsks("POST", `keys/${theirKeyId}/rotate`, { body: { overlapSeconds: 0 } })).status).toBe(404);
    expect((await ask("DELETE", `/v1/spaces/${mine.id}/keys/${theirKeyId}`, { key: rootKey() })).status).toBe(404);
    const refused = await mineAsks("POST", "entries", {
      body: { type: "city", id: "borrower", fields: { name: { en: "x" }, country: theirId }, publish: true },
    });
    expect([refused.status, refused.body.code]).toEqual([422, "reference-missing"]);
    // The same id and slug are free in every space.
    const made = await mineAsks("POST", "entries", {
      body: {
        type: "country",
        id: theirId,
        slug: `slug-${CANARY.theirs}`,
        fields: { name: { en: "my own" } },
        publish: true,
      },
    });
    expect(made.status).toBe(201);
    expect((await mineAsks("GET", `content/country/${theirId}`)).body.fields).toEqual({ name: "my own" });
    expect((await mineAsks("DELETE", `entries/${theirId}`)).status).toBe(204);
    expect(await printOf(sql, uid.theirs)).toBe(before);
  });

  test("queries find what is mine", async () => {
    for (const query of [
      "",
      "?filter[population]=7",
      `?filter[tags][contains]=${CANARY.theirs}`,
      `?filter[name]=${CANARY.theirs}`,
      "?include=country",
      "?filter[country.region]=x",
      "?sort=-population",
      `?filter[country]=id-${CANARY.theirs}`,
    ]) {
      for (const list of ["content/city", "entries"]) {
        const answer = await mine.ask(
          "GET",
          list === "entries" ? `entries?type=city${query.replace("?", "&")}` : `${list}${query}`,
        );
        expect(answer.text, `${list}${query}`).not.toContain(`"${CANARY.theirs}`);
        expect([200, 400], answer.text).toContain(answer.status);
      }
    }
    expect((await mine.must("GET", "content/city?filter[population]=7")).body.data.length).toBe(1);
  });

  test("a cursor of theirs is no cursor of mine", async () => {
    for (const id of ["more-1", "more-2"])
      for (const space of [mine, theirs])
        await space.must("POST", "entries", {
          body: { type: "city", id, fields: { name: { en: "m" }, population: 7 }, publish: true },
        });
    const path = "content/city?filter[population]=7&limit=1";
    const cursor = (await theirs.must("GET", path)).body.page.next as string;
    const answer = await mine.ask("GET", `${path}&cursor=${encodeURIComponent(cursor)}`);
    expect([answer.status, answer.body.code]).toEqual([400, "cursor-invalid"]);
  });

  test("sessions that a gateway hands on unclean show nobody else's rows", async () => {
    await control.modes({ uncleanSessions: true });
    for (let round = 0; round < 10; round += 1) {
      // Another question each round, so that no cache answers it.
      const fields = ["name", "population", "note", "tags", "country"].slice(0, 1 + (round % 5)).join(",");
      const path = `content/city/shared-id?fields=${fields}&locale=${round < 5 ? "en" : "fr"}`;
      const [a, b] = await Promise.all([mine.must("GET", path), theirs.must("GET", path)]);
      expect([a.body.fields.name, b.body.fields.name]).toEqual([CANARY.mine, CANARY.theirs]);
      const lists = await Promise.all([
        mine.must("GET", "entries?type=country"),
        theirs.must("GET", "entries?type=country"),
      ]);
      expect(lists[0].text).not.toContain(CANARY.theirs);
      expect(lists[1].text).not.toContain(CANARY.mine);
      await Promise.all([
        mine.must("PATCH", "entries/shared-id", { body: { fields: { population: 100 + round } } }),
        theirs.must("PATCH", "entries/shared-id", { body: { fields: { population: 200 + round } } }),
      ]);
    }
    expect([
      (await mine.must("GET", "entries/shared-id")).body.fields.population,
      (await theirs.must("GET", "entries/shared-id")).body.fields.population,
    ]).toEqual([109, 209]);
  }, 60_000);
});

describe("a key", () => {
  test("of this space says nothing about keys of the other, whoever makes it up", async () => {
    const stolen = theirs.key.replace(
      /^mrd_([^_]+)_/,
      (_, id: string) => `mrd_${id.slice(0, 10)}${(mine.key.split("_")[1] as string).slice(10)}_`,
    );
    expect((await ask("GET", `/v1/spaces/${mine.id}/types`, { key: stolen })).status).toBe(401);
    for (const key of [
      `${mine.key}x`,
      mine.key.slice(0, -1),
      mine.key.toLowerCase(),
      "mrd_x_y",
      rootKey().slice(0, -1),
      `${rootKey()}x`,
    ]) {
      expect((await ask("GET", `/v1/spaces/${mine.id}/types`, { key })).status, key.slice(0, 12)).toBe(401);
    }
    expect(ALL_SCOPES.length).toBeGreaterThan(0);
  });
});

describe("row-level security, without the Worker in front", () => {
  let app: Sql;
  beforeAll(async () => {
    app = await openSql("us-primary", "meridian_app");
  });
  afterAll(() => app?.end());
  const bind = async (space: number | undefined): Promise<void> => {
    await app("rollback");
    await app("begin");
    if (space !== undefined) await app("select * from bind_space($1)", [space]);
  };
  const fails = async (text: string, params: readonly unknown[] = []): Promise<string> =>
    await app(text, params).then(
      () => "it was done",
      (error: { code: string }) => error.code,
    );

  test("covers every table that has a space", async () => {
    const rows = await sql(
      `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as walled from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'space' and not a.attisdropped
       where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition order by 1`,
    );
    expect(rows.map((row) => row["name"])).toEqual([...TENANT_TABLES].sort());
    expect(rows.filter((row) => row["walled"] !== true)).toEqual([]);
    const [role] = await sql(
      "select rolsuper, rolbypassrls, rolcreaterole, (select count(*)::int from pg_class where relowner = r.oid) as owns from pg_roles r where rolname = 'meridian_app'",
    );
    expect(role).toEqual({ rolsuper: false, rolbypassrls: false, rolcreaterole: false, owns: 0 });
  });

  test("unbound, nothing is seen; bound, what is one's own", async () => {
    for (const table of TENANT_TABLES) {
      await bind(undefined);
      expect(await app(`select count(*)::int as n from ${table}`), `${table}, unbound`).toEqual([{ n: 0 }]);
      await bind(uid.mine);
      expect(await app(`select distinct space from ${table}`), `${table}, bound`).toEqual([{ space: uid.mine }]);
      expect(await app(`select 1 from ${table} where space = $1`, [uid.theirs]), `${table}, asked by name`).toEqual([]);
    }
    await app("rollback");
    expect((await app("select count(*)::int as n from entries"))[0], "a binding ends with its transaction").toEqual({
      n: 0,
    });
  });

  test("bound to one space, nothing of another's is written", async () => {
    const before = await printOf(sql, uid.theirs);
    for (const table of TENANT_TABLES) {
      await bind(uid.mine);
      expect(await app(`delete from ${table} where space = $1 returning 1`, [uid.theirs]), `${table}: delete`).toEqual(
        [],
      );
      expect(
        await app(`update ${table} set space = space where space = $1 returning 1`, [uid.theirs]),
        `${table}: update`,
      ).toEqual([]);
      expect(
        await fails(`update ${table} set space = $1 where space = $2`, [uid.theirs, uid.mine]),
        `${table}: handed over`,
      ).toBe("42501");
      await bind(uid.mine);
      const columns = (
        await sql(
          "select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns where table_schema = 'public' and table_name = $1 and column_name <> 'space'",
          [table],
        )
      )[0]?.["names"];
      expect(
        await fails(`insert into ${table} (space, ${columns}) select ${uid.theirs}, ${columns} from ${table} limit 1`),
        `${table}: insert`,
      ).toBe("42501");
    }
    await app("rollback");
    expect(await printOf(sql, uid.theirs)).toBe(before);
  });

  test("partitions, which no policy covers, cannot be touched directly", async () => {
    const rows = await sql(
      "select c.relname as name from pg_class c where c.relispartition and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace",
    );
    expect(rows.length).toBeGreaterThan(100);
    const open = await sql(
      `select c.relname as name from pg_class c where c.relispartition and c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
       and has_table_privilege('meridian_app', c.oid, 'select, insert, update, delete, truncate, references, trigger')`,
    );
    expect(open, "partitions with any privilege").toEqual([]);
    for (const name of ["entries_0", "published_1", "api_keys_2", "idempotency_3"]) {
      for (const attempt of [`select 1 from ${name}`, `delete from ${name}`]) {
        await bind(uid.mine);
        expect(await fails(attempt), attempt).toBe("42501");
      }
    }
    await app("rollback");
  });

  test("a commit names its space once: ids of others in it find nothing", async () => {
    const before = await printOf(sql, uid.theirs);
    const [stream] = await sql("select version from streams where space = $1 and stream = 'entry:shared-id'", [
      uid.mine,
    ]);
    const version = stream?.["version"] as number;
    const entry = { id: "shared-id", type: "city", n: 1, actor: "key:x" };
    const event = {
      n: 1,
      stream: "entry:shared-id",
      version: version + 1,
      type: "EntryDeleted",
      schema: 1,
      data: { type: "city" },
      tags: [],
    };
    const payload = (space: number, more: object) =>
      JSON.stringify({
        space,
        commit: crypto.randomUUID(),
        placeholders: { at: "@at", position: "@position" },
        meta: { actor: "key:x", requestId: "r" },
        streams: [{ i: 0, id: "entry:shared-id", x: version, n: 1 }],
        events: [event],
        ...more,
      });
    await app("rollback");
    // The session says one space and the payload another: the payload's is what is bound.
    await app("begin");
    await app("select set_config('app.space', $1, true)", [String(uid.theirs)]);
    const [done] = await app("select commit_write($1::jsonb) as answer", [
      payload(uid.mine, {
        entries: [{ ...entry, change: "deleted", space: uid.theirs }],
        unreferenced: [],
        settings: undefined,
      }),
    ]);
    expect(done?.["answer"]).toMatchObject({ position: expect.any(Number) });
    expect(
      await app("select distinct space from events"),
      "what follows in the transaction is bound to it as well",
    ).toEqual([{ space: uid.mine }]);
    await app("commit");
    expect(await app("select 1 from events limit 1"), "and no longer").toEqual([]);
    expect(
      (await sql("select 1 from entries where space = $1 and id = 'shared-id'", [uid.mine])).length,
      "mine is gone",
    ).toBe(0);
    expect(await printOf(sql, uid.theirs), "theirs stands").toBe(before);
  });

  test("what others may call is what the Worker calls", async () => {
    const rows = await sql(
      `select p.proname as name, p.prosecdef as definer from pg_proc p where p.pronamespace = 'public'::regnamespace and has_function_privilege('meridian_app', p.oid, 'execute') order by 1`,
    );
    const definers = rows.filter((row) => row["definer"] === true).map((row) => row["name"]);
    // Each goes around the second wall: it must bind itself, or show nothing but ids, numbers and settings.
    expect(definers).toEqual([
      "count_dead_letters",
      "dead_letters_after",
      "drop_dead_letter",
      "find_letter",
      "forget_deliveries",
      "forget_expired",
      "forget_jobs",
      "ix_probe",
      "ix_probe_drafts",
      "lagging_spaces",
      "recent_heads",
      "redrive_dead_letter",
      "rouse_deliveries",
      "rouse_jobs",
      "settle_letter",
      "shard_metrics",
      "spaces_of",
      "unfinished_jobs",
    ]);
    await bind(undefined);
    for (const probe of ["ix_probe", "ix_probe_drafts"]) {
      const tokens = (
        await sql(
          "select terms from published_ix where space = $1 and type = 'city' and cardinality(terms) > 0 limit 1",
          [uid.theirs],
        )
      )[0]?.["terms"] as string[];
      expect(
        await app(`select 1 from ${probe}('city', $1::bigint[], null, 10)`, [`{${tokens.join(",")}}`]),
        "unbound",
      ).toEqual([]);
      await bind(uid.mine);
      expect(
        await app(`select 1 from ${probe}('city', $1::bigint[], null, 10)`, [`{${tokens.join(",")}}`]),
        "another's tokens",
      ).toEqual([]);
    }
    await app("rollback");
    const [strangers] = await sql(
      "select count(*)::int as n from pg_proc p where p.pronamespace = 'public'::regnamespace and has_function_privilege('public', p.oid, 'execute')",
    );
    expect(strangers, "nothing is anybody's").toEqual({ n: 0 });
  });
});
