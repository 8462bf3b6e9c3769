// Read models equal a fold over the events: after whatever was done, and again after whatever is broken in them was repaired.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findDifferences, rebuild } from "../../local/rebuild/rebuild-space.ts";
import { makeSpace, makeTypes, type Space } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { openSql, printOf, type Sql, uidOf } from "../support/shards.ts";

const REBUILD = join(import.meta.dirname, "..", "..", "local", "rebuild.ts");
const ROUNDS = 140;

let space: Space;
let sql: Sql;
let uid: number;
let random: () => number;

beforeAll(async () => {
  sql = await openSql();
  space = await makeSpace();
  uid = await uidOf(sql, space.id);
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  random = mulberry(seed);
  await makeTypes(space);
  await livedIn();
}, 300_000);
afterAll(() => sql.end());

describe("rebuild", () => {
  it("finds nothing to repair after random operations", async () => {
    expect(await differences()).toEqual([]);
    const { code, out } = await run();
    expect(out).toContain("1 space compared: read models equal their logs");
    expect(code).toBe(0);
  });

  it("finds and repairs every kind of violation in every read model, to the byte", async () => {
    const before = await printOf(sql, uid);
    for (const [table, violations] of Object.entries(VIOLATIONS)) {
      for (const [what, text] of Object.entries(violations)) {
        await violate(table, what, text);
        for await (const report of rebuild({ databases: databases(), space: space.id, repair: true })) {
          expect([...report.differences.keys()], `${table}: ${what}`).toEqual([table]);
          expect(report.repaired).toBeGreaterThan(0);
        }
        expect(await printOf(sql, uid), `${table}: ${what}, repaired`).toBe(before);
      }
    }
  }, 240_000);

  it("says what it found, table by table, and repairs all of it at once", async () => {
    const before = await printOf(sql, uid);
    for (const [table, violations] of Object.entries(VIOLATIONS)) {
      const [what = "", text = ""] = Object.entries(violations)[0] ?? [];
      await violate(table, what, text);
    }
    const found = await run();
    expect(found.code, found.out).toBe(1);
    for (const table of Object.keys(VIOLATIONS)) expect(found.out).toContain(`  ${table}: `);
    const repaired = await run("--repair");
    expect(repaired.code, repaired.out).toBe(0);
    expect(await printOf(sql, uid)).toBe(before);
  }, 60_000);

  it("repairs two entries that hold each other's slugs", async () => {
    const [one, other] = ["swap-one", "swap-other"];
    for (const id of [one, other])
      await space.must("POST", "entries", {
        body: { type: "country", id, slug: `of-${id}`, fields: { name: { en: id } } },
      });
    await sql("update entries set slug = null where space = $1 and id = $2", [uid, one]);
    await sql("update entries set slug = $3 where space = $1 and id = $2", [uid, other, `of-${one}`]);
    await sql("update entries set slug = $3 where space = $1 and id = $2", [uid, one, `of-${other}`]);
    expect((await differences()).map(({ table, what }) => [table, what])).toEqual([
      ["entries", "different"],
      ["entries", "different"],
    ]);
    expect((await run("--repair")).code).toBe(0);
    expect(await differences()).toEqual([]);
  });

  it("compares and repairs beside live writes without undoing any of them", async () => {
    await sql("update draft_ix set t1 = 'wrong', terms = '{}' where space = $1", [uid]);
    await sql("update type_count set drafts = drafts + 7 where space = $1", [uid]);
    await sql("update space_head set entries = entries + 7 where space = $1", [uid]);
    let repairing = true;
    const writing = Array.from({ length: 3 }, async (_, lane) => {
      for (let i = 0; repairing; i += 1) {
        const id = `live-${lane}-${i}`;
        await space.must("POST", "entries", {
          body: { type: "country", id, fields: { name: { en: id } }, publish: true },
        });
        if (i % 2 === 1) await space.must("DELETE", `entries/live-${lane}-${i - 1}`);
      }
    });
    const repaired = await run("--repair");
    repairing = false;
    await Promise.all(writing);
    expect(repaired.code, repaired.out).toBe(0);
    expect(await differences()).toEqual([]);
  }, 120_000);

  it("refuses to rebuild from a log that is damaged", async () => {
    const lost = await sql(
      "delete from events e where space = $1 and position = (select max(position) - 1 from events where space = $1) returning to_jsonb(e) as event",
      [uid],
    );
    expect(lost).toHaveLength(1);
    await expect(differences()).rejects.toThrow("is damaged");
    await sql("insert into events select (jsonb_populate_record(null::events, $1)).*", [lost[0]?.["event"]]);
    expect(await differences()).toEqual([]);
  });
});

const databases = () => ["us-primary", "eu-primary"].map((node) => stackHere().postgres[node] as string);

async function violate(table: string, what: string, text: string): Promise<void> {
  expect((await sql(`${text} returning 1`, [uid])).length, `${table}: ${what} has rows to break`).toBeGreaterThan(0);
}

const differences = () => findDifferences(stackHere().postgres["us-primary"] as string, uid);

async function run(...options: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  const args = [REBUILD, ...databases().flatMap((each) => ["--database", each]), "--space", space.id, ...options];
  const done = promisify(execFile)(process.execPath, args).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout + error.stderr,
    }),
  );
  return await done;
}

const ENTRIES = "(select id from entries where space = $1 order by id limit 2)";

/** One statement each; `$1` is the space. Each breaks its own table only. */
const VIOLATIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  streams: {
    version: `update streams set version = version + 1 where space = $1 and stream = 'type:city'`,
    "draft version": `update streams set draft_version = draft_version + 1 where space = $1 and stream in (select 'entry:' || id from ${ENTRIES} e)`,
    position: `update streams set position = 1 where space = $1 and stream = 'type:country'`,
    missing: `delete from streams where space = $1 and stream = 'space'`,
    "of a kind that does not exist": `insert into streams (space, stream, version, position) values ($1, 'ghost', 1, 1)`,
    "of nothing": `insert into streams (space, stream, version, position) values ($1, 'entry:ghost', 1, 1)`,
  },
  entries: {
    fields: `update entries set fields = fields || '{"note":"forged"}' where space = $1 and id in ${ENTRIES}`,
    status: `update entries set status = 'archived' where space = $1 and status = 'published'`,
    "times and actors": `update entries set created_at = now(), updated_by = 'nobody' where space = $1`,
    missing: `delete from entries where space = $1 and id = (select max(id) from entries where space = $1)`,
    unexpected: `insert into entries select $1, 'ghost', type, null, status, fields, version, published_version, revision, position, created_at, updated_at, published_at, created_by, updated_by from entries where space = $1 limit 1`,
  },
  draft_ix: {
    slot: `update draft_ix set t1 = 'forged' where space = $1`,
    "slot that the type does not use": `update draft_ix set n8 = 1 where space = $1`,
    terms: `update draft_ix set terms = terms || 1::bigint where space = $1`,
    composite: `update draft_ix set k1 = '\\x00' where space = $1 and type = 'city'`,
    missing: `delete from draft_ix where space = $1 and id = (select min(id) from draft_ix where space = $1)`,
    "of another type": `insert into draft_ix (space, type, id, from_pos, created_at, updated_at, status) values ($1, 'river', 'ghost', 1, now(), now(), 'draft')`,
  },
  revision: {
    fields: `update revision set fields = '{}' where space = $1 and version = 1`,
    missing: `delete from revision where space = $1 and version = 2`,
    unexpected: `insert into revision select $1, 'ghost', version, type, slug, fields, position, at, actor from revision where space = $1 limit 1`,
  },
  published: {
    fields: `update published set fields = '{}' where space = $1`,
    "from position": `update published set from_pos = from_pos + 1 where space = $1`,
    missing: `delete from published where space = $1 and id = (select min(id) from published where space = $1)`,
    unexpected: `insert into published select $1, 'ghost', type, null, version, from_pos, fields, created_at, updated_at, published_at from published where space = $1 limit 1`,
  },
  published_ix: {
    slot: `update published_ix set t1 = 'forged' where space = $1`,
    terms: `update published_ix set terms = '{}' where space = $1`,
    missing: `delete from published_ix where space = $1 and id = (select max(id) from published_ix where space = $1)`,
    unexpected: `insert into published_ix (space, type, id, from_pos, created_at, updated_at, published_at) values ($1, 'city', 'ghost', 1, now(), now(), now())`,
  },
  published_past: {
    "to position": `update published_past set to_pos = to_pos + 1 where space = $1`,
    slot: `update published_past set t1 = 'forged' where space = $1`,
    missing: `delete from published_past where space = $1 and to_pos = (select max(to_pos) from published_past where space = $1)`,
    unexpected: `insert into published_past (space, type, id, from_pos, created_at, updated_at, published_at, terms, version, to_pos) values ($1, 'city', 'ghost', 1, now(), now(), now(), '{}', 1, 2)`,
  },
  refs: {
    type: `update refs set type = 'forged' where space = $1`,
    missing: `delete from refs where space = $1 and side = 'd'`,
    unexpected: `insert into refs (space, id, side, path, target, type) values ($1, 'ghost', 'p', '/country', 'fr', 'country')`,
  },
  types: {
    document: `update types set document = document || '{"name":"forged"}' where space = $1`,
    "shape and position": `update types set shape = shape || '{"revision":99}', position = 1 where space = $1`,
    missing: `delete from types where space = $1 and type = 'city'`,
    unexpected: `insert into types select $1, 'ghost', revision, position, document, shape, created_at, updated_at from types where space = $1 limit 1`,
  },
  type_count: {
    number: `update type_count set drafts = drafts + 1, published = published - 1 where space = $1`,
    missing: `delete from type_count where space = $1 and type = 'city'`,
    unexpected: `insert into type_count (space, type, drafts, published) values ($1, 'ghost', 0, 0)`,
  },
  space_head: {
    position: `update space_head set position = position + 1 where space = $1`,
    "positions of knowledge": `update space_head set settings_pos = 0, schema_pos = 0, keys_pos = 0 where space = $1`,
    "time and entries": `update space_head set at = at + interval '1 hour', entries = entries + 1 where space = $1`,
  },
  spaces: {
    settings: `update spaces set settings = settings || '{"name":"forged"}', revision = 9 where space = $1`,
    state: `update spaces set state = 'deleted' where space = $1`,
    missing: `delete from spaces where space = $1`,
  },
  webhooks: {
    settings: `update webhooks set url = 'https://elsewhere.example', types = null where space = $1`,
    "secret and since": `update webhooks set secret = 'forged', from_pos = 1 where space = $1`,
    missing: `delete from webhooks where space = $1`,
    unexpected: `insert into webhooks select $1, 'ghost', url, events, types, description, enabled, disabled_reason, secret, previous_secret, previous_until, from_pos, created_at, updated_at, revision, position from webhooks where space = $1 limit 1`,
  },
  api_keys: {
    scopes: `update api_keys set scopes = '{content:read}' where space = $1`,
    "a revoked one lives": `update api_keys set revoked_at = null where space = $1 and revoked_at is not null`,
    hash: `update api_keys set hash = '\\x00' where space = $1`,
    unexpected: `insert into api_keys (space, id, name, scopes, hash, created_at, revision, position) values ($1, 'ghost', 'ghost', '{}', '\\x00', now(), 1, 1)`,
  },
};

/** Everything that can be done to a space, at random but with all of it: what is refused is fine. */
async function livedIn(): Promise<void> {
  for (let i = 0; i < ROUNDS; i += 1) {
    const id = `e${pick(18)}`;
    const type = pick(3) === 0 ? "country" : "city";
    const put = {
      slug: pick(3) === 0 ? null : `slug-${pick(40)}`,
      fields: fieldsOf(type),
      ...(pick(2) === 0 ? { publish: true } : {}),
    };
    await pickOne<() => Promise<unknown>>([
      () => space.ask("POST", "entries", { body: { type, id, ...put } }),
      () => space.ask("POST", "entries", { body: { type, id, ...put } }),
      () => space.ask("PUT", `entries/${id}`, { body: { type, ...put } }),
      () => space.ask("PATCH", `entries/${id}`, { body: { fields: { name: { fr: `nom ${i}` } } } }),
      () => space.ask("POST", `entries/${id}/publish`),
      () => space.ask("POST", `entries/${id}/publish`),
      () => space.ask("POST", `entries/${id}/unpublish`),
      () => space.ask("POST", `entries/${id}/archive`),
      () => space.ask("POST", `entries/${id}/unarchive`),
      () => space.ask("DELETE", `entries/${id}?force=true`),
    ])();
    if (i === ROUNDS / 2) await otherShapes();
  }
  // What the violations below break must be there, whatever chance did.
  for (const id of ["sure", "sure-deleted"]) {
    await space.must("POST", "entries", {
      body: {
        type: "city",
        id,
        slug: id,
        fields: { name: { en: id }, population: 3, country: "nowhere", tags: ["a"] },
      },
    });
    await space.must("PATCH", `entries/${id}`, { body: { fields: { country: null } } });
    await space.must("POST", `entries/${id}/publish`);
    await space.must("PATCH", `entries/${id}`, { body: { fields: { population: 4 } } });
    await space.must("POST", `entries/${id}/publish`);
  }
  await space.must("POST", "entries", {
    body: { type: "city", id: "refers", fields: { name: { en: "x" }, country: "nowhere" } },
  });
  await space.must("DELETE", "entries/sure-deleted");
  await space.must("POST", "entries", {
    body: { type: "city", id: "sure-deleted", fields: { name: { en: "again" } } },
  });
  const key = (
    await space.must("POST", "keys", {
      body: { name: "rotated", scopes: ["content:read"], expiresAt: "2099-01-01T00:00:00Z" },
    })
  ).body;
  await space.must("POST", `keys/${key.id}/rotate`, { body: { overlapSeconds: 3600 } });
  const hook = { url: "https://93.184.216.34/hook", events: ["entry.published", "entry.deleted"] };
  const kept = (await space.must("POST", "webhooks", { body: hook })).body;
  await space.must("PATCH", `webhooks/${kept.id}`, { body: { enabled: false, types: ["city"] } });
  await space.must("PATCH", `webhooks/${kept.id}`, { body: { enabled: true } });
  await space.must("POST", `webhooks/${kept.id}/rotate-secret`, { body: { overlapSeconds: 3600 } });
  const dropped = (await space.must("POST", "webhooks", { body: hook })).body;
  await space.must("DELETE", `webhooks/${dropped.id}`);
  const revoked = (await space.must("POST", "keys", { body: { name: "revoked", scopes: ["content:read"] } })).body;
  await space.must("DELETE", `keys/${revoked.id}`);
}

/** Slots that move, a type that comes and goes, and settings that change: rows of the past keep the shape of their time. */
async function otherShapes(): Promise<void> {
  const city = (await space.must("GET", "types/city")).body;
  const { population, ...rest } = city.schema.properties;
  const properties = {
    ...rest,
    population: { type: population.type, minimum: 0 },
    founded: { type: "integer", "x-indexed": true },
  };
  await space.must("PUT", "types/city?validate=lenient", {
    body: { name: "City again", schema: { ...city.schema, properties }, indexes: [["-founded"]] },
  });
  await space.must("PUT", "types/river", { body: { name: "River", schema: { type: "object", properties: {} } } });
  await space.must("DELETE", "types/river");
}

function fieldsOf(type: string): Record<string, unknown> {
  const name = { en: `Name ${pick(1000)}`, ...(pick(2) === 0 ? { fr: "é".repeat(pick(300) % 199) } : {}) };
  if (type === "country") return { name, ...(pick(2) === 0 ? { region: "Europe", borders: [`e${pick(18)}`] } : {}) };
  return {
    name,
    ...(pick(4) > 0 ? { population: pick(9_000_000) } : {}),
    ...(pick(3) === 0 ? { country: `e${pick(18)}` } : {}),
    ...(pick(2) === 0 ? { tags: ["a", "b", `c${pick(3)}`] } : {}),
    ...(pick(4) === 0 ? { founded: -pick(3000), note: "n".repeat(pick(500)) } : {}),
  };
}

function pick(below: number): number {
  return Math.floor(random() * below);
}

function pickOne<T>(choices: readonly T[]): T {
  return choices[pick(choices.length)] as T;
}

/** The usual small generator: the seed is printed, so that a failure can be had again. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
