// A tenant that asks for far more than it may beside a quiet one: the quiet one does not notice. For more than there is room for, see
// test/domain/door-load.test.ts.
import { beforeAll, expect, test } from "vitest";
import { type Answer, makeSpace, makeTypes, type Space } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { stackHere } from "../support/here.ts";
import { insistent } from "../support/insist.ts";
import { askChecked, witnessed } from "../support/witness.ts";

const control = openControl(stackHere().control);

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
  const quota = 10;
  const noisy = await furnished({
    limits: { read: { quota: quota * 5, window: 86_400 }, write: { quota, window: 86_400 } },
  });
  const key = await noisy.keyWith(["content:read", "content:write"]);
  const answers: Answer[] = [];
  const heard: Answer[] = [];
  const lane = async (lane: number): Promise<void> => {
    for (let n = 0; n < 64; n += 1) {
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
  // Ten reads of five units each, and ten writes; the rest of a thousand of each kind is refused.
  const { 200: read = 0, 201: written = 0, "429 rate-limited": refused = 0, ...others } = tally(answers);
  expect(others).toEqual({});
  expect(written).toBeGreaterThan(0);
  expect(written).toBeLessThanOrEqual(quota);
  expect(read).toBeGreaterThanOrEqual(quota);
  expect(read).toBeLessThan(quota + 16);
  expect(refused).toBe(2_048 - read - written);
  expect(tally(heard)).toEqual({ 200: 30, 201: 10 });
  // Who has used up a budget is refused from memory: it would otherwise be a thousand requests more.
  expect((await control.countersByCaller()).redis.requests - before).toBeLessThan(500);
}, 120_000);
