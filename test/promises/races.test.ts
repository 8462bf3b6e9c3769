// Many at once: one wins where one may win, everybody else is told so, and the log shows nothing else.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Ask, ask, makeSpace, makeTypes, rootKey, type Space } from "../support/client.ts";
import { inLine } from "../support/in-line.ts";
import { type Insisted, type InsistentSpace, insistent } from "../support/insist.ts";
import { checkSpace, type LogEvent, logOf } from "../support/ledger.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";

let sql: Sql;
let raw: Space;
let space: InsistentSpace;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  raw = await makeSpace();
  space = insistent(raw);
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
});
afterAll(() => sql?.end());

const many = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));
const country = (id: string, note: string, more: object = {}) => ({
  type: "country",
  id,
  fields: { name: { en: note } },
  ...more,
});
const codes = (answers: readonly Answer[]): Record<string, number> => {
  const counted: Record<string, number> = {};
  for (const { status, body } of answers) {
    const what = status < 300 ? String(status) : `${status} ${body?.code}`;
    counted[what] = (counted[what] ?? 0) + 1;
  }
  return counted;
};

describe("one entry, fifty writers", { timeout: 60_000 }, () => {
  test("with the same If-Match one wins and 49 are told to look again", async () => {
    const made = await space.must("POST", "entries", { body: country("matched", "0") });
    const etag = made.headers.get("etag") as string;
    const answers = await many(50, (i) =>
      space.once("PUT", "entries/matched", {
        body: { type: "country", fields: { name: { en: `w${i}` } } },
        headers: { "If-Match": etag },
      }),
    );
    expect(codes(answers)).toEqual({ "200": 1, "412 precondition-failed": 49 });
    const won = answers.find(({ status }) => status === 200) as Answer;
    const now = await space.must("GET", "entries/matched");
    expect(now.body).toEqual(won.body);
    expect(now.body.version).toBe(2);
    expect(now.headers.get("etag")).toBe(won.headers.get("etag"));
  });

  test("without it each is applied, or answers 409 after repeated losses and has changed nothing", async () => {
    await space.must("POST", "entries", { body: country("open", "0") });
    const answers = await many(50, (i) =>
      space.once("PATCH", "entries/open", { body: { fields: { name: { en: `w${i}` } } } }),
    );
    const counted = codes(answers);
    const { "200": applied = 0, "409 conflict": gaveUp = 0, ...others } = counted;
    expect(others).toEqual({});
    expect(applied + gaveUp).toBe(50);
    expect(applied).toBeGreaterThan(0);
    for (const answer of answers) if (answer.status === 409) expect(answer.headers.get("retry-after")).not.toBeNull();
    const versions = answers.filter(({ status }) => status === 200).map(({ body }) => body.version);
    expect(versions.sort((a, b) => a - b)).toEqual(versions.map((_, at) => at + 2));
    expect((await space.must("GET", "entries/open")).body.version).toBe(applied + 1);
  });

  test("four at once are all applied: each loses at most three times", async () => {
    await space.must("POST", "entries", { body: country("four", "0") });
    for (let round = 1; round <= 3; round += 1) {
      const answers = await many(4, (i) =>
        space.once("PATCH", "entries/four", { body: { fields: { name: { en: `r${round}w${i}` } } } }),
      );
      expect(codes(answers)).toEqual({ "200": 4 });
      expect((await space.must("GET", "entries/four")).body.version).toBe(1 + 4 * round);
    }
  });

  test("an id is created once", async () => {
    const answers = await many(50, (i) => space.once("POST", "entries", { body: country("one", `w${i}`) }));
    expect(codes(answers)).toEqual({ "201": 1, "409 entry-exists": 49 });
  });

  test("PUT with If-None-Match: * creates once", async () => {
    const answers = await many(20, (i) =>
      space.once("PUT", "entries/only", {
        body: { type: "country", fields: { name: { en: `w${i}` } } },
        headers: { "If-None-Match": "*" },
      }),
    );
    expect(codes(answers)).toEqual({ "201": 1, "412 precondition-failed": 19 });
  });

  test("a slug is taken once, by create and by PATCH", async () => {
    const answers = await many(20, (i) =>
      space.once("POST", "entries", { body: country(`s${i}`, "x", { slug: "the-slug" }) }),
    );
    expect(codes(answers)).toEqual({ "201": 1, "409 slug-taken": 19 });
    await many(10, (i) => space.must("POST", "entries", { body: country(`p${i}`, "x") }));
    const patched = await many(10, (i) => space.once("PATCH", `entries/p${i}`, { body: { slug: "other-slug" } }));
    expect(codes(patched)).toEqual({ "200": 1, "409 slug-taken": 9 });
  });
});

describe("two that exclude each other", { timeout: 60_000 }, () => {
  test("deleting an entry against publishing another that refers to it: exactly one of the two", async () => {
    const races = 24;
    await many(races, (i) => space.must("POST", "entries", { body: country(`target${i}`, "x") }));
    const publish = (i: number) =>
      space.once("POST", "entries", {
        body: { type: "city", id: `referrer${i}`, fields: { name: { en: "c" }, country: `target${i}` }, publish: true },
      });
    const remove = (i: number) => space.once("DELETE", `entries/target${i}`);
    const outcomes = await many(races, async (i) => {
      // Who is sent first alternates.
      if (i % 2 === 0) return await Promise.all([publish(i), remove(i)]);
      const [removed, published] = await Promise.all([remove(i), publish(i)]);
      return [published, removed] as const;
    });
    for (const [published, removed] of outcomes) {
      expect([
        ["201 undefined", "409 entry-referenced"],
        ["422 reference-missing", "204 undefined"],
      ]).toContainEqual([`${published.status} ${published.body?.code}`, `${removed.status} ${removed.body?.code}`]);
    }
    const dangling = await sql(
      `select r.id, r.target from refs r where r.space = $1 and r.side = 'p' and not exists (select from entries e where e.space = r.space and e.id = r.target)`,
      [uid],
    );
    expect(dangling).toEqual([]);
  });

  test("deleting a type against creating an entry of it: never an entry without its type", async () => {
    const body = { name: "Brief", schema: { type: "object", properties: { n: { type: "integer" } } } };
    for (let round = 0; round < 6; round += 1) {
      await space.must("PUT", `types/brief${round}`, { body });
      const answers = await Promise.all([
        space.once("DELETE", `types/brief${round}`),
        ...Array.from({ length: 3 }, (_, i) =>
          space.once("POST", "entries", {
            body: { type: `brief${round}`, id: `brief${round}-${i}`, fields: { n: i } },
          }),
        ),
      ]);
      const [gone, ...made] = answers.map(({ status }) => status);
      expect(
        answers.every(({ status }) => status < 500),
        answers.map(({ text }) => text).join("\n"),
      ).toBe(true);
      expect(gone === 204 ? made.every((status) => status === 422) : made.some((status) => status === 201)).toBe(true);
    }
    const orphans = await sql(
      "select e.id from entries e where e.space = $1 and not exists (select from types t where t.space = $1 and t.type = e.type)",
      [uid],
    );
    expect(orphans).toEqual([]);
  });
});

describe("one decided before the other had committed", { timeout: 60_000 }, () => {
  const told = (answers: readonly Answer[]) =>
    answers.map(({ status, body }) => (status < 300 ? `${status}` : `${status} ${body?.code}`));
  const city = (id: string, target: string) => ({
    type: "city",
    id,
    fields: { name: { en: "c" }, country: target },
    publish: true,
  });
  const type = { name: "T", schema: { type: "object", properties: { n: { type: "integer" } } } };
  /** Something to race about, for rounds to come. */
  const prepare = async (rounds: number, work: (round: number) => Promise<unknown>): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) await work(round);
  };
  const ROUNDS = 4;

  test("the same If-Match: the first wins", async () => {
    await prepare(ROUNDS, (r) => space.must("POST", "entries", { body: country(`line-a${r}`, "0") }));
    const put = (note: string) => (r: number) =>
      raw.ask("PUT", `entries/line-a${r}`, {
        body: { type: "country", fields: { name: { en: note } } },
        headers: { "If-Match": '"1.1"' },
      });
    expect(told(await inLine(uid, put("first"), put("second")))).toEqual(["200", "412 precondition-failed"]);
  });

  test("no If-Match: both are applied, and the second stands upon the first", async () => {
    await prepare(ROUNDS, (r) => space.must("POST", "entries", { body: country(`line-b${r}`, "0") }));
    const patch = (fields: object) => (r: number) => raw.ask("PATCH", `entries/line-b${r}`, { body: { fields } });
    const answers = await inLine(uid, patch({ region: "first" }), patch({ name: { en: "second" } }));
    expect(told(answers)).toEqual(["200", "200"]);
    expect([answers[1].body.version, answers[1].body.fields]).toEqual([3, { name: { en: "second" }, region: "first" }]);
  });

  test("deleting and publishing what refers to it: the first decides", async () => {
    await prepare(2 * ROUNDS, (r) => space.must("POST", "entries", { body: country(`line-c${r}`, "0") }));
    const remove = (r: number) => raw.ask("DELETE", `entries/line-c${r}`);
    const publish = (r: number) => raw.ask("POST", "entries", { body: city(`line-c-by${r}`, `line-c${r}`) });
    const shifted = (work: (r: number) => Promise<Answer>) => (r: number) => work(ROUNDS + r);
    expect(told(await inLine(uid, remove, publish))).toEqual(["204", "422 reference-missing"]);
    expect(told(await inLine(uid, shifted(publish), shifted(remove)))).toEqual(["201", "409 entry-referenced"]);
  });

  test("two slugs, two ids: the first has it", async () => {
    const make = (id: string, slug: (r: number) => string) => (r: number) =>
      raw.ask("POST", "entries", { body: country(`${id}${r}`, "0", { slug: slug(r) }) });
    expect(
      told(
        await inLine(
          uid,
          make("line-d", (r) => `line-slug${r}`),
          make("line-e", (r) => `line-slug${r}`),
        ),
      ),
    ).toEqual(["201", "409 slug-taken"]);
    // An id may not be another's slug either.
    expect(
      told(
        await inLine(
          uid,
          make("line-f", (r) => `line-g${r}`),
          make("line-g", (r) => `line-other${r}`),
        ),
      ),
    ).toEqual(["201", "409 slug-taken"]);
  });

  test("deleting a type and creating an entry of it: the first decides", async () => {
    await prepare(2 * ROUNDS, (r) => space.must("PUT", `types/line${r}`, { body: type }));
    const drop = (r: number) => raw.ask("DELETE", `types/line${r}`);
    const create = (r: number) =>
      raw.ask("POST", "entries", { body: { type: `line${r}`, id: `line-h${r}`, fields: {} } });
    const shifted = (work: (r: number) => Promise<Answer>) => (r: number) => work(ROUNDS + r);
    expect(told(await inLine(uid, drop, create))).toEqual(["204", "422 type-unknown"]);
    expect(told(await inLine(uid, shifted(create), shifted(drop)))).toEqual(["201", "409 type-in-use"]);
  });

  test("a type that asks for more and an entry that does not have it: the first decides", async () => {
    await prepare(2 * ROUNDS, (r) => space.must("PUT", `types/strict${r}`, { body: type }));
    const tighten = (r: number) =>
      raw.ask("PUT", `types/strict${r}`, { body: { ...type, schema: { ...type.schema, required: ["n"] } } });
    const create = (r: number) =>
      raw.ask("POST", "entries", { body: { type: `strict${r}`, id: `line-i${r}`, fields: {} } });
    const shifted = (work: (r: number) => Promise<Answer>) => (r: number) => work(ROUNDS + r);
    expect(told(await inLine(uid, tighten, create))).toEqual(["200", "422 schema-violation"]);
    expect(told(await inLine(uid, shifted(create), shifted(tighten)))).toEqual(["201", "409 schema-conflict"]);
  });

  test("revoking a key and writing with it: nothing is written by a dead key", async () => {
    const keys: { id: string; key: string }[] = [];
    await prepare(ROUNDS, async (r) => {
      keys[r] = (await space.must("POST", "keys", { body: { name: "k", scopes: ["content:write"] } })).body;
    });
    const revoke = (r: number) => raw.ask("DELETE", `keys/${keys[r]?.id}`);
    const write = (r: number) =>
      ask("POST", `/v1/spaces/${space.id}/entries`, { key: keys[r]?.key as string, body: country(`line-j${r}`, "0") });
    // The isolate knows the key to be good.
    for (const { key } of keys) await ask("GET", `/v1/spaces/${space.id}/types`, { key });
    expect(told(await inLine(uid, revoke, write))).toEqual(["204", "401 credentials-invalid"]);
  });

  test("locales of the space and a type that uses them: the first decides", async () => {
    const fresh = await makeSpace();
    const freshUid = await uidOf(sql, fresh.id);
    const localize = (r: number) =>
      ask("PATCH", `/v1/spaces/${fresh.id}`, {
        key: rootKey(),
        body: { locales: ["en", r % 2 ? "de" : "es"], defaultLocale: "en" },
      });
    const save = (r: number) =>
      fresh.ask("PUT", `types/t${r}`, {
        body: {
          name: "T",
          schema: { type: "object", properties: { n: { type: "string", "x-localized": true, "x-indexed": true } } },
        },
      });
    const answers = await inLine(freshUid, localize, save);
    expect(told(answers)).toEqual(["200", "201"]);
    const [row] = await sql("select shape::text as shape from types where space = $1", [freshUid]);
    for (const locale of answers[0].body.locales) expect(row?.["shape"]).toContain(`"${locale}"`);
    const other = await makeSpace();
    const there = (r: number) =>
      ask("PATCH", `/v1/spaces/${other.id}`, {
        key: rootKey(),
        body: { locales: ["en", r % 2 ? "de" : "es"], defaultLocale: "en" },
      });
    const late = await inLine(
      await uidOf(sql, other.id),
      (r) =>
        other.ask("PUT", `types/t${r}`, {
          body: {
            name: "T",
            schema: { type: "object", properties: { n: { type: "string", "x-localized": true, "x-indexed": true } } },
          },
        }),
      there,
    );
    expect(late.map(({ status }) => status)).toEqual([201, 409]);
  });

  test("one Idempotency-Key: the second is told at once that the first is under way", async () => {
    const send = (r: number) =>
      raw.ask("POST", "entries", { body: country(`line-k${r}`, "0"), headers: { "Idempotency-Key": `in-line-${r}` } });
    expect(told(await inLine(uid, send, send))).toEqual(["201", "409 request-in-progress"]);
  });
});

test("after all this the space equals its log", async () => {
  await checkSpace(sql, uid);
});

describe("anything at once, in two spaces", () => {
  const CLIENTS = 8;
  const STEPS = 15;
  const IDS = ["a", "b", "c", "d"];

  interface Told {
    readonly what: string;
    readonly mark?: string;
    readonly answer: Insisted;
  }

  /** mulberry32 */
  const chance = (seed: number) => (): number => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  async function client(at: InsistentSpace, name: string, random: () => number): Promise<Told[]> {
    const told: Told[] = [];
    const etags = new Map<string, string>();
    for (let step = 0; step < STEPS; step += 1) {
      const id = IDS[Math.floor(random() * IDS.length)] as string;
      const mark = `${name}-${step}`;
      // A third of the writes insist on what this client saw last.
      const seen = random() < 0.33 ? etags.get(id) : undefined;
      const sent = random() < 0.5 ? at.once : at.ask;
      const matched = (method: string, path: string, options: Ask = {}) =>
        sent(method, path, { ...options, headers: seen === undefined ? {} : { "If-Match": seen } });
      const fields = { name: { en: mark }, borders: random() < 0.3 ? [IDS[Math.floor(random() * IDS.length)]] : [] };
      const roll = random();
      const [what, answer] = await (async (): Promise<[string, Insisted]> => {
        if (roll < 0.18)
          return [
            "create",
            await sent("POST", "entries", {
              body: {
                type: "country",
                id,
                slug: random() < 0.5 ? `slug-${id}` : null,
                fields,
                publish: random() < 0.5,
              },
            }),
          ];
        if (roll < 0.38) return ["put", await matched("PUT", `entries/${id}`, { body: { type: "country", fields } })];
        if (roll < 0.6) return ["patch", await matched("PATCH", `entries/${id}`, { body: { fields } })];
        const action = (["publish", "publish", "unpublish", "archive", "unarchive"] as const)[Math.floor(random() * 5)];
        if (roll < 0.85) return ["action", await matched("POST", `entries/${id}/${action}`)];
        return ["delete", await matched("DELETE", `entries/${id}${random() < 0.5 ? "?force=true" : ""}`)];
      })();
      const etag = answer.headers.get("etag");
      if (etag !== null) etags.set(id, etag);
      told.push({ what, ...(what === "create" || what === "put" || what === "patch" ? { mark } : {}), answer });
    }
    return told;
  }

  function checkAnswers(told: readonly Told[], log: readonly LogEvent[]): void {
    const byRequest = new Map<string, LogEvent[]>();
    for (const event of log) byRequest.set(event.requestId, [...(byRequest.get(event.requestId) ?? []), event]);
    const explained = new Set<string>();
    for (const { what, mark, answer } of told) {
      const events = answer.tried.flatMap((requestId) => byRequest.get(requestId) ?? []);
      const says = `${what} ${mark ?? ""} ${answer.status} ${answer.text}`;
      for (const requestId of answer.tried) explained.add(requestId);
      if (answer.body?.code === "outcome-unknown") continue;
      if (answer.status >= 300) {
        expect([404, 409, 412, 422], says).toContain(answer.status);
        expect(events, `refused, so not in the log: ${says}`).toEqual([]);
        continue;
      }
      expect(answer.position <= log.length, `an acknowledged position exists: ${says}`).toBe(true);
      // An action may find its work done; every other write carries something new.
      if (what === "action" && events.length === 0) continue;
      expect(events.at(-1)?.position, `acknowledged, so in the log, at its position: ${says}`).toBe(answer.position);
      expect(events.length, says).toBe(what === "create" && answer.body.status === "published" ? 2 : 1);
      if (mark !== undefined) expect(JSON.stringify(events[0]?.data), says).toContain(`"${mark}"`);
      if (what !== "delete") expect(answer.headers.get("etag"), says).toBe(`"1.${events.at(-1)?.version}"`);
    }
    for (const { requestId, stream, position } of log) {
      if (stream.startsWith("entry:"))
        expect(explained.has(requestId), `event ${position} was acknowledged to somebody`).toBe(true);
    }
  }

  test(`${CLIENTS} clients × ${STEPS} writes each over ${IDS.length} entries: nothing lost, nothing twice, nothing out of order`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const two = [insistent(await makeSpace()), insistent(await makeSpace({ residency: "eu" }))] as const;
    await many(2, (i) => makeTypes(two[i] as InsistentSpace));
    const told = await many(2, (s) =>
      many(CLIENTS, (c) => client(two[s] as InsistentSpace, `s${s}c${c}`, chance(seed + s * 1000 + c))),
    );
    const eu = await openSql("eu-primary");
    for (const [s, each] of two.entries()) {
      const shard = s === 0 ? sql : eu;
      const answers = (told[s] as Told[][]).flat();
      const log = await checkSpace(shard, await uidOf(sql, each.id)).catch((error: unknown) => {
        throw new Error(`seed ${seed}, space ${s}`, { cause: error });
      });
      expect(
        answers.filter(({ answer }) => answer.status < 300).length,
        `seed ${seed}: enough happened`,
      ).toBeGreaterThan(CLIENTS * STEPS * 0.2);
      checkAnswers(answers, log);
    }
    const foreign = await logOf(sql, await uidOf(sql, two[1].id));
    expect(foreign, "a space is on its own shard only").toEqual([]);
    await eu.end();
  }, 120_000);
});
