// A rule of the house: a name, a reason, and a function that finds what breaks it.
import type { Source } from "./source.ts";
import type { Tree } from "./tree.ts";

export interface Offence {
  readonly path: string;
  readonly line?: number;
  /** What was found and what was wanted. */
  readonly found: string;
}

export interface Rule {
  /** Also the name of its folder in test/fixtures/offences. */
  readonly name: string;
  readonly asks: string;
  find(tree: Tree): readonly Offence[];
}

/** A rule that judges every TypeScript file by itself; `within` picks the files by path. */
export function fileRule(
  name: string,
  asks: string,
  within: RegExp,
  check: (source: Source) => readonly (string | { readonly line: number; readonly found: string })[],
): Rule {
  return {
    name,
    asks,
    find: (tree) =>
      tree.sources
        .filter(({ path }) => within.test(path))
        .flatMap((source) =>
          check(source).map((one) => ({ path: source.path, ...(typeof one === "string" ? { found: one } : one) })),
        ),
  };
}

export function show({ path, line, found }: Offence): string {
  return `${path}${line === undefined ? "" : `:${line}`}  ${found}`;
}
