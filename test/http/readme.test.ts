// The README's commands do what it says: each is taken from the text and run by a shell, against the demonstration with fewer cities.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seedDemo } from "../../local/demo.ts";
import { rootKey } from "../support/client.ts";
import { stackHere } from "../support/here.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");
/** Files that the commands make and read do not stay in the checkout. */
const folder = mkdtempSync(join(tmpdir(), "meridian-readme-"));

/** Lines of the shell blocks that talk to the running system, in order; what starts or tests it is run by other means. */
function commands(): readonly string[] {
  const blocks = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  return blocks
    .flatMap((block) => block.split("\n"))
    .filter((line) => /^(curl|export|printf|npm run (-s )?meridian) /.test(line));
}

/** One shell for all, because later lines use what earlier ones export. Answers what each command printed. */
async function runAll(lines: readonly string[]): Promise<readonly string[]> {
  const { origin, control } = stackHere();
  const here = (line: string): string =>
    line
      .replaceAll("http://127.0.0.1:8787", origin)
      .replaceAll("http://127.0.0.1:8788", control)
      .replaceAll(/(?<= )[\w-]+\.ndjson/g, (file) => join(folder, file));
  const script = lines
    .map((line) => `${here(line).replaceAll("curl ", "curl -sS --fail-with-body --max-time 60 ")}\necho; echo ----`)
    .join("\n");
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], {
    cwd: ROOT,
    env: { ...process.env, MERIDIAN_URL: origin },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout.split("\n----\n").map((part) => part.trim());
}

describe("README", () => {
  const lines = commands();
  let printed: readonly string[] = [];
  const answerTo = (part: string): string => printed[lines.findIndex((line) => line.includes(part))] ?? "";

  beforeAll(async () => {
    await seedDemo(stackHere().origin, () => {}, rootKey(), 70);
    printed = await runAll(lines);
  }, 240_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  it("has the commands that a newcomer needs", () => {
    expect(README).toContain("npm ci && npm run dev");
    expect(README).toContain("npm ci && npm test");
    expect(lines.length).toBeGreaterThanOrEqual(8);
  });

  it("shows large cities with their countries in French", () => {
    const { data, included } = JSON.parse(answerTo("sort=-population")) as {
      data: readonly { fields: { population: number; country: string } }[];
      included: Readonly<Record<string, { fields: { name: string } }>>;
    };
    const sizes = data.map(({ fields }) => fields.population);
    expect(sizes.length).toBeGreaterThan(5);
    expect(sizes).toEqual(sizes.toSorted((one, other) => other - one));
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5_000_000);
    expect(included["cn"]?.fields.name).toBe("Chine");
    for (const { fields } of data) expect(included).toHaveProperty([fields.country]);
  });

  it("publishes an entry, and reads it in English, in French and with what it refers to", () => {
    expect(answerTo("/types/museum")).toContain('"name":"Museum"');
    expect(answerTo("-X POST $MERIDIAN/entries")).toContain('"status":"published"');
    const reads = lines.flatMap((line, at) => (line.includes("/content/museum/louvre") ? [printed[at] ?? ""] : []));
    expect(reads[0]).toContain('"name":"Louvre Museum"');
    expect(reads[1]).toContain('"name":"Musée du Louvre"');
    expect(reads[2]).toContain('"included":{"fr":{');
    expect(reads[3]?.toLowerCase()).toContain("meridian-position:");
  });

  it("follows what was published, and exports it", () => {
    const { data, page } = JSON.parse(answerTo("/changes?after=0&type=museum"));
    expect(data).toMatchObject([{ kind: "published", id: "louvre", entry: { fields: { country: "fr" } } }]);
    expect(page.next).toBe(page.head);
    const lines = answerTo("/export?type=country").split("\n");
    expect(lines.length).toBeGreaterThanOrEqual(200);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ type: "country", publish: true });
  });

  it("imports a file, follows what came, and exports everything", () => {
    const changes = answerTo("-- tail").split("\n");
    expect(changes.map((line) => JSON.parse(line).id).sort()).toEqual(["louvre", "louvre", "orsay", "prado"]);
    const exported = readFileSync(join(folder, "atlas.ndjson"), "utf8").trimEnd().split("\n");
    const museums = exported.map((line) => JSON.parse(line)).filter(({ type }) => type === "museum");
    expect(museums).toMatchObject([
      { id: "orsay", fields: { name: { en: "Orsay Museum" } } },
      { id: "prado" },
      { id: "rodin" },
    ]);
    expect(readFileSync(join(folder, "failed.ndjson"), "utf8")).toBe("");
  });

  it("makes a webhook that is told of what happens", () => {
    expect(answerTo("/entries/louvre/unpublish")).toContain('"status":"draft"');
    // The receiver is not started here, and the message may be on its way: its delivery is enough.
    expect(answerTo("/deliveries")).toMatch(/^\{"data":\[/);
  });
});
