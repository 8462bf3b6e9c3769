// What one query, one page or one space's types may cost is bounded: none of them takes the database from everybody else.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, makeSpace, type Space } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { all } from "../support/lanes.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
const NODES = 110;
let sql: Sql;
let space: Space;
let other: Space;

const string = { type: "string" } as const;
const node = {
  name: "Node",
  schema: {
    type: "object",
    properties: {
      links: { type: "array", items: { ...string, "x-reference": "node" } },
      rank: { type: "integer", "x-indexed": true },
      pad: string,
    },
  },
};
const idOf = (n: number): string => `n${String(n).padStart(3, "0")}`;
const ids = Array.from({ length: NODES }, (_, n) => idOf(n));

beforeAll(async () => {
  [sql, space, other] = await Promise.all([openSql(), makeSpace(), makeSpace()]);
  const own = insistent(space);
  for (const each of [own, insistent(other)]) await each.must("PUT", "types/node", { body: node });
  await insistent(other).must("POST", "entries", { body: { type: "node", id: "x", fields: {}, publish: true } });
  await all(ids, (id) => own.must("POST", "entries", { body: { type: "node", id, fields: { links: ids } } }));
  await all(ids, (id) => own.must("POST", `entries/${id}/publish`));
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

/** Everybody else is answered: by the primary, which alone gives drafts, and at once. */
async function othersAreServed(): Promise<void> {
  const answers = await Promise.all([other.ask("GET", "entries/x"), other.ask("GET", "content/node/x")]);
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
    [200, undefined],
    [200, undefined],
  ]);
  const health = await fetch(`${stackHere().origin}/health`);
  const { checks } = (await health.json()) as { checks: Record<string, { breaker: string }[]> };
  expect(checks["postgres:us-primary"]?.[0]?.breaker).toBe("closed");
}

interface Page {
  readonly data: readonly { readonly id: string; readonly fields: { readonly links: readonly string[] } }[];
  readonly included: Readonly<Record<string, unknown>>;
  readonly page: { readonly next: string | null; readonly truncated?: string };
}

describe("include", { timeout: 120_000 }, () => {
  test("a page ends before what follows more references than one hop may, and its included are whole", async () => {
    const first = (await space.must("GET", "content/node?include=links&limit=100")).body as Page;
    expect(first.page.truncated).toBe("work");
    expect(first.data.length).toBeGreaterThan(20);
    expect(first.data.length).toBeLessThan(50);
    for (const { fields } of first.data) for (const id of fields.links) expect(first.included).toHaveProperty(id);
  });

  test("a walk over such pages meets every entry once", async () => {
    const met: string[] = [];
    let next: string | null = "";
    while (next !== null) {
      const from: string = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
      const { data, page } = (await space.must("GET", `content/node?include=links&limit=100${from}`)).body as Page;
      met.push(...data.map(({ id }) => id));
      next = page.next;
    }
    expect(met.toSorted()).toEqual(ids);
  });

  test("three hops through everything answer with one entry, and nobody else waits for it", async () => {
    const [page] = await Promise.all([
      space.must("GET", "content/node?include=links.links.links&limit=1000"),
      othersAreServed(),
    ]);
    expect([page.body.data.length, page.body.page.truncated]).toEqual([1, "work"]);
    expect(page.body.page.next).not.toBeNull();
    const one = await space.must("GET", `content/node/${ids[0]}?include=links.links.links`);
    expect(Object.keys(one.body.included).length).toBe(NODES);
    const drafts = await space.must("GET", "entries?type=node&include=links.links&limit=1000");
    expect(drafts.body.page.truncated).toBe("work");
  });
});

describe("one slow or oversized answer", { timeout: 120_000 }, () => {
  test("a statement that is ended for taking too long is told to its caller, and to nobody else", async () => {
    const holder = await openSql();
    await holder("begin");
    // Read by whoever asks for a count: they wait until their statement is ended.
    await holder("lock table type_count in access exclusive mode");
    try {
      for (let round = 0; round < 3; round += 1) {
        const slow = await space.ask("GET", "entries?type=node&limit=1", { headers: { Prefer: "count=exact" } });
        expect([slow.status, slow.body.code]).toEqual([503, "database-unavailable"]);
        expect(Number(slow.headers.get("retry-after"))).toBeGreaterThan(0);
        await othersAreServed();
      }
    } finally {
      await holder("rollback");
      await holder.end();
    }
  });

  test("an answer larger than one may be is the asker's affair, however often", async () => {
    await insistent(space).must("POST", "entries", {
      body: { type: "node", id: "big", fields: { pad: "x".repeat(30_000) }, publish: true },
    });
    await control.modes({ maxBodyBytes: 20_000 });
    for (let round = 0; round < 5; round += 1) {
      const broad = await space.ask("GET", "content/node/big");
      expect([broad.status, broad.body.code]).toEqual([400, "query-too-broad"]);
    }
    await othersAreServed();
  });
});

describe("the content types of a space", { timeout: 240_000 }, () => {
  const MOST = 4 * 1024 * 1024;
  const save = (of: Space, type: string, more: object = {}): Promise<Answer> =>
    of.ask("PUT", `types/${type}`, { body: { name: "n", schema: { type: "object", properties: {}, ...more } } });
  const loaded = async (uid: number): Promise<number> =>
    ((await sql("select sum(loaded_bytes(document, shape))::bigint as n from types where space = $1", [uid]))[0]?.[
      "n"
    ] as number) ?? 0;

  test("together never pass what can be loaded, however small each, however many are saved at once", async () => {
    const full = insistent(await makeSpace());
    const uid = await uidOf(sql, full.id);
    await full.must("PUT", "types/first", { body: { name: "n", schema: { type: "object", properties: {} } } });
    // As if thousands had been saved before; ten more fit, or one or two more than that, and not all of what comes.
    const copies = (from: number, to: number) =>
      sql(
        `insert into types select space, 'x' || lpad(n::text, 6, '0'), revision, position, document,
           jsonb_set(shape, '{type}', to_jsonb('x' || lpad(n::text, 6, '0'))), created_at, updated_at
         from types, generate_series($2::int, $3::int) n where space = $1 and type = 'first'`,
        [uid, from, to],
      );
    const before = await loaded(uid);
    await copies(1, 1);
    const each = (await loaded(uid)) - before;
    const room = Math.floor((MOST - before) / each) - 10;
    await copies(2, room);
    const answers = await Promise.all(Array.from({ length: 32 }, (_, n) => save(full, `y${n}`)));
    const codes = answers.map(({ status, body }) => (status === 201 ? "201" : `${status} ${body.code}`));
    expect([...new Set(codes)].sort()).toEqual(["201", "409 types-too-large"]);
    expect(await loaded(uid)).toBeLessThanOrEqual(MOST);

    // All there can be is there, and the space is read, written and made smaller.
    await Promise.all(Array.from({ length: 32 }, (_, n) => save(full, `z${n}`)));
    const listed = await full.must("GET", "types");
    expect(listed.body.data.length).toBeGreaterThan(room);
    expect((await full.must("GET", "content/first")).body.data).toEqual([]);
    expect((await full.ask("POST", "entries", { body: { type: "first", id: "e", fields: {} } })).status).toBe(201);
    expect((await save(full, "x000001", { description: "x".repeat(2_000) })).body.code).toBe("types-too-large");
    expect((await full.ask("DELETE", "types/x000001")).status).toBe(204);

    // One that is above the bound already may only shrink.
    await sql(
      `update types set document = jsonb_set(document, '{schema,description}', to_jsonb(repeat('x', 5000))) where space = $1 and type = 'x000002'`,
      [uid],
    );
    expect((await save(full, "x000002", { description: "x".repeat(4_000) })).status).toBe(200);
    expect((await save(full, "x000002", { description: "x".repeat(4_500) })).body.code).toBe("types-too-large");
  });
});
