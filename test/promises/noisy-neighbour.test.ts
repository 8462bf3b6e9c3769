// A tenant that asks for far more than it may, or for more than there is, beside a quiet one: the quiet one does not notice.
import { afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { insistent } from "../support/insist.ts";
import { askChecked, witnessed } from "../support/witness.ts";

const control = openControl(inject("stack").control);
afterEach(() => control.restore());

const country = (id: string) => ({ type: "country", id, fields: { name: { en: id } } });
const tally = (answers: readonly Answer[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const what = status < 400 ? String(status) : `${status} ${body.code}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
};
const furnished = async (settings: object): Promise<Space> => {
  const space = witnessed(await makeSpace({ ...settings }));
  await makeTypes(insistent(space));
  await insistent(space).must("POST", "entries", { body: { ...country("fr"), publish: true } });
  return space;
};

let quiet: Space;
beforeAll(async () => {
  quiet = await furnished({ plan: "free" });
});

/** One of everything a quiet tenant does. */
const round = async (n: string): Promise<readonly Answer[]> => [
  await quiet.ask("GET", "content/country/fr"),
  await askChecked("GET", `/v1/spaces/${quiet.id}/content/country?limit=10`),
  await quiet.ask("GET", "entries/fr"),
  await quiet.ask("POST", "entries", { body: country(n) }),
];

test("at a hundred times its quota: it is refused, cheaply, and the quiet one is not", async () => {
  const quota = 20;
  const noisy = await furnished({
    limits: { read: { quota: quota * 5, window: 86_400 }, write: { quota, window: 86_400 } },
  });
  const key = await noisy.keyWith(["content:read", "content:write"]);
  const answers: Answer[] = [];
  const heard: Answer[] = [];
  const lane = async (lane: number): Promise<void> => {
    for (let n = 0; n < 125; n += 1) {
      answers.push(await noisy.ask("GET", "content/country/fr", { key }));
      answers.push(await noisy.ask("POST", "entries", { key, body: country(`n-${lane}-${n}`) }));
    }
  };
  const before = (await control.countersByCaller()).redis.requests;
  await Promise.all([
    ...Array.from({ length: 16 }, (_, n) => lane(n)),
    (async () => {
      for (let n = 0; n < 10; n += 1) heard.push(...(await round(`q-${n}`)));
    })(),
  ]);
  // Twenty reads of five units each, and twenty writes; the rest of two thousand of each kind is refused.
  const { 200: read = 0, 201: written = 0, "429 rate-limited": refused = 0, ...others } = tally(answers);
  expect(others).toEqual({});
  expect(written).toBe(quota);
  expect(read).toBeGreaterThanOrEqual(quota);
  expect(read).toBeLessThan(quota + 16);
  expect(refused).toBe(4_000 - read - written);
  expect(tally(heard)).toEqual({ 200: 30, 201: 10 });
  // Who has used up a budget is refused from memory: it would otherwise be two thousand requests more.
  expect((await control.countersByCaller()).redis.requests - before).toBeLessThan(1_000);
}, 120_000);

describe("more at once than there is room for", () => {
  const answered = async (questions: readonly Promise<Answer>[]): Promise<Record<string, number>> =>
    tally(await Promise.all(questions));

  test("one space never has it all: what is above its share is refused at once, and others find room", async () => {
    const noisy = await furnished({ plan: "scale" });
    await control.fault("us-primary", { mode: "latency", ms: 1_200 });
    const flood = Array.from({ length: 300 }, () => noisy.ask("GET", "types"));
    const preview = Array.from({ length: 100 }, () => noisy.ask("GET", "entries/fr"));
    const others = Array.from({ length: 10 }, () => quiet.ask("GET", "types"));
    expect(await answered(others)).toEqual({ 200: 10 });
    const flooded = await answered(flood);
    expect(flooded).toEqual({ 200: 64, "503 overloaded": 236 });
    // What is worth least is refused first: a space that has so much under way gets no previews.
    expect(await answered(preview)).toEqual({ "503 overloaded": 100 });
  }, 120_000);

  test("what was under way when its time was over is forgotten, and all goes on", async () => {
    expect((await round("after")).map(({ status }) => status)).toEqual([200, 200, 200, 201]);
  });
});
