// The answer of a commit is lost on its way: the write is done once all the same, and whoever asked is told so, or told that nobody knows.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, makeSpace, makeTypes, rootKey, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { checkSpace } from "../support/ledger.ts";
import { changedAt, digestIsThere, digestReaches, ringCron } from "../support/redis.ts";
import { headOf, openSql, type Sql, uidOf } from "../support/shards.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  [sql, space] = await Promise.all([openSql(), makeSpace()]);
  await makeTypes(space);
  uid = await uidOf(sql, space.id);
  await digestIsThere(uid);
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

/** After a lost answer its breaker is open for a moment. */
const primaryIsAsked = (): Promise<void> =>
  until("the primary is asked", async () => (await space.ask("GET", "types")).status === 200);

/** A write is a load, its commit, and the same commit again. Which of the three answers are lost, and what the write then answers. */
const LOST = {
  /** The second of every two. */
  commit: { rate: 0.5, status: 201 },
  /** The second and third of every three. */
  both: { rate: 0.67, status: 503 },
} as const;

/**
 * Sends a write while answers of the primary are lost in that rhythm. Whoever else asks the primary meanwhile (a bell being heard) takes a
 * beat: such a round counts only when it came out as meant.
 */
async function losing(
  mode: "error" | "hang",
  { rate, status }: (typeof LOST)[keyof typeof LOST],
  send: (round: number) => Promise<Answer>,
): Promise<Answer> {
  for (let round = 0; round < 8; round += 1) {
    // Credentials and types are known, so that the write asks for nothing else; nor does the bell of the round before. What nobody knows of
    // has rung no bell: the sweep finds it.
    await primaryIsAsked();
    await ringCron();
    await digestReaches(uid, await headOf(sql, uid));
    await control.fault("us-primary", { mode, rate, after: true });
    await control.resetCounters();
    const answer = await send(round);
    const { request, job } = (await control.countersByCaller()).postgres["us-primary"] ?? {};
    await control.heal();
    if (request?.requests === 3 && (job === undefined || answer.status === status)) return answer;
  }
  throw new Error("the primary was never asked by this write alone");
}

const country = (id: string) => ({ type: "country", id, fields: { name: { en: id } } });
const eventsOf = async (stream: string): Promise<string[]> =>
  (await sql("select type from events where space = $1 and stream = $2 order by position", [uid, stream])).map(
    (row) => row["type"] as string,
  );

describe.each(["error", "hang"] as const)("an answer is lost (%s)", (mode) => {
  test("once: the identical second call finds the commit, and the write is a success", async () => {
    let id = "";
    const answer = await losing(mode, LOST.commit, (round) => {
      id = `found-${mode}-${round}`;
      return space.ask("POST", "entries", { body: country(id) });
    });
    expect([answer.status, answer.body.version, answer.headers.get("idempotency-replayed")]).toEqual([201, 1, null]);
    expect(await eventsOf(`entry:${id}`)).toEqual(["EntryCreated"]);
    expect(
      (await sql("select position from events where space = $1 and stream = $2", [uid, `entry:${id}`]))[0]?.[
        "position"
      ],
    ).toBe(answer.position);
    const shown = await insistent(space).must("GET", `entries/${id}`);
    // The times that were answered are the commit's, which this request has never seen otherwise.
    expect([shown.body, shown.headers.get("etag")]).toEqual([answer.body, answer.headers.get("etag")]);
  }, 60_000);

  if (mode === "error")
    test("once, of a publication: the digest learns its tags all the same", async () => {
      const answer = await losing(mode, LOST.commit, (round) =>
        space.ask("POST", "entries", { body: { ...country(`tagged-${mode}-${round}`), publish: true } }),
      );
      expect(answer.status).toBe(201);
      await digestReaches(uid, answer.position);
      expect(
        (await changedAt(uid, answer.position)).length,
        "its entry, its type, all types and its name",
      ).toBeGreaterThanOrEqual(4);
    }, 60_000);

  test("twice: nobody knows, and a retry under the same key is the one effect", async () => {
    let id = "";
    let headers: Record<string, string> = {};
    const answer = await losing(mode, LOST.both, (round) => {
      id = `unknown-${mode}-${round}`;
      headers = { "Idempotency-Key": id };
      return space.ask("POST", "entries", { body: country(id), headers });
    });
    expect([answer.status, answer.body.code]).toEqual([503, "outcome-unknown"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    await primaryIsAsked();
    const retried = await insistent(space).must("POST", "entries", { body: country(id), headers });
    expect([retried.status, retried.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    expect(await eventsOf(`entry:${id}`)).toEqual(["EntryCreated"]);
    expect((await insistent(space).must("GET", `entries/${id}`)).body).toEqual(retried.body);
  }, 60_000);

  if (mode === "error")
    test("twice, without a key: the id tells whoever asks", async () => {
      let id = "";
      const answer = await losing(mode, LOST.both, (round) => {
        id = `named-${mode}-${round}`;
        return space.ask("PUT", `entries/${id}`, { body: { type: "country", fields: { name: { en: id } } } });
      });
      expect([answer.status, answer.body.code]).toEqual([503, "outcome-unknown"]);
      await primaryIsAsked();
      const retried = await insistent(space).must("PUT", `entries/${id}`, {
        body: { type: "country", fields: { name: { en: id } } },
      });
      expect([retried.status, retried.body.version]).toEqual([200, 1]);
      expect(await eventsOf(`entry:${id}`)).toEqual(["EntryCreated"]);
    }, 60_000);
});

test("a key whose making nobody knows of is made once, and its secret is told by the retry", async () => {
  const headers = { "Idempotency-Key": "lost-secret" };
  // Making a key loads nothing: both of its requests are the commit's.
  await primaryIsAsked();
  await control.fault("us-primary", { mode: "error", after: true });
  const send = () =>
    ask("POST", `/v1/spaces/${space.id}/keys`, {
      body: { name: "lost secret", scopes: ["content:read"] },
      key: rootKey(),
      headers,
    });
  const lost = await send();
  await control.heal();
  expect([lost.status, lost.body.code]).toEqual([503, "outcome-unknown"]);
  await primaryIsAsked();
  const retried = await send();
  expect([retried.status, retried.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
  const listed = (await insistent(space).must("GET", "keys?limit=100")).body.data as { name: string }[];
  expect(listed.filter(({ name }) => name === "lost secret").length).toBe(1);
  expect((await space.ask("GET", "types", { key: retried.body.key })).status).toBe(200);
});

test("making a space is taken up where it was cut off", async () => {
  const id = `cut-${Date.now().toString(36)}`;
  const body = { id, name: id, residency: "us", locales: ["en"], defaultLocale: "en", publicRead: false, plan: "free" };
  // The claim's answer is lost, then the commit's, then the activation's: the same key goes on each time.
  for (const [at, rate] of [1, 0.5, 0.34].entries()) {
    const one = { ...body, id: `${id}-${at}` };
    const headers = { "Idempotency-Key": `cut-${id}-${at}` };
    const send = () => ask("POST", "/v1/spaces", { body: one, key: rootKey(), headers });
    await control.fault("us-primary", { mode: "error", after: true, rate });
    const lost = await send();
    await control.heal();
    let made = lost;
    await until("the space is made", async () => {
      made = await send();
      return made.status < 300;
    });
    expect([made.status, made.body.id]).toEqual([201, one.id]);
    const got = await ask("GET", `/v1/spaces/${one.id}`, { key: rootKey() });
    expect([got.status, got.body]).toEqual([200, made.body]);
    const rows = await sql("select uid, state from directory where id = $1", [one.id]);
    expect(rows.map((row) => row["state"])).toEqual(["active"]);
    expect(await headOf(sql, rows[0]?.["uid"] as number)).toBe(1);
    expect((await ask("DELETE", `/v1/spaces/${one.id}`, { key: rootKey() })).status).toBe(204);
  }
}, 60_000);

test("the primary is killed under writers: what was acknowledged is in the log once, and every retry ends well", async () => {
  const insisting = insistent(space);
  const [before] = await sql("select count(*)::int as n from events where space = $1", [uid]);
  let acknowledged = 0;
  let answered!: () => void;
  const underWay = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const writer = async (w: number): Promise<void> => {
    for (let i = 0; i < 6; i += 1) {
      const id = `crash-${w}-${i}`;
      const headers = { "Idempotency-Key": id };
      let answer: Answer | undefined;
      await until(`${id} is written`, async () => {
        answer = await insisting.ask("POST", "entries", { body: country(id), headers });
        return answer.status !== 503;
      });
      expect([answer?.status, answer?.body.id]).toEqual([201, id]);
      acknowledged += 1;
      if (acknowledged === 8) answered();
    }
  };
  const writers = Promise.all(Array.from({ length: 6 }, (_, w) => writer(w)));
  await underWay;
  await control.fault("us-primary", { mode: "kill" });
  await control.heal();
  await writers;
  await sql.end();
  sql = await openSql();
  const [after] = await sql("select count(*)::int as n from events where space = $1", [uid]);
  expect((after?.["n"] as number) - (before?.["n"] as number)).toBe(36);
  expect(acknowledged).toBe(36);
}, 120_000);

test("after all this the space equals its log", async () => {
  await checkSpace(sql, uid);
});
