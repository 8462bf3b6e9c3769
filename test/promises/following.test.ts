// Who follows knows what content answers: a copy made of changes equals the space, streams cost little and end, exports are whole or broken.
import { request } from "node:http";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bundleProduct, type Running } from "../../bench/workers/bundle.ts";
import { product, startOne } from "../../bench/workers/emulator.ts";
import { ask, makeSpace, makeTypes, PLACES, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { openEvents } from "../support/events.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
afterEach(() => control.restore());

interface Item {
  readonly position: number;
  readonly kind: "published" | "unpublished" | "deleted";
  readonly type: string;
  readonly id: string;
  readonly entry?: { readonly id: string };
}

/** What a follower keeps. */
class Copy {
  readonly type: string | undefined;
  readonly entries = new Map<string, unknown>();
  /** Everything up to here is in it. */
  at = 0;
  constructor(type?: string) {
    this.type = type;
  }

  apply({ kind, type, id, entry }: Item): void {
    const name = `${type}/${id}`;
    if (kind === "published" && entry !== undefined) this.entries.set(name, entry);
    // What was published then is gone since: a later change takes it away as well.
    else this.entries.delete(name);
  }

  /** One page; true when there are more. */
  async follow(space: Space, limit: number, from = this.at): Promise<boolean> {
    const typed = this.type === undefined ? "" : `&type=${this.type}`;
    const { body } = await space.must("GET", `changes?after=${from}&limit=${limit}${typed}`);
    for (const item of body.data as Item[]) this.apply(item);
    this.at = body.page.next;
    return body.page.next < body.page.head;
  }
}

async function contentOf(space: Space, types: readonly string[], position: number): Promise<Map<string, unknown>> {
  const entries = new Map<string, unknown>();
  for (const type of types) {
    let cursor = "";
    do {
      const { body } = await space.must("GET", `content/${type}?locale=*&limit=100${cursor}`, {
        headers: { "meridian-at-least": String(position) },
      });
      for (const entry of body.data) entries.set(`${type}/${entry.id}`, entry);
      cursor = body.page.next === null ? "" : `&cursor=${encodeURIComponent(body.page.next)}`;
    } while (cursor !== "");
  }
  return entries;
}

const TYPES = ["city", "country"];
const IDS = ["a", "b", "c", "d", "e"];
const SLUGS = ["one", "two", "three"];

type Step =
  | {
      readonly do: "create" | "put" | "patch";
      readonly id: string;
      readonly type: string;
      readonly slug: string | null;
      readonly publish: boolean;
      readonly n: number;
    }
  | { readonly do: "publish" | "unpublish" | "archive" | "unarchive" | "delete"; readonly id: string }
  | {
      readonly do: "follow";
      readonly who: number;
      readonly limit: number;
      readonly pages: number;
      readonly back: number;
    };

const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("create" as const, "create" as const, "put" as const, "patch" as const),
      id,
      type: fc.constantFrom(...TYPES),
      slug: fc.option(fc.constantFrom(...SLUGS)),
      publish: fc.boolean(),
      n: fc.nat(99),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        "publish" as const,
        "publish" as const,
        "unpublish" as const,
        "archive" as const,
        "unarchive" as const,
        "delete" as const,
        "delete" as const,
      ),
      id,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("follow" as const),
      who: fc.nat(3),
      limit: fc.integer({ min: 1, max: 7 }),
      pages: fc.integer({ min: 1, max: 3 }),
      back: fc.nat(6),
    }),
  },
);

async function write(space: Space, each: Exclude<Step, { do: "follow" }>): Promise<void> {
  if ("type" in each) {
    const fields = { name: { en: `${each.id}${each.n}`, ...(each.n % 2 ? { fr: `fr${each.n}` } : {}) } };
    const body = { type: each.type, fields, ...(each.slug === null ? {} : { slug: each.slug }) };
    if (each.do === "create")
      await space.ask("POST", "entries", { body: { ...body, id: each.id, publish: each.publish } });
    else if (each.do === "put") await space.ask("PUT", `entries/${each.id}`, { body });
    else await space.ask("PATCH", `entries/${each.id}`, { body: { slug: each.slug, fields } });
  } else if (each.do === "delete") await space.ask("DELETE", `entries/${each.id}?force=true`);
  else await space.ask("POST", `entries/${each.id}/${each.do}`);
}

describe("a copy made of changes", () => {
  test("equals the space, whatever happened, whatever the pages, wherever it was taken up again", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60 }), async (steps) => {
        const space = insistent(await makeSpace());
        await makeTypes(space);
        const copies = [new Copy(), new Copy(), new Copy("city"), new Copy("country")];
        for (const each of steps) {
          if (each.do !== "follow") {
            await write(space, each);
            continue;
          }
          const copy = copies[each.who] as Copy;
          // Now and then from further back than it was: changes may be applied again.
          let from: number | undefined = Math.max(0, copy.at - each.back);
          for (let page = 0; page < each.pages; page += 1) {
            await copy.follow(space, each.limit, from);
            from = undefined;
          }
        }
        for (const copy of copies) {
          while (await copy.follow(space, 1 + (copy.at % 5)));
          const types = copy.type === undefined ? TYPES : [copy.type];
          expect(Object.fromEntries(copy.entries)).toEqual(Object.fromEntries(await contentOf(space, types, copy.at)));
        }
      }),
      { numRuns: 6 },
    );
  }, 300_000);

  test("made of a stream that breaks off again and again, too", async () => {
    const space = insistent(await makeSpace());
    await makeTypes(space);
    const copy = new Copy();
    const steps = fc.sample(step, { numRuns: 60, seed: 4 }).filter((each) => each.do !== "follow");
    let resume: string | undefined;
    for (let at = 0; at < steps.length; ) {
      const headers = resume === undefined ? {} : { "last-event-id": resume };
      const stream = await openEvents(`/v1/spaces/${space.id}/changes`, { key: space.key, headers });
      await stream.until((text) => text.includes("\n\n"));
      for (const each of steps.slice(at, at + 12)) await write(space, each);
      at += 12;
      const { body } = await space.must("GET", `changes?limit=1000&after=${copy.at}`);
      // Half of what there is to tell is taken, and the stream left in the middle.
      for (let taken = 0; taken < Math.ceil(body.data.length / 2); taken += 1) {
        const event = await stream.next();
        copy.apply(event?.data);
        copy.at = Number(event?.id);
      }
      resume = String(Math.max(copy.at, Number(resume ?? 0)) || stream.lastEventId());
      await stream.leave();
    }
    while (await copy.follow(space, 3));
    expect(Object.fromEntries(copy.entries)).toEqual(Object.fromEntries(await contentOf(space, TYPES, copy.at)));
    // The development proxy hides that clients have left: their streams end with their space.
    await ask("DELETE", `/v1/spaces/${space.id}`, { key: rootKey() });
  }, 120_000);
});

describe("a stream", () => {
  let running: Running;
  beforeAll(async () => {
    // Without the development proxy, which hides that a client has left.
    running = await startOne(product(await bundleProduct(), stackHere() as never));
  }, 120_000);
  afterAll(() => running.stop());

  const open = (id: string): Promise<{ leave(): void }> =>
    new Promise((resolve, reject) => {
      const asking = request(
        {
          host: "127.0.0.1",
          port: running.port,
          path: `/v1/spaces/${id}/changes`,
          headers: { accept: "text/event-stream" },
          agent: false,
        },
        (answer) => {
          answer.on("error", () => undefined);
          answer.once("data", () => resolve({ leave: () => asking.destroy() }));
        },
      );
      asking.on("error", reject);
      asking.end();
    });

  const looks = async () => (await control.counters()).redis.requests;

  test("asks nobody any more when its client has left", async () => {
    const space = await makeSpace();
    const clients = [await open(space.id), await open(space.id), await open(space.id)];
    await control.resetCounters();
    await until("the streams look for changes", async () => (await looks()) >= 3);
    for (const client of clients) client.leave();
    // A closed connection is noticed when something is written to it, at the next comment at the latest. What runs behind writes and every
    // minute asks, too: there is a while in which nobody does.
    await until(
      "nobody looks for five seconds",
      async () => {
        const before = await looks();
        await new Promise((resolve) => setTimeout(resolve, 5_000));
        return (await looks()) === before;
      },
      90_000,
    );
  }, 120_000);

  test("costs at most a request a second while nothing happens, and many of a space share their looks", async () => {
    const space = await makeSpace();
    const clients = [];
    for (let n = 0; n < 5; n += 1) clients.push(await open(space.id));
    await control.resetCounters();
    const begun = Date.now();
    await until("a while has passed", async () => Date.now() - begun > 10_000);
    const { postgres, redis } = await control.countersByCaller();
    const seconds = (Date.now() - begun) / 1_000;
    const asked = Object.values(postgres).reduce((sum, callers) => sum + (callers["request"]?.requests ?? 0), 0);
    for (const client of clients) client.leave();
    // Not five times as often; a sweep may come in between.
    expect(redis.requests).toBeLessThanOrEqual(1.2 * seconds + 5);
    expect(asked).toBeLessThanOrEqual(5);
  }, 60_000);
});

describe("an export", () => {
  let sql: Sql;
  beforeAll(async () => {
    sql = await openSql();
  });
  afterAll(async () => {
    await sql.end();
    await writable();
  });

  let last = "";
  /** Breakers that a test opened have closed again. */
  async function writable(): Promise<void> {
    await control.restore();
    await until("writes are taken again", async () => {
      const { status } = await ask("PATCH", `/v1/spaces/${last}`, { key: rootKey(), body: { name: "again" } });
      return status === 200;
    });
  }

  /** Many entries like the first, made past the Worker: only what exports read. */
  async function fill(space: Space, many: number): Promise<void> {
    await space.must("POST", "entries", {
      body: { type: "city", id: "e0", fields: { name: { en: "x" }, note: "y".repeat(4_000) }, publish: true },
    });
    last = space.id;
    const uid = await uidOf(sql, space.id);
    for (const table of ["published", "published_ix"]) {
      const [row] = await sql(
        "select string_agg(quote_ident(column_name), ', ') as names from information_schema.columns where table_name = $1 and column_name not in ('id')",
        [table],
      );
      const names = String(row?.["names"]);
      await sql(
        `insert into ${table} (id, ${names}) select 'f' || lpad(n::text, 6, '0'), ${names} from ${table}, generate_series(1, ${many - 1}) n where space = $1 and id = 'e0'`,
        [uid],
      );
    }
    await sql("update type_count set published = $2 where space = $1 and type = 'city'", [uid, many]);
  }

  async function take(
    space: Space,
    meanwhile: (bytes: number) => Promise<void>,
  ): Promise<{ lines: number; whole: boolean; promised: number }> {
    const response = await fetch(`${stackHere().origin}/v1/spaces/${space.id}/export`, {
      headers: { authorization: `Bearer ${space.key}`, "MF-CF-Blob": JSON.stringify(PLACES.iad) },
    });
    const promised = Number(response.headers.get("meridian-lines"));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let [lines, bytes] = [0, 0];
    for (;;) {
      const part = await reader.read().catch(() => undefined);
      if (part === undefined) return { lines, whole: false, promised };
      if (part.done) return { lines, whole: true, promised };
      bytes += part.value.byteLength;
      for (const byte of part.value) lines += byte === 10 ? 1 : 0;
      await meanwhile(bytes);
    }
  }

  test("is whole, in as many lines as promised, of one position whatever is written meanwhile", async () => {
    const space = insistent(await makeSpace());
    await makeTypes(space);
    await fill(space, 8_000);
    let wrote = false;
    const taken = await take(space, async (bytes) => {
      if (wrote || bytes < 1_000_000) return;
      wrote = true;
      await space.must("DELETE", "entries/e0");
      await space.must("POST", "entries", {
        body: { type: "city", id: "zzz", fields: { name: { en: "z" } }, publish: true },
      });
    });
    expect(wrote).toBe(true);
    expect(taken).toEqual({ lines: 8_000, whole: true, promised: 8_000 });
  }, 120_000);

  test("outlives that its nearest database goes away", async () => {
    const space = insistent(await makeSpace());
    await makeTypes(space);
    await fill(space, 8_000);
    await until("readers have it", async () => {
      const head = await ask("GET", `/v1/spaces/${space.id}/content/city/f007999`, { key: space.key, cf: PLACES.fra });
      return head.status === 200 && head.headers.get("meridian-source") === "us-fra";
    });
    let gone = false;
    const taken = await take(space, async (bytes) => {
      if (gone || bytes < 1_000_000) return;
      gone = true;
      await control.fault("us-primary", { mode: "down" });
    });
    expect(taken).toEqual({ lines: 8_000, whole: true, promised: 8_000 });
  }, 120_000);

  test("that loses its database is broken off, and is not taken for whole", async () => {
    await writable();
    const space = insistent(await makeSpace());
    await makeTypes(space);
    await fill(space, 20_000);
    let broken = false;
    const taken = await take(space, async (bytes) => {
      if (broken || bytes < 1_000_000) return;
      broken = true;
      for (const node of ["us-primary", "us-fra", "us-sin"]) await control.fault(node, { mode: "down" });
    });
    expect(broken).toBe(true);
    expect(taken.whole).toBe(false);
    expect(taken.lines).toBeLessThan(20_000);
  }, 120_000);
});
