// The parts of the command line that need no server: how a file is cut, how lines are found again, what is said of the time that is left.
import { linkSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Failure, fileFailure, printable } from "../../local/cli/failure.ts";
import { type Job, watchImport } from "../../local/cli/import-job.ts";
import { within } from "../../local/cli/interrupts.ts";
import { paceOver, remaining } from "../../local/cli/progress.ts";
import { openServer } from "../../local/cli/server.ts";
import { isSameFile, pickLines, splitFile } from "../../local/cli/split-file.ts";

const folder = mkdtempSync(join(tmpdir(), "meridian-split-"));
const path = join(folder, "lines");
const never = new AbortController().signal;
afterAll(() => rmSync(folder, { recursive: true }));

const MANY = { bytes: 1_000_000, lines: 1_000_000 };

async function split(text: string | Buffer, most: Partial<typeof MANY>): Promise<readonly string[]> {
  writeFileSync(path, text);
  const parts = await splitFile(path, { ...MANY, ...most }, never);
  const bytes = readFileSync(path);
  return parts.map(({ start, end }) => bytes.subarray(start, end).toString());
}

describe("a file", () => {
  it("is cut between lines, none larger than may be, the last line with or without its end", async () => {
    expect(await split("", {})).toEqual([]);
    expect(await split("one", {})).toEqual(["one"]);
    expect(await split("aa\nbb\ncc\n", { bytes: 6 })).toEqual(["aa\nbb\n", "cc\n"]);
    expect(await split("aa\nbb\ncc", { bytes: 5 })).toEqual(["aa\n", "bb\ncc"]);
    expect(await split("aa\r\n\n\nbb\r\n", { bytes: 4 })).toEqual(["aa\r\n", "\n\n", "bb\r\n"]);
    expect(await split("a\nb\nc\nd\n", { lines: 3 })).toEqual(["a\nb\nc\n", "d\n"]);
  });

  it("with a line that no import takes is refused, with its number", async () => {
    await expect(split("aa\nbbbbbb\ncc\n", { bytes: 5 })).rejects.toThrow(/line 2 alone/);
    await expect(split("aa\nbbbbbb", { bytes: 5 })).rejects.toThrow(/line 2 alone/);
  });

  it("that is not there is a sentence about it", async () => {
    await expect(splitFile(join(folder, "none"), MANY, never)).rejects.toThrow(/none: there is no such file/);
    expect(fileFailure("x", new TypeError("no"))).toBeInstanceOf(TypeError);
    expect(fileFailure("x", Object.assign(new Error("?"), { code: "ENOSPC" }))).toMatchObject({ exit: 2 });
  });

  it("is the same one by whatever name", async () => {
    writeFileSync(path, "x");
    const named = (name: string): string => join(folder, name);
    linkSync(path, named("hard"));
    symlinkSync(path, named("soft"));
    writeFileSync(named("other"), "x");
    const names = [path, `${folder}/./lines`, named("hard"), named("soft"), named("other"), named("none")];
    expect(await Promise.all(names.map((name) => isSameFile(path, name)))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  it("is its parts, one after the other, and every part knows its lines", async () => {
    const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll("\n", " "));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), async (lines, ends) => {
        const text = lines.join("\n") + (ends && lines.length > 0 ? "\n" : "");
        writeFileSync(path, text);
        const parts = await splitFile(path, { bytes: 60, lines: 5 }, never);
        const bytes = readFileSync(path);
        expect(Buffer.concat(parts.map(({ start, end }) => bytes.subarray(start, end)))).toEqual(bytes);
        let before = 0;
        for (const part of parts) {
          expect(part.end - part.start).toBeLessThanOrEqual(60);
          expect(part.lines).toBeLessThanOrEqual(5);
          expect(part.before).toBe(before);
          before += part.lines;
        }
      }),
      { numRuns: 60 },
    );
  });

  it("gives lines again by their numbers, also where reading was cut within one", async () => {
    // Longer than what is read at once.
    const lines = Array.from({ length: 40 }, (_, n) => `${n}:${"x".repeat(60_000)}`);
    writeFileSync(path, lines.join("\n"));
    const picked = await pickLines(path, new Set([1, 18, 19, 35, 40]), never);
    expect(picked.map(String)).toEqual([1, 18, 19, 35, 40].map((n) => `${lines[n - 1]}\n`));
  });
});

describe("progress", () => {
  it("goes by the last while, and not by how it began", () => {
    let now = 0;
    const pace = paceOver(10_000, () => now);
    for (let second = 1; second <= 60; second += 1) {
      now = second * 1_000;
      pace.at(second <= 30 ? second * 10 : 300 + (second - 30) * 100);
    }
    expect(pace.perSecond()).toBe(100);
  });

  it("does not go by what was done before it was watched, and begins anew with what begins anew", () => {
    let now = 0;
    const pace = paceOver(10_000, () => now);
    now = 100;
    pace.at(40_000);
    expect(pace.perSecond()).toBe(0);
    now = 1_100;
    pace.at(40_050);
    expect(pace.perSecond()).toBe(50);
    now = 2_000;
    pace.at(0);
    expect(pace.perSecond()).toBe(0);
    now = 3_000;
    pace.at(20);
    expect(pace.perSecond()).toBe(20);
  });

  it("says what is left in words", () => {
    const said = [0, 59.2, 61, 3_600, Number.POSITIVE_INFINITY, Number.NaN].map(remaining);
    const unknown = "time left unknown";
    expect(said).toEqual(["0 s left", "1 min 0 s left", "1 min 1 s left", "1 h 0 min left", unknown, unknown]);
  });
});

describe("what is said and waited for", () => {
  it("is a cancelled import when Ctrl-C comes twice while it is asked for", async () => {
    const [once, twice] = [new AbortController(), new AbortController()];
    const asked: string[] = [];
    const server = {
      connection: { url: "", space: "", key: undefined },
      async ask(asking: string) {
        asked.push(asking);
        if (asking.endsWith("/cancel")) return Response.json({ id: "j", status: "cancelled" });
        once.abort();
        twice.abort();
        throw new Failure(130, "Interrupted");
      },
    };
    const watching = {
      interrupts: { once: once.signal, twice: twice.signal, stop: () => undefined },
      onProgress: () => undefined,
      say: () => undefined,
    };
    const begun = { id: "j", status: "running" } as Job;
    await expect(watchImport(server, begun, watching)).rejects.toThrow("Import j is cancelled");
    expect(asked).toEqual(["imports/j", "imports/j/cancel"]);
  });

  it("has no password from an address", () => {
    const open = () => openServer({ url: "https://me:secret@atlas.example", space: "atlas", key: undefined });
    expect(open).toThrow(/user name or password/);
    expect(open).not.toThrow(/secret/);
  });

  it("cannot steer a terminal", () => {
    expect(printable("a\u001b[31mb\u0007\u202ec\nd")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
    expect(new Failure(3, "x")).toMatchObject({ exit: 3, message: "x" });
  });

  it("ends at once when the signal comes, and says which it was", async () => {
    const aborter = new AbortController();
    const waited = within(60_000, aborter.signal);
    aborter.abort();
    expect(await waited).toBe(true);
    expect(await within(60_000, aborter.signal)).toBe(true);
    expect(await within(1, never)).toBe(false);
  });
});
