// GET /metrics on the running system: rows that wait are counted, and a shard that is away is said to be.
import parse from "parse-prometheus-text-format";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ask, makeSpace, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { metricFaults } from "../support/metrics.ts";
import { openSql, type Sql, uidOf } from "../support/shards.ts";
import { askChecked } from "../support/witness.ts";

const control = openControl(stackHere().control);
let sql: Sql;
let space: Space;
let uid: number;

beforeAll(async () => {
  sql = await openSql();
  space = insistent(await makeSpace());
  uid = await uidOf(sql, space.id);
});
afterEach(() => control.restore());
afterAll(() => sql?.end());

type Values = Readonly<Record<string, number>>;
async function scrape(): Promise<Values> {
  const answer = await askChecked("GET", "/metrics");
  expect(answer.status, answer.text).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(metricFaults(answer.text)).toEqual([]);
  return Object.fromEntries(
    parse(answer.text).flatMap(({ name, metrics }) =>
      metrics.map(({ labels, value }) => [[name, ...Object.values(labels ?? {})].join(" "), Number(value)]),
    ),
  );
}
/** What was looked up a moment ago is told for five seconds. */
async function scraped(what: string, holds: (values: Values) => boolean): Promise<Values> {
  let values: Values = {};
  await until(what, async () => {
    values = await scrape();
    return holds(values);
  });
  return values;
}

test("what waits in rows is counted, with its age", async () => {
  const before = await scrape();
  for (const name of ["meridian_up postgres:us-primary", "meridian_up postgres:eu-primary", "meridian_up redis"])
    expect(before[name], name).toBe(1);
  const body = { url: "https://93.184.216.34/hook", events: ["entry.published"] };
  const hook = (await space.must("POST", "webhooks", { body })).body.id;
  // Two that nobody will send: one that has been due for an hour, one that waits for it. Their generation is another, so they end when looked at.
  for (const [id, due] of [
    ["a", "now() - interval '1 hour'"],
    ["b", "'infinity'"],
  ])
    await sql(
      `insert into deliveries (space, id, webhook, generation, lane, position, event, state, created_at, visible_at, due_at, queued_until)
       values ($1, $2, $3, 0, 'entry:x', $4, 'entry.published', 'pending', now(), now(), ${due}, now() + interval '1 hour')`,
      [uid, `metrics-${id}`, hook, id === "a" ? 1 : 2],
    );
  await sql(
    "insert into dead_letters (space, id, at, queue, body, reason, attempts) values ($1, 'metrics', now() - interval '2 hours', 'work', '{}', 'planted', 1)",
    [uid],
  );
  await until("webhooks have followed", async () => {
    const [row] = await sql(
      "select bool_and(s.position = h.position) as whole from subscribers s join space_head h on h.space = s.space where s.space = $1",
      [uid],
    );
    return row?.["whole"] === true;
  });
  await sql("update subscribers set position = position - 2, stopped_at = now() where space = $1", [uid]);
  const after = await scraped(
    "they are counted",
    (values) => (values["meridian_subscriber_stopped_spaces us webhooks"] ?? 0) > 0,
  );
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  expect(grown("meridian_deliveries us due")).toBeGreaterThanOrEqual(1);
  expect(grown("meridian_deliveries us waiting")).toBeGreaterThanOrEqual(1);
  expect(after["meridian_deliveries_oldest_due_seconds us"]).toBeGreaterThanOrEqual(3_600);
  expect(grown("meridian_dead_letters us")).toBe(1);
  expect(after["meridian_dead_letters_oldest_seconds us"]).toBeGreaterThanOrEqual(7_200);
  expect(after["meridian_subscriber_lag_positions us webhooks"]).toBeGreaterThanOrEqual(2);
  expect(after["meridian_subscriber_lag_spaces us webhooks"]).toBeGreaterThanOrEqual(1);
  expect(after["meridian_jobs us webhook-replay"]).toBeGreaterThanOrEqual(0);
  await sql("delete from deliveries where space = $1", [uid]);
  await sql("delete from dead_letters where space = $1", [uid]);
  await sql("update subscribers set position = position + 2, stopped_at = null where space = $1", [uid]);
});

test("a shard that is away, and Redis away: their own are missing, the others are there", async () => {
  await control.fault("us-primary", { mode: "down" });
  await control.fault("redis", { mode: "down" });
  const values = await scraped(
    "it is said",
    (told) => told["meridian_up postgres:us-primary"] === 0 && told["meridian_up redis"] === 0,
  );
  expect(values["meridian_up postgres:eu-primary"]).toBe(1);
  expect(values["meridian_deliveries eu due"]).toBeGreaterThanOrEqual(0);
  expect(Object.keys(values).filter((name) => /^meridian_(deliveries|jobs|subscriber|dead).* us\b/.test(name))).toEqual(
    [],
  );
  await control.restore();
  await scraped(
    "they are back",
    (told) => told["meridian_up postgres:us-primary"] === 1 && told["meridian_up redis"] === 1,
  );
}, 60_000);

test("a token that nobody configured opens nothing: bad credentials are told", async () => {
  expect((await ask("GET", "/metrics", { key: "nonsense" })).body.code).toBe("credentials-invalid");
});
