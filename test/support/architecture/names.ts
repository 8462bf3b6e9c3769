// Rules about where files stand, what they are called, how they open and how long they are.
import { posix } from "node:path";
import { fileRule, type Rule } from "./rule.ts";
import { EMPTY_NAMES, LONGEST_FILE, NINE_IN_TEN, roomOf } from "./table.ts";
import type { Tree } from "./tree.ts";

const ALL = /^(?:src|local|bench|test)\//;
const LENGTHS = /^(?:src|local)\//;

export const nameRules: readonly Rule[] = [
  fileRule("rooms", "every file of src stands in a room of the table", /^src\//, ({ path }) =>
    roomOf(path) === undefined ? ["no such room: add it to the table when the product has a new word"] : [],
  ),
  fileRule("room-names", "no index.ts, and no names that could hold anything", ALL, ({ path }) => {
    const names = path.replace(/\.ts$/, "").split("/");
    if (names.at(-1) === "index") return ["a folder's door carries the folder's name"];
    return names.filter((name) => EMPTY_NAMES.has(name)).map((name) => `"${name}" says nothing about what is inside`);
  }),
  fileRule("kebab-case", "files and folders are kebab-case", ALL, ({ path }) =>
    path
      .split("/")
      .filter((name) => !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z]+)*$/.test(name))
      .map((name) => `"${name}"`),
  ),
  fileRule("opening-comment", "a file opens with a comment of one to three lines: its one job", ALL, ({ text }) => {
    const lines = openingLines(text);
    if (lines === 0) return [{ line: 1, found: "no opening comment" }];
    return lines > 3 ? [{ line: 1, found: `${lines} lines` }] : [];
  }),
  fileRule("length", `no file is longer than ${LONGEST_FILE} lines`, LENGTHS, ({ text }) => {
    const lines = countLines(text);
    return lines > LONGEST_FILE ? [`${lines} lines`] : [];
  }),
  {
    name: "length-of-most",
    asks: `nine files in ten have at most ${NINE_IN_TEN} lines`,
    find: (tree) => {
      const { p90, longest } = lengths(tree);
      return p90 > NINE_IN_TEN ? [{ path: longest[0]?.path ?? "src", found: `nine in ten reach ${p90} lines` }] : [];
    },
  },
];

export interface Lengths {
  readonly files: number;
  readonly median: number;
  readonly p90: number;
  readonly longest: readonly { readonly path: string; readonly lines: number }[];
}

/** Of src and local: what the house asks to stay small. Percentiles by nearest rank. */
export function lengths({ sources }: Tree): Lengths {
  const longest = sources
    .filter(({ path }) => LENGTHS.test(path))
    .map(({ path, text }) => ({ path, lines: countLines(text) }))
    .sort((a, b) => b.lines - a.lines || (posix.normalize(a.path) < b.path ? -1 : 1));
  const rank = (share: number): number => longest[longest.length - Math.ceil(longest.length * share)]?.lines ?? 0;
  return { files: longest.length, median: rank(0.5), p90: rank(0.9), longest };
}

function countLines(text: string): number {
  return text.replace(/\n$/, "").split("\n").length;
}

/** Lines of the comment that the text begins with, after a `#!` line; 0 when it begins with something else. */
function openingLines(text: string): number {
  const lines = text.replace(/^#!.*\n/, "").split("\n");
  if (lines[0]?.startsWith("/*") === true) return lines.findIndex((line) => line.includes("*/")) + 1;
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return end === -1 ? lines.length : end;
}
