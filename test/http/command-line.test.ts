// The command line against the running system: content out and in, changes as they come, and what it says when something is wrong.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../local/ports.ts";
import { makeSpace, makeTypes, type Space, until } from "../support/client.ts";
import { openControl } from "../support/control.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { stackHere } from "../support/here.ts";
import { placeOf, type Running, runMeridian, startMeridian } from "../support/meridian-command.ts";

const CITIES = 60;
/** Long enough that an export does not fit into one packet. */
const NOTE = "x".repeat(2_000);

const folder = mkdtempSync(join(tmpdir(), "meridian-cli-"));
const fileIn = (name: string): string => join(folder, name);
const linesIn = (name: string): readonly string[] => readFileSync(fileIn(name), "utf8").split("\n").filter(Boolean);

/** An import is still under way when one looks. */
const SLOW = { mode: "latency", ms: 300 } as const;
const control = openControl(stackHere().control);

let space: Space;
let proxy: CuttingProxy;
let started: Running[] = [];
const start: typeof startMeridian = (...asked) => {
  const running = startMeridian(...asked);
  started.push(running);
  return running;
};

beforeAll(async () => {
  proxy = await startCuttingProxy();
  space = await makeSpace();
  await makeTypes(space);
  await space.must("POST", "entries", {
    body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
  });
  for (let n = 0; n < CITIES; n += 1)
    await space.must("POST", "entries", { body: { ...city(n), publish: n % 10 !== 9 } });
});

afterEach(async () => {
  for (const running of started) running.signal("SIGKILL");
  started = [];
  proxy.holdUploadsAfter(undefined);
  proxy.cutAnswersAfter(undefined);
  await control.restore();
});

afterAll(async () => {
  await proxy.stop();
  rmSync(folder, { recursive: true });
});

const city = (n: number) => ({
  type: "city",
  id: `city-${String(n).padStart(3, "0")}`,
  slug: `slug-${n}`,
  fields: { name: { en: `City ${n}`, fr: `Ville ${n}` }, population: n, country: "fr", note: NOTE },
});

describe("meridian", () => {
  it("says in one plain line what is wrong, and ends with a code that scripts can tell apart", async () => {
    const here = placeOf(space);
    const without = await space.keyWith(["content:read"]);
    const cases: readonly [string, readonly string[], Readonly<Record<string, string>>, number, RegExp][] = [
      ["no such command", ["frobnicate"], here, 2, /unknown command/],
      ["no such option", ["tail", "--frobnicate"], here, 2, /unknown option/],
      ["not a number", ["tail", "--after", "x"], here, 2, /whole number/],
      ["no space", ["export"], { ...here, MERIDIAN_SPACE: "" }, 2, /--space/],
      ["not an address", ["export"], { ...here, MERIDIAN_URL: "atlas" }, 2, /--url must be an address/],
      [
        "nobody there",
        ["export"],
        { ...here, MERIDIAN_URL: `http://127.0.0.1:${await freePort()}` },
        4,
        /nobody listens/,
      ],
      ["another server", ["export"], { ...here, MERIDIAN_URL: stackHere().control }, 4, /not as Meridian does/],
      ["not a key", ["export"], { ...here, MERIDIAN_KEY: "mrd_nothing" }, 3, /401 credentials-invalid.*MERIDIAN_KEY/],
      ["no such type", ["export", "--type", "none"], here, 3, /There is no type "none".*404 type-missing/],
      ["no right", ["export", "--perspective", "draft"], { ...here, MERIDIAN_KEY: without }, 3, /403 scope-missing/],
      ["not its space", ["tail"], { ...here, MERIDIAN_SPACE: "nobody-has-this" }, 3, /404 space-missing/],
      ["no folder", ["export", fileIn("no/where.ndjson")], here, 2, /no such file or folder/],
    ];
    const results = await Promise.all(
      cases.map(async ([what, args, env, code, said]) => ({ what, code, said, ended: await runMeridian(args, env) })),
    );
    for (const { what, code, said, ended } of results) {
      expect(ended, what).toMatchObject({ code, out: "" });
      expect(ended.err, what).toMatch(said);
      expect(ended.err.trim().split("\n"), what).toHaveLength(1);
      expect(ended.err, what).not.toMatch(/\n\s+at |undefined|\[object/);
    }
  });

  it("explains itself", async () => {
    const { code, out } = await runMeridian(["import", "--help"]);
    expect(code).toBe(0);
    for (const option of ["--mode", "--errors", "--again", "--cancel", "MERIDIAN_KEY"]) expect(out).toContain(option);
  });
});

describe("export", () => {
  it("writes what is published, and a file only when it is whole", async () => {
    const first = await runMeridian(["export", fileIn("all.ndjson")], placeOf(space));
    expect(first, first.err).toMatchObject({ code: 0, out: "" });
    const answer = await space.must("GET", "export");
    expect(readFileSync(fileIn("all.ndjson"), "utf8")).toBe(answer.text);
    expect(first.err).toContain(`tail --after ${answer.position}`);

    const printed = await runMeridian(["export", "--type", "city", "--perspective", "draft"], placeOf(space));
    expect(printed).toMatchObject({ code: 0 });
    expect(printed.out.trim().split("\n")).toHaveLength(CITIES);

    proxy.cutAnswersAfter(20_000);
    const broken = await runMeridian(["export", fileIn("all.ndjson")], placeOf(space, proxy.url));
    expect(broken).toMatchObject({ code: 5 });
    expect(broken.err).toMatch(/broke off after \d+ lines.*is as it was/);
    expect(readFileSync(fileIn("all.ndjson"), "utf8")).toBe(answer.text);
    expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
    const never = await runMeridian(["export", fileIn("new.ndjson")], placeOf(space, proxy.url));
    expect(never).toMatchObject({ code: 5 });
    expect(existsSync(fileIn("new.ndjson"))).toBe(false);
  });
});

describe("tail", () => {
  it("prints each change once, however often the connection is cut, and tells where it was", async () => {
    const { position } = await space.must("GET", "changes?limit=1");
    const tail = start(["tail", "--after", String(position), "--limit", "12"], placeOf(space, proxy.url));
    const printed = (): readonly { id: string; position: number }[] =>
      tail
        .out()
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    for (let n = 0; n < 12; n += 1) {
      await space.must("PUT", `entries/city-00${n % 5}`, {
        body: { type: "city", slug: `slug-${n % 5}`, fields: { name: { en: `City ${n} again` } } },
      });
      await space.must("POST", `entries/city-00${n % 5}/publish`);
      if (n === 2) await until("some have come", async () => printed().length >= 2);
      // Between two changes, and while some are on their way.
      if (n % 4 === 3) proxy.cut();
    }
    const { code, err } = await tail.ended;
    expect(code, err).toBe(0);
    expect(printed().map(({ id }) => id)).toEqual(Array.from({ length: 12 }, (_, n) => `city-00${n % 5}`));
    expect(err).toContain(`tail --after ${printed().at(-1)?.position}`);
  });

  it("ends with Ctrl-C as if that were what is wanted", async () => {
    const tail = start(["tail", "--after", "0", "--type", "country"], placeOf(space));
    await until("the country has come", async () => tail.out().includes('"fr"'));
    tail.signal("SIGINT");
    expect(await tail.ended).toMatchObject({ code: 0 });
  });
});

describe("import", () => {
  const write = (name: string, lines: readonly unknown[]): string => {
    writeFileSync(
      fileIn(name),
      lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
    );
    return fileIn(name);
  };
  const place = (id: string, more: Readonly<Record<string, unknown>> = {}) => ({
    type: "city",
    id,
    slug: id,
    fields: { name: { en: id }, ...more },
    publish: true,
  });
  const importsOf = async ({ must }: Space): Promise<readonly Imported[]> => (await must("GET", "imports")).body.data;

  interface Imported {
    readonly id: string;
    readonly status: string;
    readonly processed: number;
  }

  let target: Space;
  beforeAll(async () => {
    target = await makeSpace();
    await makeTypes(target);
    await target.must("POST", "entries", {
      body: { type: "country", id: "fr", fields: { name: { en: "France" } }, publish: true },
    });
  });

  it("brings into another space what was exported, equal to the letter", async () => {
    const there = await makeSpace();
    await makeTypes(there);
    expect(await runMeridian(["export", fileIn("from.ndjson")], placeOf(space))).toMatchObject({ code: 0 });
    const first = await runMeridian(["import", fileIn("from.ndjson")], placeOf(there));
    expect(first, first.err).toMatchObject({ code: 0 });
    expect(first.err).toMatch(/\d+ created, 0 updated, 0 unchanged, 0 failed/);
    expect(await runMeridian(["export", fileIn("to.ndjson")], placeOf(there))).toMatchObject({ code: 0 });
    expect(readFileSync(fileIn("to.ndjson"), "utf8")).toBe(readFileSync(fileIn("from.ndjson"), "utf8"));

    const told = await runMeridian(["import", fileIn("from.ndjson")], placeOf(there));
    expect(told).toMatchObject({ code: 0 });
    expect(told.err).toMatch(/was imported.*--again/);
    expect(await importsOf(there)).toHaveLength(1);
    const again = await runMeridian(["import", fileIn("from.ndjson"), "--again"], placeOf(there));
    expect(again.err).toMatch(/0 created, 0 updated, \d+ unchanged, 0 failed/);
    expect(await importsOf(there)).toHaveLength(2);
  });

  it("writes what failed with the lines of the file, across parts, and tries references into later parts once more", async () => {
    const file = write("parts.ndjson", [
      place("p-1", { country: "part-land" }),
      place("p-2", { population: -1 }),
      "",
      "{",
      place("p-3", { country: "nowhere" }),
      ...Array.from({ length: 20 }, (_, n) => place(`filler-${n}`)),
      { type: "country", id: "part-land", fields: { name: { en: "Part Land" } }, publish: true },
      place("p-4", { population: "many" }),
    ]);
    const { code, err } = await runMeridian(
      ["import", file, "--errors", fileIn("failed.ndjson"), "--part-size", "0.0016"],
      placeOf(target),
    );
    expect(code, err).toBe(1);
    expect(err).toMatch(/21 created, 1 updated, 0 unchanged, 4 failed/);
    const failed = linesIn("failed.ndjson").map((line) => JSON.parse(line));
    expect(failed.map(({ line, code: why }) => [line, why])).toEqual([
      [2, expect.any(String)],
      [4, "malformed-json"],
      [27, expect.any(String)],
      [5, "reference-missing"],
    ]);
    expect(failed[0]).toMatchObject({ pointer: "/fields/population" });
    const { body } = await target.must("GET", "entries/p-1");
    expect(body).toMatchObject({ status: "published", fields: { country: "part-land" } });
  });

  it("creates across parts, too: what is tried once more is there already", async () => {
    const file = write("create.ndjson", [
      place("c-1", { country: "create-land" }),
      ...Array.from({ length: 20 }, (_, n) => place(`create-${n}`)),
      { type: "country", id: "create-land", fields: { name: { en: "Create Land" } }, publish: true },
    ]);
    const { code, err } = await runMeridian(
      ["import", file, "--mode", "create", "--part-size", "0.0012"],
      placeOf(target),
    );
    expect(code, err).toBe(0);
    expect((await target.must("GET", "entries/c-1")).body).toMatchObject({ status: "published" });
  });

  it("ends with 2 before anything is sent when errors cannot be written, and with 3 when the key may not import", async () => {
    const file = write("one.ndjson", [place("one")]);
    const before = await importsOf(target);
    const env = placeOf(target);
    expect(await runMeridian(["import", file, "--errors", fileIn("no/where")], env)).toMatchObject({ code: 2 });
    const sent = readFileSync(file, "utf8");
    expect(await runMeridian(["import", file, "--errors", file], env)).toMatchObject({ code: 2 });
    expect(readFileSync(file, "utf8")).toBe(sent);
    const reader = await target.keyWith(["content:read"]);
    const refused = await runMeridian(["import", file], { ...env, MERIDIAN_KEY: reader });
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.err).toMatch(/403 scope-missing/);
    expect(await importsOf(target)).toEqual(before);
  });

  it("goes on with the same command after being killed while it sends, and after Ctrl-C while it watches: one import, nothing twice", async () => {
    const there = await makeSpace();
    await makeTypes(there);
    const count = 1_000;
    const file = write(
      "killed.ndjson",
      Array.from({ length: count }, (_, n) => place(`killed-${n}`, { note: NOTE })),
    );
    proxy.holdUploadsAfter(100_000);
    const came = proxy.received();
    const sending = start(["import", file], placeOf(there, proxy.url));
    await until("it sends", async () => proxy.received() > came + 110_000);
    sending.signal("SIGKILL");
    await sending.ended;
    proxy.holdUploadsAfter(undefined);
    expect(await importsOf(there)).toEqual([]);

    await control.fault("us-primary", SLOW);
    const watching = start(["import", file], placeOf(there));
    await until("it is imported", async () => ((await importsOf(there))[0]?.processed ?? 0) > 0);
    // As npm passes on what the terminal has sent already.
    watching.signal("SIGINT");
    watching.signal("SIGINT");
    const left = await watching.ended;
    expect(left, left.err).toMatchObject({ code: 130 });
    expect(left.err).toMatch(/Left import \w+ behind/);
    expect(await importsOf(there)).toMatchObject([{ status: "running" }]);
    await control.restore();
    const { code, err } = await runMeridian(["import", file], placeOf(there));
    expect(code, err).toBe(0);
    expect(err).toContain(`${count} created, 0 updated, 0 unchanged, 0 failed`);
    expect(await importsOf(there)).toMatchObject([{ status: "completed", processed: count }]);
  });

  it("cancels the import with a second Ctrl-C; the same command begins it anew", async () => {
    const there = await makeSpace();
    await makeTypes(there);
    const count = 600;
    const file = write(
      "left.ndjson",
      Array.from({ length: count }, (_, n) => place(`left-${n}`)),
    );
    await control.fault("us-primary", SLOW);
    const cancelled = start(["import", file], placeOf(there));
    await until("it is imported", async () => ((await importsOf(there))[0]?.processed ?? 0) > 0);
    cancelled.signal("SIGINT");
    await until("it says so", async () => cancelled.err().includes("Ctrl-C once more"));
    // One that comes at once is the same one, passed on by npm.
    await until("it cancels", async () => {
      cancelled.signal("SIGINT");
      return cancelled.err().includes("Cancelling");
    });
    const { code, err } = await cancelled.ended;
    expect(code, err).toBe(130);
    expect(err).toMatch(/is cancelled/);
    expect(await importsOf(there)).toMatchObject([{ status: "cancelled" }]);
    await control.restore();
    const anew = await runMeridian(["import", file], placeOf(there));
    expect(anew, anew.err).toMatchObject({ code: 0 });
    expect(await importsOf(there)).toMatchObject([{ status: "completed", processed: count }, { status: "cancelled" }]);
  });
});
