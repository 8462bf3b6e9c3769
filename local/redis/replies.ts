// What the commands of the in-process Redis take and answer.
import { type Keyspace, RedisError } from "./keyspace.ts";

/** A status (`OK`) and a text differ: Lua sees a status as a table. */
export type Status = { readonly ok: string };
export type Reply = string | number | null | Status | readonly Reply[];
/** Texts are bytes, one character each. */
export type Handler = (keyspace: Keyspace, args: readonly string[]) => Reply;
/** How many arguments at least, and what is done. */
export type Commands = Readonly<Record<string, readonly [atLeast: number, handler: Handler]>>;

export const OK: Status = { ok: "OK" };

export const syntaxError = (): RedisError => new RedisError("ERR syntax error");

export function toInteger(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !/^[+-]?\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new RedisError("ERR value is not an integer or out of range");
  }
  return value;
}

export function toFloat(text: string | undefined): number {
  const word = /^([+-]?)inf(inity)?$/i.exec(text ?? "");
  if (word !== null) return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (text === undefined || text.trim() === "" || Number.isNaN(value)) {
    throw new RedisError("ERR value is not a valid float");
  }
  return value;
}

export function floatText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  return value === Number.NEGATIVE_INFINITY ? "-inf" : String(value);
}

/** Redis's glob (`*`, `?`, `[a-c]`, `[^a]`, `\`) as a test. */
export function globTest(pattern: string): (text: string) => boolean {
  let source = "";
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at] ?? "";
    const end = letter === "[" ? pattern.indexOf("]", at + 1) : -1;
    if (letter === "*") source += ".*";
    else if (letter === "?") source += ".";
    else if (end > 0) {
      source += `[${pattern.slice(at + 1, end).replace(/[\\[]/g, "\\$&")}]`;
      at = end;
    } else {
      if (letter === "\\") at += 1;
      source += (pattern[at] ?? "").replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    }
  }
  const compiled = new RegExp(`^${source}$`, "s");
  return (text) => compiled.test(text);
}

/** Takes one whole answer: SCAN and its kin may return everything at once, with the cursor back at 0. */
export function scanned(items: readonly string[], options: readonly string[], width: 1 | 2): Reply {
  const upper = options.map((one) => one.toUpperCase());
  const match = upper.indexOf("MATCH");
  const fits = match < 0 ? () => true : globTest(options[match + 1] ?? "");
  const kept: string[] = [];
  for (let at = 0; at < items.length; at += width) {
    const item = items[at] ?? "";
    if (fits(item)) kept.push(...items.slice(at, at + width));
  }
  return ["0", kept];
}
