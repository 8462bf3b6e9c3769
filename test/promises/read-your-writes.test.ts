// Whoever names the position of a write is never shown anything older, wherever they ask and however far behind the nearest reader is.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, PLACES, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { headOf, openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let readers: Record<"us-fra" | "us-sin", Sql>;
let space: Space;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  readers = { "us-fra": await openSql("us-fra"), "us-sin": await openSql("us-sin") };
  space = insistent(await makeSpace());
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
});
afterEach(() => control.restore());
afterAll(() => Promise.all([sql, ...Object.values(readers ?? {})].map((each) => each?.end())));

const write = (note: string, id = "it"): Promise<Answer> =>
  space.must("PUT", `entries/${id}`, { body: { type: "country", slug: `${id}-slug`, fields: { name: { en: note } } } });
const publish = (id = "it"): Promise<Answer> => space.must("POST", `entries/${id}/publish`);
const read = (path: string, cf: Readonly<Record<string, string>>, atLeast?: number | string): Promise<Answer> =>
  ask("GET", `/v1/spaces/${space.id}/content/${path}`, {
    cf,
    headers: atLeast === undefined ? {} : { "Meridian-At-Least": String(atLeast) },
  });
const readersHave = (position: number): Promise<void> =>
  until(`readers replay ${position}`, async () =>
    (await Promise.all(Object.values(readers).map((reader) => headOf(reader, uid)))).every((head) => head >= position),
  );

/** Position of what held-back readers show. */
let old: number;

async function holdBack(): Promise<void> {
  await write("old");
  old = (await publish()).position;
  await readersHave(old);
  await control.replay("us-fra", true);
  await control.replay("us-sin", true);
}

describe("readers held back", () => {
  test("a read at a write's position is never older: by id, by slug and in lists, from anywhere; it comes from nobody who lags", async () => {
    await holdBack();
    for (let n = 1; n <= 8; n += 1) {
      await write(`new ${n}`);
      const { position } = await publish();
      const answers = await Promise.all(
        [PLACES.fra, PLACES.sin, PLACES.iad].flatMap((cf) =>
          ["country/it", "country/it-slug", "country?limit=1", "country?filter[name]=new+".concat(String(n))].map(
            (path) => read(path, cf, position),
          ),
        ),
      );
      for (const { status, body, position: at, headers } of answers) {
        expect(status).toBe(200);
        const [one] = body.data ?? [body];
        expect([one.fields.name, at >= position]).toEqual([`new ${n}`, true]);
        // From the primary, or from a cache that another place has just had filled by it.
        expect(["us-fra", "us-sin"]).not.toContain(headers.get("meridian-source"));
      }
    }
  }, 60_000);

  test("without a position what has changed comes from who has it, and what has not from the reader", async () => {
    await holdBack();
    await write("newer still");
    await publish();
    for (const cf of [PLACES.fra, PLACES.sin]) {
      const answer = await read("country/it", cf);
      expect([answer.status, answer.body.fields.name]).toEqual([200, "newer still"]);
    }
    // Nobody has asked this before, and nothing that it was made from has changed since the reader stopped.
    const unchanged = await read("country/nowhere", PLACES.fra);
    expect([unchanged.status, unchanged.headers.get("meridian-source")]).toEqual([404, "us-fra"]);
  });

  test("what was unpublished is gone, though the reader still has it", async () => {
    await holdBack();
    const { position } = await space.must("POST", "entries/it/unpublish");
    for (const at of [undefined, position]) {
      const gone = await read("country/it", PLACES.fra, at);
      expect([gone.status, gone.body.code]).toEqual([404, "content-missing"]);
      expect((await read("country", PLACES.fra, at)).body.data).toEqual([]);
    }
  });

  test("a type that the reader has not heard of is answered by the primary, named position or not", async () => {
    await holdBack();
    await space.must("PUT", "types/late", {
      body: { name: "Late", schema: { type: "object", properties: { n: { type: "integer", "x-indexed": true } } } },
    });
    await space.must("POST", "entries", { body: { type: "late", id: "late-one", fields: { n: 1 }, publish: true } });
    for (const path of ["late/late-one", "late?filter[n]=1"]) {
      const answer = await read(path, PLACES.fra);
      expect([answer.status, answer.headers.get("meridian-source")]).toEqual([200, "us-primary"]);
    }
  });

  test("a walk goes on at its position although the nearest reader has not reached it", async () => {
    await holdBack();
    for (const id of ["walk-1", "walk-2", "walk-3"]) await write("walked", id);
    await Promise.all(["walk-1", "walk-2", "walk-3"].map(publish));
    const { position } = await space.must("GET", "entries/walk-3");
    const path = "country?filter[name]=walked&limit=2";
    const first = await read(path, PLACES.fra, position);
    expect([first.status, first.body.data.length, first.body.page.at >= position]).toEqual([200, 2, true]);
    const second = await read(`${path}&cursor=${encodeURIComponent(first.body.page.next)}`, PLACES.fra);
    expect([second.status, second.body.data?.length, second.body.page?.at]).toEqual([200, 1, first.body.page.at]);
    const conflict = await read(
      `${path}&cursor=${encodeURIComponent(first.body.page.next)}`,
      PLACES.iad,
      first.body.page.at + 1,
    );
    expect([conflict.status, conflict.body.code]).toEqual([400, "position-conflict"]);
  });

  test("a reader that has caught up is used again", async () => {
    await holdBack();
    await write("caught up");
    const { position } = await publish();
    await control.replay("us-fra", false);
    await until(
      "the reader answers",
      async () => (await read("country/it", PLACES.fra, position)).headers.get("meridian-source") === "us-fra",
    );
    expect((await read("country/it", PLACES.fra, position)).body.fields.name).toBe("caught up");
  });
});

describe("positions that cannot be served", () => {
  test("one that the space has not reached is 503 at once, on every read of the space", async () => {
    const head = await headOf(sql, uid);
    const paths = [
      "content/country/it",
      "content/country",
      "entries/it",
      "entries?type=country",
      "types",
      "types/country",
      "keys",
    ];
    for (const cf of [PLACES.fra, PLACES.iad]) {
      for (const path of paths) {
        const answer = await space.ask("GET", path, { cf, headers: { "Meridian-At-Least": String(head + 1) } });
        expect([path, answer.status, answer.body.code]).toEqual([path, 503, "position-not-reached"]);
        expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
        expect(answer.headers.get("cache-control")).toBe("no-store");
      }
    }
    for (const path of paths)
      expect((await space.ask("GET", path, { headers: { "Meridian-At-Least": String(head) } })).status, path).toBe(200);
  });

  test("and no write is done before it, by whoever and whatever it would change", async () => {
    await write("there");
    const { id } = (await space.must("POST", "keys", { body: { name: "k", scopes: ["content:read"] } })).body;
    const country = { type: "country", fields: { name: { en: "never" } } };
    const empty = { name: "x", schema: { type: "object", properties: {} } };
    const key = { name: "never", scopes: ["content:read"] };
    const writes: readonly (readonly [string, string, unknown?])[] = [
      ["POST", "/entries", country],
      ["PUT", "/entries/it", country],
      ["PATCH", "/entries/it", { fields: { region: "never" } }],
      ["DELETE", "/entries/it"],
      ...["publish", "unpublish", "archive", "unarchive"].map((act) => ["POST", `/entries/it/${act}`] as const),
      ["PUT", "/types/never", empty],
      ["PUT", "/types/country", empty],
      ["DELETE", "/types/city"],
      ["POST", "/keys", key],
      ["POST", `/keys/${id}/rotate`, { overlapSeconds: 0 }],
      ["DELETE", `/keys/${id}`],
    ];
    const operators: typeof writes = [
      ["POST", "/keys", key],
      ["DELETE", `/keys/${id}`],
      ["PATCH", "", { name: "never" }],
      ["DELETE", ""],
    ];
    const before = await headOf(sql, uid);
    const asked = [
      ...writes.map((each) => [space.key, each] as const),
      ...operators.map((each) => [rootKey(), each] as const),
    ];
    for (const [by, [method, path, body]] of asked) {
      const answer = await ask(method, `/v1/spaces/${space.id}${path}`, {
        key: by,
        headers: { "Meridian-At-Least": String(before + 1_000) },
        ...(body === undefined ? {} : { body }),
      });
      expect([method, path, answer.status, answer.body?.code]).toEqual([method, path, 503, "position-not-reached"]);
    }
    expect(await headOf(sql, uid)).toBe(before);
  });

  test("what is no position is 400", async () => {
    for (const value of [
      "-1",
      "1.5",
      "one",
      "1e3",
      "",
      " ",
      "0x10",
      "1,2",
      "99999999999999999999",
      "9007199254740993",
    ]) {
      const answer = await read("country", PLACES.fra, value);
      expect([value, answer.status, answer.body.code, answer.body.errors?.[0]?.parameter]).toEqual([
        value,
        400,
        "invalid-header",
        "Meridian-At-Least",
      ]);
    }
    expect((await read("country", PLACES.fra, "0")).status).toBe(200);
  });
});

test("one space's position says nothing of another's", async () => {
  const other = await makeSpace();
  const { position } = await write("here");
  const answer = await other.ask("GET", "types", { headers: { "Meridian-At-Least": String(position) } });
  expect([answer.status, answer.body.code]).toEqual([503, "position-not-reached"]);
});
