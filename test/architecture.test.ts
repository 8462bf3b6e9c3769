// The house keeps its shape: every rule holds on the real tree, and every rule catches what was planted for it.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { catchesOf, codeRules } from "./support/architecture/code.ts";
import { importRules } from "./support/architecture/imports.ts";
import { lengths, nameRules } from "./support/architecture/names.ts";
import { repositoryRules } from "./support/architecture/repository.ts";
import { show } from "./support/architecture/rule.ts";
import { COUNTED_CATCHES, KNOWS } from "./support/architecture/table.ts";
import { readTree } from "./support/architecture/tree.ts";

const ROOT = join(import.meta.dirname, "..");
const OFFENCES = join(import.meta.dirname, "fixtures/offences");
const FILE_RULES = [...importRules, ...codeRules, ...nameRules];
const RULES = [...FILE_RULES, ...repositoryRules];
/** Rules that others contain: a vendor outside adapters is also a package that the table does not list. */
const ALSO: Readonly<Record<string, readonly string[]>> = { confined: ["packages"], length: ["length-of-most"] };
/** `<rule>`: each file of the tree is an offence. `<rule>.<case>`: the tree has exactly one. */
const PLANTED = readdirSync(OFFENCES).filter((name) => name !== "innocent" && name !== "pure");

describe("the real tree", () => {
  const tree = readTree(ROOT);

  it.each(RULES.map((rule) => [`${rule.name}: ${rule.asks}`, rule] as const))("%s", (_, { find }) => {
    expect(find(tree).map(show)).toEqual([]);
  });

  it("is made of small files", () => {
    const { files, median, p90, longest } = lengths(tree);
    const longestThree = longest.slice(0, 3).map(({ path, lines }) => `${path} ${lines}`);
    console.info(
      `${files} files in src and local: median ${median} lines, p90 ${p90}, longest ${longestThree.join(", ")}`,
    );
    expect(files).toBeGreaterThan(0);
  });

  it("has a written list of acquaintances without cycles", () => {
    const rank = (context: string, seen: readonly string[]): void => {
      expect(seen).not.toContain(context);
      expect(KNOWS).toHaveProperty(context);
      for (const other of KNOWS[context] ?? []) rank(other, [...seen, context]);
    };
    for (const context of Object.keys(KNOWS)) rank(context, []);
  });

  it("catches exactly as often as is written", () => {
    for (const [path, { count }] of Object.entries(COUNTED_CATCHES)) {
      const source = tree.sources.find((one) => one.path === path);
      expect(source === undefined ? "no such file" : catchesOf(source), path).toHaveLength(count);
    }
  });
});

describe("planted offences", () => {
  it("are there for every rule, and for nothing else", () => {
    const planted = new Set(PLANTED.map((name) => name.split(".")[0]));
    expect([...planted].sort()).toEqual(RULES.map(({ name }) => name).sort());
  });

  it.each(PLANTED)("%s is caught", (folder) => {
    const tree = readTree(join(OFFENCES, folder));
    const rule = RULES.find(({ name }) => name === folder.split(".")[0]);
    const caught = rule?.find(tree) ?? [];
    if (folder.includes(".")) expect(caught.map(show)).toHaveLength(1);
    else expect([...new Set(caught.map(({ path }) => path))].sort()).toEqual([...tree.files.keys()].sort());
  });

  it.each(PLANTED)("%s breaks no other rule about files", (folder) => {
    const tree = readTree(join(OFFENCES, folder));
    const planted = folder.split(".")[0] ?? folder;
    const others = FILE_RULES.filter(({ name }) => name !== planted && !ALSO[planted]?.includes(name));
    expect(others.flatMap(({ name, find }) => find(tree).map((one) => `${name}: ${show(one)}`))).toEqual([]);
  });

  it("do not include what only looks like one", () => {
    const tree = readTree(join(OFFENCES, "innocent"));
    expect(tree.sources.length).toBeGreaterThan(0);
    expect(RULES.flatMap(({ name, find }) => find(tree).map((one) => `${name}: ${show(one)}`))).toEqual([]);
  });
});

describe("kernel and domain compile against the language alone", () => {
  const folder = join(OFFENCES, "pure");

  it("refuses the platform: fetch, caches, crypto, timers, console, process, node, the Worker's types", async () => {
    const { code, output } = await compile(join(folder, "tsconfig.json"));
    const files = readdirSync(join(folder, "offences")).sort();
    const refused = new Set(
      [
        ...output.matchAll(/^\S*?([\w-]+\.ts)[:(]\d+.*?error TS(?:2304|2307|2552|2580|2582|2583|2584|2591|2868)\b/gm),
      ].map((match) => match[1]),
    );
    expect(code).not.toBe(0);
    expect([...refused].sort(), output).toEqual(files);
  });

  it("accepts the language", async () => {
    expect(await compile(join(folder, "tsconfig.innocent.json"))).toEqual({ code: 0, output: "" });
  });
});

async function compile(project: string): Promise<{ readonly code: number; readonly output: string }> {
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  try {
    const { stdout } = await promisify(execFile)(tsc, ["--pretty", "false", "-p", project]);
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout } = error as { readonly code: number; readonly stdout: string };
    return { code, output: stdout };
  }
}
