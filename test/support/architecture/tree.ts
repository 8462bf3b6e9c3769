// Reads a tree of files, this repository or a planted one, into memory. Names are relative, with forward slashes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readSource, type Source } from "./source.ts";

export interface Tree {
  readonly files: ReadonlyMap<string, string>;
  /** The TypeScript among them that is ours: src, local, bench and test. */
  readonly sources: readonly Source[];
}

const OURS = /^(?:src|local|bench|test)\/.*\.ts$/;
/** Planted offences are no part of the real tree. */
const PLANTED = "test/fixtures/offences";

/** Everything below `root` but `.git`, what the root's `.gitignore` leaves out, and planted offences. */
export function readTree(root: string): Tree {
  const files = new Map<string, string>();
  const ignored = ignoredBy(root);
  const visit = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.name === ".git" || path === PLANTED || ignored(entry.name)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  };
  visit("");
  const sources = [...files].filter(([path]) => OURS.test(path)).map(([path, text]) => readSource(path, text));
  return { files, sources };
}

/** Understands the simple patterns that we use: names with `*`, with or without a final slash. */
function ignoredBy(root: string): (name: string) => boolean {
  const file = readdirSync(root).includes(".gitignore") ? readFileSync(join(root, ".gitignore"), "utf8") : "";
  const patterns = file
    .split("\n")
    .map((line) => line.trim().replace(/\/$/, ""))
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => new RegExp(`^${line.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`));
  return (name) => patterns.some((pattern) => pattern.test(name));
}
