// The door when more is asked than there is room for: who is refused, in which order, and that others find room. No machine is too slow for
// this: what is at work here ends when the test says so.
import { beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import type { Services } from "../../src/http/call.ts";
import { buildApp } from "../../src/http/http.ts";
import { read, write } from "../../src/http/operation.ts";
import { never, type Route, reader, route } from "../../src/http/route.ts";
import { instant } from "../../src/kernel/clock.ts";
import { spaceUid } from "../../src/kernel/id.ts";
import { position } from "../../src/kernel/position.ts";
import { ok } from "../../src/kernel/result.ts";
import { openAdmission } from "../../src/platform/admission/admission.ts";

const NOON = Date.UTC(2026, 0, 1, 12);
const answers = [{ status: 200, description: "Done." }];
const SPACES = ["noisy", "quiet", "third", "fourth", "fifth", "sixth"];

let now: number;
/** Lets everything end that has begun. */
let finish: (() => void)[];
let app: ReturnType<typeof buildApp>;

function slow(id: string) {
  return read({
    id,
    tag: "Test",
    summary: id,
    params: z.object({}),
    answers,
    from: "nearest",
    async handle() {
      await new Promise<void>((resolve) => finish.push(resolve));
      return ok({ body: {}, position: position(1), source: "here" });
    },
  });
}
const slowWrite = write({
  id: "write",
  tag: "Test",
  summary: "write",
  params: z.object({}),
  answers,
  async handle() {
    await new Promise<void>((resolve) => finish.push(resolve));
    return ok({
      rendered: { status: 200, headers: {}, body: "{}" },
      position: position(1),
      replayed: false,
      unchanged: false,
    });
  },
});
const ROUTES = [
  route("GET", "/v1/spaces/:space/look", slow("look") as unknown as Route["operation"], reader, "read", never),
  route("GET", "/v1/spaces/:space/export", slow("export") as unknown as Route["operation"], reader, "read", never),
  route("POST", "/v1/spaces/:space/write", slowWrite as unknown as Route["operation"], reader, "write", never),
];

beforeEach(() => {
  now = NOON;
  finish = [];
  const clock = { now: () => instant(now) };
  const endsAt = instant(NOON + 60_000);
  const admission = openAdmission({
    clock,
    counter: { count: async () => ({ admitted: true, remaining: 9, endsAt }) },
    walls: {
      address: { admits: async () => true },
      write: { admits: async () => true },
      auth: { admits: async () => true },
    },
  });
  const database = { reader: () => ({}), metered: () => database };
  const services = {
    clock,
    admission,
    spent: () => {},
    random: () => 0,
    markingOf: (space: unknown) => ({ space, mark: 1 }),
    uuid: () => "request",
    log: () => undefined,
    database,
    openWriter: () => ({}),
    credentials: { identify: async () => ok({ actor: { type: "anonymous" } }), remembers: () => false },
    knowledge: {
      find: async (id: string) =>
        ok({
          space: { id, uid: spaceUid(SPACES.indexOf(id) + 1), epoch: 1, residency: "us" },
          alive: true,
          settings: { plan: "scale", limits: {}, publicRead: true },
          types: new Map(),
          known: {},
        }),
    },
  };
  app = buildApp(ROUTES, services as unknown as Services);
});

type Told = Promise<Response> | Response;
const ask = (path: string, space: string): Told =>
  app.fetch(new Request(`https://x.example/v1/spaces/${space}/${path}`, { method: path === "write" ? "POST" : "GET" }));
/** Asks so many at once and says how many are at work now; the others were refused at once. */
async function flood(
  path: string,
  n: number,
  space = "noisy",
): Promise<{ readonly begun: number; readonly all: readonly Told[] }> {
  const before = finish.length;
  const all = Array.from({ length: n }, () => ask(path, space));
  // Nothing but promises that are settled already stand between a request and its work.
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return { begun: finish.length - before, all };
}
async function statuses(all: readonly Told[]): Promise<Readonly<Record<number, number>>> {
  for (const end of finish.splice(0)) end();
  const counts: Record<number, number> = {};
  for (const { status } of await Promise.all(all)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe("more at once than there is room for", () => {
  test("one space has a quarter: what is above is refused at once, and others find room", async () => {
    const noisy = await flood("look", 300);
    expect(noisy.begun).toBe(64);
    const quiet = await flood("look", 20, "quiet");
    expect(quiet.begun).toBe(20);
    expect(await statuses([...quiet.all, ...noisy.all])).toEqual({ 200: 84, 503: 236 });
    // Room is given back.
    expect((await flood("look", 100)).begun).toBe(64);
  });

  test("what is worth least is refused first: exports, then reads, then writes", async () => {
    let begun = 0;
    for (const space of SPACES) begun += (await flood("export", 100, space)).begun;
    expect(begun).toBe(160);
    for (const space of SPACES) begun += (await flood("look", 100, space)).begun;
    expect(begun).toBe(256);
    expect((await flood("export", 1, "sixth")).begun).toBe(0);
    for (const space of SPACES) begun += (await flood("write", 100, space)).begun;
    expect(begun).toBe(320);
  });

  test("the refusal says what it is and when to come back", async () => {
    await flood("look", 64);
    const refused = await ask("look", "noisy");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("ratelimit-policy")).toBe('"read";q=60000;w=60');
    expect(await refused.json()).toMatchObject({
      code: "overloaded",
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
    });
  });

  test("requests that the platform cancelled never say that they ended: their time does", async () => {
    expect((await flood("look", 100)).begun).toBe(64);
    now += 14_999;
    expect((await flood("look", 1)).begun).toBe(0);
    now += 1;
    expect((await flood("look", 100)).begun).toBe(64);
  });
});
