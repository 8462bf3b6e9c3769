// Changes from a real Postgres through the driver that the Worker uses: what is told, to whom, where pages end, and at what cost.
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changesSql } from "../../src/contexts/delivery/changes-sql.ts";
import { type Changes, listChanges } from "../../src/contexts/delivery/delivery.ts";
import { withinBytes } from "../../src/contexts/delivery/source.ts";
import type { JsonObject } from "../../src/kernel/json.ts";
import { position } from "../../src/kernel/position.ts";
import type { ScopeName } from "../../src/kernel/scope.ts";
import { renderSql } from "../../src/platform/database/render-sql.ts";
import { citySearch, country } from "../support/delivery-shapes.ts";
import { buffersOf, type DeliverySpace, get, openDeliverySpace } from "../support/delivery-space.ts";
import { stackHere } from "../support/here.ts";

let space: DeliverySpace;

beforeEach(async () => {
  space = await openDeliverySpace(stackHere(), [citySearch, country]);
});
afterEach(() => space.close());

interface Ask {
  readonly type?: string;
  readonly limit?: number;
  readonly bytes?: number;
  readonly scopes?: readonly ScopeName[];
}

const page = async (after: number, { scopes = ["content:read"], limit = 20, ...rest }: Ask = {}): Promise<Changes> =>
  get(await listChanges(space.scope(scopes), { after: position(after), limit, ...rest }));

/** Every page from `after` on; the head does not move meanwhile. */
async function walk(after: number, ask: Ask = {}): Promise<readonly Changes[]> {
  const pages: Changes[] = [];
  for (let at = after; ; ) {
    const found = await page(at, ask);
    pages.push(found);
    expect(found.next > at || found.next === found.head, "goes on").toBe(true);
    expect(found.items.length > 0 || found.next === found.head, "is empty only at the head").toBe(true);
    at = found.next;
    if (at === found.head) return pages;
  }
}

const told = ({ items }: Changes): readonly string[] =>
  items.map(({ position, kind, id, version }) => `${position} ${kind} ${id} ${version}`);
const entriesIn = ({ items }: Changes) => items.map(({ entry }) => (entry as JsonObject | undefined)?.["version"]);
const city = (id: string, population: number) => ({
  id,
  type: "city",
  fields: { name: { en: id, fr: `${id}-fr` }, population },
});

describe("what is told", () => {
  test("each publication with what it gave then, each withdrawal, each end", async () => {
    await space.put([city("a", 1)]); // 2, 3
    await space.put([{ ...city("a", 2), publish: false }]); // 4
    await space.put([{ ...city("a", 3), slug: "second" }]); // 5, 6
    await space.withdraw("a", "archived"); // 7
    await space.put([city("b", 1)]); // 8, 9
    await space.put([{ ...city("draft", 1), publish: false }]); // 10
    await space.remove("b"); // 11
    const all = await page(0, { scopes: ["content:preview"] });
    expect(told(all)).toEqual([
      "3 published a 1",
      "6 published a 3",
      "7 unpublished a 3",
      "9 published b 1",
      "11 deleted b 1",
    ]);
    expect([all.next, all.head]).toEqual([11, 11]);
    expect(all.items[1]).toEqual({
      position: 6,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      kind: "published",
      type: "city",
      id: "a",
      version: 3,
      entry: {
        id: "a",
        type: "city",
        slug: "second",
        locale: "*",
        fields: { name: { en: "a", fr: "a-fr" }, population: 3 },
        version: 3,
        publishedAt: expect.any(String),
        createdAt: expect.any(String),
        updatedAt: expect.any(String),
      },
    });
    expect(all.items[1]).toMatchObject({ entry: { publishedAt: all.items[1]?.["timestamp"] } });
  });

  test("what was withdrawn since is shown to those who may see drafts, what was deleted since to nobody", async () => {
    await space.put([city("a", 1)]);
    await space.put([city("a", 2)]);
    await space.put([city("gone", 1)]);
    await space.put([city("back", 1)]);
    expect(entriesIn(await page(0))).toEqual([1, 2, 1, 1]);
    await space.withdraw("a");
    await space.remove("gone");
    await space.remove("back");
    await space.put([city("back", 2)]);
    expect(entriesIn(await page(0, { scopes: ["content:preview"] }))).toEqual([
      1,
      2,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      2,
    ]);
    expect(entriesIn(await page(0))).toEqual([...Array.from({ length: 7 }), 2]);
    await space.put([city("a", 3)]);
    expect(entriesIn(await page(0)).slice(0, 2)).toEqual([1, 2]);
  });

  test("of a type that is no longer there, too", async () => {
    await space.put([city("a", 1)]);
    const found = get(
      await listChanges(space.scope(["content:read"], { types: new Map() }), { after: position(0), limit: 20 }),
    );
    expect(found.items).toMatchObject([{ entry: { fields: { name: { en: "a", fr: "a-fr" }, population: 1 } } }]);
  });

  test("tombstones under a type as well, of that type only", async () => {
    await space.put([city("a", 1), { id: "fr", type: "country", fields: {} }]);
    await space.remove("fr");
    await space.put([{ id: "fr", type: "city", fields: {} }]);
    await space.withdraw("a");
    expect(told(await page(0, { type: "country" }))).toEqual(["5 published fr 1", "6 deleted fr 1"]);
    expect(told(await page(0, { type: "city" }))).toEqual(["3 published a 1", "8 published fr 2", "9 unpublished a 1"]);
    expect(await page(0, { type: "nowhere" })).toMatchObject({ items: [], next: 9, head: 9 });
  });

  test("what a commit undoes itself is told of nobody", async () => {
    await space.put([city("a", 1)]);
    const event = (n: number, id: string, version: number, type: string) => ({
      n,
      stream: `entry:${id}`,
      version,
      type,
      schema: 1,
      data: {},
      tags: [`entry:${id}`, "type:city", "type:*"],
    });
    // Published twice, and withdrawn and published: the last state counts.
    const draft = { n: 1, slug: null, fields: { population: 9 }, ix: {}, refs: [] };
    await space.write({
      events: [
        event(1, "a", 3, "EntryUnpublished"),
        event(2, "b", 1, "EntryPublished"),
        event(3, "a", 4, "EntryPublished"),
        event(4, "b", 2, "EntryUnpublished"),
      ],
      entries: [
        {
          id: "a",
          type: "city",
          change: "changed",
          n: 3,
          actor: "t",
          status: "published",
          version: 2,
          publishedVersion: 2,
          revision: 4,
          draft,
          publication: { n: 3, to: "current" },
        },
      ],
    });
    expect(told(await page(3))).toEqual(["6 published a 2"]);
  });

  test("nothing before its position, and no position that is not there", async () => {
    await space.put([city("a", 1)]);
    expect(told(await page(2))).toEqual(["3 published a 1"]);
    expect(await page(3)).toMatchObject({ items: [], next: 3, head: 3 });
    const beyond = await listChanges(space.scope(), { after: position(4), limit: 20 });
    expect(beyond).toMatchObject({ ok: false, fault: { kind: "unavailable", code: "position-not-reached" } });
  });
});

describe("where a page ends", () => {
  const commitEnds = async (): Promise<ReadonlySet<number>> => {
    const { rows } = await space.owner.query(
      "select max(position)::int as at from events where space = $1 group by at",
      [space.space.uid],
    );
    return new Set(rows.map(({ at }) => at as number));
  };

  test("never inside a commit, whatever the limit: soft by what the commit has left", async () => {
    for (let n = 0; n < 6; n += 1)
      await space.put([
        ...Array.from({ length: 1 + 3 * n }, (_, k) => city(`e${n}-${k}`, n)),
        { ...city(`draft${n}`, 1), publish: false },
      ]);
    const ends = await commitEnds();
    const all = told(await page(0, { limit: 1_000 }));
    expect(all).toHaveLength(51);
    for (const limit of [1, 2, 5, 7, 16, 50]) {
      const pages = await walk(0, { limit });
      expect(pages.flatMap(told)).toEqual(all);
      for (const { next, items } of pages) {
        expect(ends, `limit ${limit}`).toContain(next);
        expect(items.length).toBeLessThan(limit + 16);
      }
    }
  });

  test("from inside a commit, what it has left: nothing is lost, nothing told twice", async () => {
    await space.put(["a", "b", "c"].map((id) => city(id, 1))); // 2 to 7
    await space.put([city("d", 1)]);
    const all = told(await page(0));
    for (let at = 1; at < 8; at += 1) {
      const rest = (await walk(at, { limit: 1 })).flatMap(told);
      expect(rest).toEqual(all.filter((line) => Number.parseInt(line, 10) > at));
    }
  });

  test("a commit of a hundred is whole under a limit of 1", async () => {
    await space.put([city("before", 1)]);
    await space.put(Array.from({ length: 100 }, (_, k) => city(`e${k}`, k)));
    await space.put([city("after", 1)]);
    const pages = await walk(0, { limit: 1 });
    expect(pages.map(({ items }) => items.length)).toEqual([1, 100, 1]);
    expect(pages.map(({ truncated }) => truncated)).toEqual([undefined, undefined, undefined]);
  });

  test("at the end of a commit when its bytes are used up, and inside one only when that alone is too large", async () => {
    const large = (id: string) => ({ id, type: "city", fields: { note: id.padEnd(10_000, ".") } });
    await space.put([large("a")]);
    await space.put([large("b"), large("c")]);
    await space.put([large("d"), large("e"), large("f"), large("g")]);
    await space.remove("g");
    const pages = await walk(0, { bytes: 25_000, scopes: ["content:preview"] });
    expect(pages.map(({ items, truncated }) => [items.map(({ id }) => id).join(""), truncated])).toEqual([
      ["a", "bytes"],
      ["bc", "bytes"],
      ["de", "commit"],
      ["fgg", undefined],
    ]);
    expect(entriesIn(pages[3]!)).toEqual([1, undefined, undefined]);
    const all = await page(0, { scopes: ["content:preview"] });
    expect(pages.flatMap(told)).toEqual(told(all));
  });

  test("one that is larger than any page is given alone", async () => {
    const huge = (id: string) => ({ id, type: "city", fields: { note: id.padEnd(30_000, ".") } });
    await space.put([huge("a")]);
    await space.put([huge("b")]);
    const pages = await walk(0, { bytes: 10_000 });
    expect(pages.map(({ items }) => items.length)).toEqual([1, 1]);
  });

  test("what is cut is told, also right after what is spared whatever its size", async () => {
    const rows = sql`(select n, n::text as id, '{}'::jsonb as fields, 2000 as size from generate_series(1, 10) n) r`;
    const spared = sql`(select n, n::text as id, '{}'::jsonb as fields, 9000 as size from generate_series(1, 10) n) r`;
    const cutOf = async (of: typeof rows) => {
      const { text, params } = renderSql(
        sql`select n::int, body is not null as there from ${withinBytes(of, 5_000, sql`n = 1`)} x order by n`,
      );
      return (await space.owner.query(text, params as unknown[])).rows;
    };
    expect(await cutOf(spared)).toEqual([
      { n: 1, there: true },
      { n: 2, there: false },
    ]);
    expect(await cutOf(rows)).toEqual([
      { n: 1, there: true },
      { n: 2, there: true },
      { n: 3, there: false },
    ]);
  });
});

/** Of the log; without the number of the partition. */
function indexesOf(plan: unknown): readonly string[] {
  const names = [...JSON.stringify(plan).matchAll(/"(?:Index|Relation) Name":"(events_[^"]+)"/g)];
  return names.map(([, name = ""]) => name.replace(/_\d_/, "_#_"));
}

describe("what it costs", () => {
  const explain = async (after: number, type?: string, limit = 20) =>
    space.explain(
      changesSql({
        space: space.space.uid,
        type,
        after: position(after),
        limit,
        bytes: 6 * 1024 * 1024,
        preview: false,
      }),
    );

  test("not more with drafts and other types between: found by index, in order, and no further than a page", async () => {
    await space.put([{ id: "fr", type: "country", fields: {} }]);
    for (let n = 0; n < 20; n += 1) await space.put(Array.from({ length: 100 }, (_, k) => city(`e${n * 100 + k}`, k)));
    // Drafts alone, as editors make them.
    const { rows } = await space.owner.query("select position::int from space_head where space = $1", [
      space.space.uid,
    ]);
    const head = rows[0].position as number;
    await space.owner.query(
      `insert into events (space, position, stream, version, type, schema, data, meta, at)
       select $1, $2::int + n, 'entry:e1', 1000 + n, 'EntryUpdated', 1, jsonb_build_object('fields', repeat('x', 500)), '{}', now() + n * interval '1 ms'
       from generate_series(1, 20000) n`,
      [space.space.uid, head],
    );
    await space.owner.query("update space_head set position = $2 where space = $1", [space.space.uid, head + 20_000]);
    await space.put([{ id: "de", type: "country", fields: {} }]);
    await space.owner.query("analyze events");
    const rare = await explain(3, "country");
    const drafts = await explain(head);
    const first = await explain(0);
    expect(indexesOf(rare)).toContain("events_#_space_tags_position_idx");
    expect(indexesOf(drafts)).toContain("events_#_space_position_idx");
    expect(indexesOf(first)).toContain("events_#_space_position_idx");
    console.info(
      `blocks: rare type ${buffersOf(rare)}, after drafts ${buffersOf(drafts)}, first page ${buffersOf(first)}`,
    );
    expect(buffersOf(rare)).toBeLessThan(100);
    expect(buffersOf(drafts)).toBeLessThan(100);
    // 20 and at most a hundred more are looked at, however long the log.
    expect(buffersOf(first)).toBeLessThan(2_500);
    expect(await page(head)).toMatchObject({ items: [{ id: "de" }] });
  });
});
