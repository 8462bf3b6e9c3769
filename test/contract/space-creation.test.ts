// Creating a space takes three steps on two databases. Whatever happens between them, the same Idempotency-Key or the sweep brings it to an
// end: one space or none, and one answer. Then what belongs to the space from its first moment: its settings, and keys that only their owner knows.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webSealer } from "../../src/adapters/webcrypto/sealer.ts";
import {
  changeSpace,
  createKey,
  createSpace,
  decodeKey,
  getSpace,
  hashOf,
  type KeyRecord,
  keyStatement,
  type PresentedKey,
  parseKey,
  revokeKey,
  rotateKey,
  settleClaims,
  verifyKey,
} from "../../src/contexts/tenancy/tenancy.ts";
import { type Instant, instant } from "../../src/kernel/clock.ts";
import type { Result } from "../../src/kernel/result.ts";
import type { SpaceRef } from "../../src/kernel/scope.ts";
import type { Written } from "../../src/platform/event-log/writer.ts";
import { until } from "../support/client.ts";
import { stackHere } from "../support/here.ts";
import { openSql, type Sql, TENANT_TABLES } from "../support/shards.ts";
import { bodyOf, done, openTenancy, type Request, refused, SERVER_SECRET } from "../support/tenancy-parts.ts";

const SETTINGS = { name: "Atlas", locales: ["en", "fr"], defaultLocale: "en", publicRead: true, plan: "scale" };
const run = `${Date.now().toString(36)}-${process.pid.toString(36)}`;
/** Ids and Idempotency-Keys of this run only: other tests' spaces are in the same directory. */
const own = (name: string): string => `c-${run}-${name}`;

const tenancy = openTenancy(stackHere());
let home: Sql;
const shards = new Map<string, Sql>();

beforeAll(async () => {
  const { topology } = stackHere();
  for (const { name, residency, primary } of topology.shards) {
    const sql = await openSql(primary.name);
    shards.set(residency, sql);
    if (name === topology.home) home = sql;
  }
});
afterAll(async () => {
  // What the crashes below leave behind is nobody's to wait for.
  await age(own("%"));
  await settle();
  for (const sql of shards.values()) await sql.end();
});

interface Creation extends Request {
  readonly residency?: string;
  readonly settings?: object;
}

async function create(id: string, { residency = "us", settings = {}, ...request }: Creation = {}) {
  const scope = await tenancy.registry({ says: id, ...request });
  return await createSpace(scope, { id, residency, settings: { ...SETTINGS, ...settings } });
}

const crashed = (id: string, creation: Creation) => expect(create(id, creation)).rejects.toThrow("The request ended");
const show = async (id: string) => await getSpace(await tenancy.registry(), { id });
const settle = async () => done(await settleClaims(await tenancy.registry()));

async function claimOf(id: string): Promise<{ readonly uid: number; readonly state: string } | undefined> {
  const [row] = await home("select uid, state from directory where id = $1", [id]);
  return row as { readonly uid: number; readonly state: string } | undefined;
}

/** Whoever is at work on the claim has had time enough. */
const endLease = (id: string) => home("update directory set lease_until = '-infinity' where id = $1", [id]);
/** Somebody is at work on the claim, however slow this machine is. */
const holdLease = (id: string) =>
  home("update directory set lease_until = now() + interval '1 minute' where id = $1", [id]);
/** The claim was made so long ago that the sweep takes it for left behind. */
const age = (id: string) =>
  home(
    "update directory set lease_until = '-infinity', claimed_at = now() - interval '2 minutes' where id like $1 and state = 'creating'",
    [id],
  );

/** The sweep may have to come twice: the Worker's own may be at work on the same claim. */
async function sweep(id: string): Promise<void> {
  await age(id);
  await until(`the claim of ${id} is settled`, async () => {
    await settle();
    return (await claimOf(id))?.state !== "creating";
  });
}

async function eventsOf(id: string, residency: string): Promise<unknown[]> {
  const claim = await claimOf(id);
  return await shards.get(residency)!("select position, stream, version, type from events where space = $1", [
    claim?.uid,
  ]);
}

async function expectMade(id: string, residency: string): Promise<void> {
  expect((await claimOf(id))?.state).toBe("active");
  expect(await eventsOf(id, residency)).toEqual([{ position: 1, stream: "space", version: 1, type: "SpaceCreated" }]);
  expect(done(await show(id)).ref).toMatchObject({ id, residency, epoch: 1 });
}

function tally(results: readonly Result<Written>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const what = result.ok ? (result.value.replayed ? "replayed" : "made") : result.fault.code;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

describe("without disturbance", () => {
  test("the answer shows the space, and the same key shows it again", async () => {
    const id = own("plain");
    const made = done(await create(id, { key: id, residency: "eu" }));
    expect(made).toMatchObject({ replayed: false, unchanged: false, position: 1 });
    expect(made.rendered).toMatchObject({
      status: 201,
      headers: { ETag: '"1.1"', Location: `/v1/spaces/${id}`, "Content-Type": "application/json" },
    });
    expect(bodyOf(made)).toMatchObject({ ...SETTINGS, id, residency: "eu" });
    const again = done(await create(id, { key: id, residency: "eu" }));
    expect(again).toEqual({ ...made, replayed: true });
    await expectMade(id, "eu");
  });

  test("without a key the second request is told that the id is taken", async () => {
    const id = own("twice");
    done(await create(id));
    expect(refused(await create(id))).toMatchObject({ kind: "conflict", code: "space-exists" });
  });

  test("a key that was used for another request is refused, and claims nothing", async () => {
    const key = own("reused");
    done(await create(own("reused-1"), { key }));
    const fault = refused(await create(own("reused-2"), { key }));
    // `invalid` is what http/problem.ts answers with 422.
    expect(fault).toMatchObject({ kind: "invalid", code: "idempotency-key-reused" });
    expect(await claimOf(own("reused-2"))).toBeUndefined();
  });

  test.each([
    ["an id", "X", {}],
    ["a residency", own("mars"), { residency: "mars" }],
    ["settings", own("mute"), { settings: { locales: [] } }],
  ])("%s that cannot be claims nothing", async (_, id, creation) => {
    expect(refused(await create(id, creation))).toMatchObject({ kind: "invalid", code: "invalid-value" });
    expect(await claimOf(id)).toBeUndefined();
  });
});

const GAPS = [
  { gap: "after the claim", crashBefore: "commit_write" },
  { gap: "after the space was made on its shard", crashBefore: "activate_space" },
] as const;

describe.each(GAPS)("a crash $gap", ({ crashBefore }) => {
  const name = (what: string) => own(`${crashBefore === "commit_write" ? "c" : "a"}-${what}`);

  test("leaves no space to be found, and an id that nobody else gets", async () => {
    const id = name("hidden");
    await crashed(id, { crashBefore, residency: "eu" });
    expect((await claimOf(id))?.state).toBe("creating");
    expect(refused(await show(id)).code).toBe("space-missing");
    expect(refused(await create(id)).code).toBe("space-exists");
  });

  test("is resumed with the same key once the crashed request's lease is over", async () => {
    const id = name("resumed");
    const creation = { key: id, residency: "eu" };
    await crashed(id, { ...creation, crashBefore });
    await holdLease(id);
    const early = refused(await create(id, creation));
    expect(early).toMatchObject({ kind: "conflict", code: "request-in-progress" });
    expect(early.retryAfter).toBeGreaterThan(0);
    await endLease(id);
    expect(refused(await create(name("other"), creation)).code).toBe("idempotency-key-reused");
    const resumed = done(await create(id, creation));
    expect(resumed).toMatchObject({ position: 1, unchanged: false, rendered: { status: 201 } });
    expect(bodyOf(resumed)).toMatchObject({ ...SETTINGS, id, residency: "eu" });
    await expectMade(id, "eu");
    expect(done(await create(id, creation))).toEqual({ ...resumed, replayed: true });
  });

  test("is resumed by one of many that try at once", async () => {
    const id = name("crowd");
    const creation = { key: id, residency: "eu" };
    await crashed(id, { ...creation, crashBefore });
    await endLease(id);
    await Promise.all(Array.from({ length: 8 }, () => create(id, creation)));
    const last = done(await create(id, creation));
    expect(bodyOf(last)).toMatchObject({ id });
    await expectMade(id, "eu");
  });

  test("is left alone by the sweep for a minute", async () => {
    const id = name("young");
    await crashed(id, { crashBefore });
    await endLease(id);
    await settle();
    expect((await claimOf(id))?.state).toBe("creating");
  });
});

describe("the sweep", () => {
  test("frees a claim whose space was never made", async () => {
    const id = own("freed");
    await crashed(id, { crashBefore: "commit_write", residency: "eu" });
    await sweep(id);
    expect(await claimOf(id)).toBeUndefined();
    done(await create(id));
    await expectMade(id, "us");
  });

  test("finishes a space that was made, also for a request without a key", async () => {
    const id = own("finished");
    await crashed(id, { crashBefore: "activate_space", residency: "eu" });
    await sweep(id);
    await expectMade(id, "eu");
    expect(refused(await create(id)).code).toBe("space-exists");
  });

  test("keeps the answer that the crashed request would have given", async () => {
    const id = own("answered");
    const limits = { read: { quota: 3, window: 4 }, write: { quota: 1, window: 2 } };
    const creation = { key: id, residency: "eu", settings: { limits } };
    await crashed(id, { ...creation, crashBefore: "activate_space" });
    const uid = (await claimOf(id))?.uid;
    const [kept] = await shards.get("eu")!("select status, headers, body from idempotency where space = $1", [uid]);
    await sweep(id);
    const answer = done(await create(id, creation));
    expect(answer).toMatchObject({ replayed: true, position: 1 });
    // The shard kept the answer of the commit itself: the sweep, which has only the space, came to the same.
    expect(answer.rendered).toEqual(kept);
    expect(bodyOf(answer)).toMatchObject({ limits });
  });
});

describe("an answer that is lost", () => {
  test.each(["commit_write", "activate_space"] as const)("of %s is asked for once more", async (losesAnswerOf) => {
    const id = own(`lost-${losesAnswerOf.slice(0, 3)}`);
    const made = done(await create(id, { key: id, residency: "eu", losesAnswerOf }));
    await expectMade(id, "eu");
    expect(done(await create(id, { key: id, residency: "eu" })).rendered).toEqual(made.rendered);
  });

  test.each([["with a key"], ["without"]])("of the claim is asked for once more too, %s", async (how) => {
    const id = own(`lost-claim-${how.length}`);
    const key = how === "without" ? {} : { key: id };
    done(await create(id, { ...key, losesAnswerOf: "claim_space" }));
    await expectMade(id, "us");
    expect(refused(await create(id, { key: `${id}-other`, losesAnswerOf: "claim_space" })).code).toBe("space-exists");
  });
});

describe("at once", () => {
  test("many creations of one id: one space, and the others are told that it exists", async () => {
    const id = own("race");
    const residency = (at: number) => (at % 2 ? "eu" : "us");
    const results = await Promise.all(
      Array.from({ length: 16 }, (_, at) => create(id, { key: own(`race-${at}`), residency: residency(at) })),
    );
    expect(tally(results)).toEqual({ made: 1, "space-exists": 15 });
    const winner = results.findIndex(({ ok }) => ok);
    await expectMade(id, residency(winner));
    expect(await eventsOf(id, residency(winner + 1))).toEqual([]);
  });

  test.each([0, 1])(
    "many requests under one key: one makes the space, and all answers are equal (%i)",
    async (round) => {
      const id = own(`same-${round}`);
      const creation = { key: id, residency: "eu" };
      const results = await Promise.all(Array.from({ length: 16 }, () => create(id, creation)));
      const { made = 0, replayed = 0, "request-in-progress": waiting = 0, ...others } = tally(results);
      expect(others).toEqual({});
      expect(made).toBe(1);
      expect(made + replayed + waiting).toBe(16);
      const late = await Promise.all(Array.from({ length: 4 }, () => create(id, creation)));
      expect(tally(late)).toEqual({ replayed: 4 });
      const answers = [...results, ...late].flatMap((result) => (result.ok ? [result.value.rendered] : []));
      for (const answer of answers) expect(answer).toEqual(answers[0]);
      await expectMade(id, "eu");
    },
  );
});

describe("a PATCH", () => {
  const patch = async (id: string, change: object, ifMatch?: readonly string[]) =>
    await changeSpace(await tenancy.registry(), { id, patch: { ...change }, ifMatch });

  test("that changes nothing takes no position and shows the space as it is", async () => {
    const id = own("patched");
    done(await create(id));
    const limits = { read: { quota: 5, window: 60 } };
    const changed = done(await patch(id, { name: "World", limits }));
    expect(changed).toMatchObject({ unchanged: false, position: 2, rendered: { headers: { ETag: '"1.2"' } } });
    for (const change of [{ name: "World" }, { limits }, {}]) {
      const same = done(await patch(id, change));
      expect(same, `${JSON.stringify(change)} → ${JSON.stringify(same)}`).toMatchObject({
        unchanged: true,
        position: 2,
      });
      expect(same.rendered).toEqual(changed.rendered);
    }
    expect(refused(await patch(id, { name: "X" }, ['"1.1"'])).code).toBe("precondition-failed");
    expect(await eventsOf(id, "us")).toHaveLength(2);
  });
});

describe("keys of the space", () => {
  let space: SpaceRef;
  let at: Sql;

  beforeAll(async () => {
    const id = own("keys");
    done(await create(id, { residency: "eu" }));
    space = done(await show(id)).ref;
    at = shards.get(space.residency)!;
  });

  async function make(key = crypto.randomUUID()) {
    const scope = await tenancy.inside(space, { key, says: "a key" });
    const answer = done(await createKey(scope, { name: "site", scopes: ["content:write"], expiresAt: null }));
    return { key, answer, ...tokenOf(answer) };
  }

  async function rotate(id: PresentedKey["id"], overlapSeconds: number, key = crypto.randomUUID()) {
    const scope = await tenancy.inside(space, { key, says: "a rotation" });
    const answer = done(await rotateKey(scope, { id, overlapSeconds, ifMatch: undefined }));
    return { key, answer, ...tokenOf(answer) };
  }

  function tokenOf(answer: Written): { readonly token: string; readonly presented: PresentedKey } {
    const token = bodyOf(answer)["key"] as string;
    return { token, presented: parseKey(token)! };
  }

  async function recordOf(id: PresentedKey["id"]): Promise<KeyRecord> {
    const { data } = await tenancy.inside(space);
    return decodeKey(done(await data.reader.read([keyStatement(space.uid, id)])).rows[0]![0]!);
  }

  const isGood = async (presented: PresentedKey, now: Instant = tenancy.clock.now()) =>
    await verifyKey(presented, await recordOf(presented.id), now, tenancy.secrets);

  /** Tables in which a row of this space holds the text, as it is or as bytes. */
  async function tablesWith(text: string): Promise<readonly string[]> {
    const found: string[] = [];
    for (const table of TENANT_TABLES) {
      const rows = await at(
        `select 1 from ${table} t where space = $1 and (strpos(t::text, $2) > 0 or strpos(t::text, encode(convert_to($2, 'UTF8'), 'hex')) > 0)`,
        [space.uid, text],
      );
      if (rows.length > 0) found.push(table);
    }
    return found;
  }

  test("secrets are at rest as hashes, and sealed where an answer is kept", async () => {
    const made = await make();
    const rotated = await rotate(made.presented.id, 60);
    expect(rotated.presented.id).toBe(made.presented.id);
    for (const { key, presented, token } of [made, rotated]) {
      // The search finds what is there.
      expect(await tablesWith(await hashOf(tenancy.secrets, presented.secret))).toContain("api_keys");
      expect(await tablesWith(presented.secret)).toEqual([]);
      expect(await tablesWith(key)).toEqual([]);
      const keyHash = await hashOf(tenancy.secrets, key);
      const [kept] = await at("select body, sealed from idempotency where space = $1 and key = decode($2, 'hex')", [
        space.uid,
        keyHash,
      ]);
      const sealed = kept?.["sealed"] as string;
      expect(await webSealer(SERVER_SECRET).open(sealed, key)).toContain(token);
      await expect(webSealer(SERVER_SECRET).open(sealed, keyHash)).rejects.toThrow();
      await expect(webSealer("another server's secret").open(sealed, key)).rejects.toThrow();
    }
  });

  test("the same Idempotency-Key opens the same secret again", async () => {
    const made = await make();
    const again = await make(made.key);
    expect(again.answer).toEqual({ ...made.answer, replayed: true });
    const rotated = await rotate(made.presented.id, 60);
    const rotatedAgain = await rotate(made.presented.id, 60, rotated.key);
    expect(rotatedAgain.answer).toEqual({ ...rotated.answer, replayed: true });
    expect(await isGood(rotated.presented)).toBe(true);
  });

  test("within the overlap of a rotation both secrets are good, after it the new one alone", async () => {
    const { presented: before } = await make();
    expect(await isGood(before)).toBe(true);
    const { presented: after } = await rotate(before.id, 600);
    const end = (await recordOf(before.id)).previous!.until;
    expect(await isGood(before)).toBe(true);
    expect(await isGood(before, instant(end - 1))).toBe(true);
    expect(await isGood(before, end)).toBe(false);
    expect(await isGood(after)).toBe(true);
    expect(await isGood(after, end)).toBe(true);
  });

  test("a second rotation ends the first secret at once, and an overlap of nothing the one before", async () => {
    const { presented: first } = await make();
    const { presented: second } = await rotate(first.id, 600);
    const { presented: third } = await rotate(first.id, 600);
    expect([await isGood(first), await isGood(second), await isGood(third)]).toEqual([false, true, true]);
    const { presented: fourth } = await rotate(first.id, 0);
    expect([await isGood(second), await isGood(third), await isGood(fourth)]).toEqual([false, false, true]);
  });

  test("a revoked key is good no more, with either secret", async () => {
    const { presented: before } = await make();
    const { presented: after } = await rotate(before.id, 600);
    done(await revokeKey(await tenancy.inside(space), { id: before.id, ifMatch: undefined }));
    expect([await isGood(before), await isGood(after)]).toEqual([false, false]);
  });
});
