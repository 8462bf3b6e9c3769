// Reads the part of TOML 1.0 that a wrangler.toml uses: tables, arrays of tables, strings, numbers, booleans, arrays, inline tables.

export type Toml = string | number | boolean | Toml[] | TomlTable;
export interface TomlTable {
  [key: string]: Toml;
}

/** Throws on anything it does not understand: better no answer than a wrong one. */
export function parseToml(text: string): TomlTable {
  const root: TomlTable = {};
  let table = root;
  let rest = text;

  const skip = (pattern: RegExp): void => {
    rest = rest.replace(pattern, "");
  };
  const space = (): void => skip(/^[ \t]+/);
  const blank = (): void => skip(/^(?:\s|#[^\n]*)+/);
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(rest)?.[0];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  const must = (pattern: RegExp): string => {
    const found = take(pattern);
    if (found === undefined) throw new Error(`TOML: expected ${pattern} at ${JSON.stringify(rest.slice(0, 40))}`);
    return found;
  };

  const name = (): string[] => {
    const parts: string[] = [];
    do {
      space();
      const quoted = take(/^"(?:[^"\\\n]|\\.)*"/);
      parts.push(quoted === undefined ? must(/^[A-Za-z0-9_-]+/) : (JSON.parse(quoted) as string));
      space();
    } while (take(/^\./) !== undefined);
    return parts;
  };
  const value = (): Toml => {
    if (rest.startsWith('"""') || rest.startsWith("'''")) throw new Error("TOML: multi-line strings are not read here");
    if (rest.startsWith('"')) return JSON.parse(must(/^"(?:[^"\\\n]|\\.)*"/)) as string;
    if (rest.startsWith("'")) return must(/^'[^'\n]*'/).slice(1, -1);
    if (rest.startsWith("[")) return list();
    if (rest.startsWith("{")) return inline();
    const word = must(/^[^\s,\]}#]+/);
    if (word === "true" || word === "false") return word === "true";
    const number = Number(word.replaceAll("_", ""));
    if (Number.isNaN(number)) throw new Error(`TOML: ${word}`);
    return number;
  };
  const list = (): Toml[] => {
    must(/^\[/);
    const items: Toml[] = [];
    for (blank(); take(/^\]/) === undefined; blank()) {
      items.push(value());
      blank();
      if (take(/^,/) === undefined && !rest.startsWith("]")) must(/^\]/);
    }
    return items;
  };
  const inline = (): TomlTable => {
    must(/^\{/);
    const made: TomlTable = {};
    for (blank(); take(/^\}/) === undefined; blank()) {
      assign(made);
      blank();
      if (take(/^,/) === undefined && !rest.startsWith("}")) must(/^\}/);
    }
    return made;
  };
  const assign = (into: TomlTable): void => {
    const path = name();
    must(/^=[ \t]*/);
    const last = path.pop() as string;
    const target = path.reduce(descend, into);
    if (Object.hasOwn(target, last)) throw new Error(`TOML: ${last} twice`);
    target[last] = value();
  };

  for (blank(); rest !== ""; blank()) {
    if (take(/^\[\[/) !== undefined) {
      const path = name();
      must(/^\]\]/);
      const last = path.pop() as string;
      const parent = path.reduce(descend, root);
      table = {};
      parent[last] ??= [];
      (parent[last] as Toml[]).push(table);
    } else if (take(/^\[/) !== undefined) {
      table = name().reduce(descend, root);
      must(/^\]/);
    } else assign(table);
    must(/^[ \t]*(?:#[^\n]*)?(?:\n|\r\n|$)/);
  }
  return root;
}

/** The table under `key`, made when absent; the newest one of an array of tables. */
function descend(from: TomlTable, key: string): TomlTable {
  from[key] ??= {};
  const found = from[key];
  const table = Array.isArray(found) ? found.at(-1) : found;
  if (typeof table !== "object" || Array.isArray(table)) throw new Error(`TOML: ${key} is no table`);
  return table;
}
