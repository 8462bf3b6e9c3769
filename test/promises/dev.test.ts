// `npm run dev` as a newcomer starts it, but for the demonstration: under `wrangler dev`, which no other test runs, beside stacks that are
// running already. It serves, it is the platform's other sockets too, and Ctrl-C leaves no process behind.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { removeData } from "../../local/data-directory.ts";
import { freePort } from "../../local/ports.ts";
import { until } from "../support/client.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "local", "dev.ts");

const SPACE = {
  name: "Newcomer",
  residency: "us",
  locales: ["en"],
  defaultLocale: "en",
  publicRead: true,
  plan: "free",
};

/** Processes that were started for `dataDir`, of whichever name: it is in what they inherit, if not in how they were called. */
function processesOf(dataDir: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const about = ["cmdline", "environ"].map((file) => readFileSync(`/proc/${pid}/${file}`, "latin1")).join("\0");
      if (about.includes(dataDir)) found.push(`${pid} ${about.slice(0, 80).replaceAll("\0", " ")}`);
    } catch {
      // It has ended since, or is somebody else's.
    }
  }
  return found;
}

/** The program takes a port and the next one: below those that the system gives to whoever asks for any, at any moment. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5_000);
    try {
      await freePort(port + 1);
      return await freePort(port);
    } catch {
      // Somebody has one of them.
    }
  }
}

describe("npm run dev", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "meridian-dev-"));
  let printed = "";
  let origin = "";
  let child: ChildProcess;
  let ended: Promise<number | null>;

  beforeAll(async () => {
    const PORT = `${await freePair()}`;
    child = spawn(process.execPath, [PROGRAM], {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PORT, MERIDIAN_DATA: dataDir, MERIDIAN_DEMO: "none" },
    });
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        printed += chunk;
      });
    ended = new Promise((resolve) => {
      child.once("exit", resolve);
    });
    await until("it is ready", async () => printed.includes("documentation is at") || child.exitCode !== null, 100_000);
    origin = /meridian ready (\S+)/.exec(printed)?.[1] ?? `not ready: ${printed}`;
    expect(origin).toBe(`http://127.0.0.1:${PORT}`);
  });

  afterAll(async () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await until("its processes are gone", async () => processesOf(dataDir).length === 0, 30_000);
    removeData(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  });

  it("says how long each step took", () => {
    for (const step of ["Postgres", "migrations", "Redis", "the Worker", "in all"])
      expect(printed).toMatch(new RegExp(`${step}.* [\\d.]+ m?s`));
  });

  it("is well, has its documentation, and takes the cron", async () => {
    expect(await (await fetch(`${origin}/health`)).json()).toMatchObject({ status: "pass" });
    const docs = await fetch(`${origin}/docs`);
    expect([docs.status, docs.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
    const script = /<script[^>]* src="([^"]+)"/.exec(await docs.text())?.[1];
    expect((await fetch(new URL(script ?? "/no-script", `${origin}/docs`))).status).toBe(200);
    const rung = await fetch(`${origin}/cdn-cgi/local/scheduled?cron=${encodeURIComponent("* * * * *")}`);
    expect(rung.status).toBe(200);
  });

  it("makes a space with the key that it printed", async () => {
    const key = /Bearer (\S+)'/.exec(printed)?.[1];
    const made = await fetch(`${origin}/v1/spaces`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ ...SPACE, id: "newcomer" }),
    });
    expect(made.status, await made.text()).toBe(201);
  });

  it("ends at Ctrl-C, and nothing that it started is left", async () => {
    expect(processesOf(dataDir).length).toBeGreaterThan(5);
    // A terminal sends it to the whole group.
    process.kill(-(child.pid as number), "SIGINT");
    expect(await ended).toBe(0);
    await until("its processes are gone", async () => processesOf(dataDir).length === 0, 30_000);
  });
});
