// Bytes → JSON, refusing everything that two readers could understand differently (I-JSON, RFC 7493, and a bit more).
import { createScanner } from "jsonc-parser";
import { fault, quote } from "../kernel/fault.ts";
import type { Json } from "../kernel/json.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";

/** Objects and arrays inside each other. */
const MAX_DEPTH = 32;

/** jsonc-parser's tokens; its own enum does not exist at run time. */
const OPEN_BRACE = 1;
const CLOSE_BRACE = 2;
const OPEN_BRACKET = 3;
const CLOSE_BRACKET = 4;
const COMMA = 5;
const COLON = 6;
const NULL = 7;
const STRING = 10;
const NUMBER = 11;
const LINE_BREAK = 14;
const TRIVIA = 15;
const EOF = 17;

const WHOLE = /^-?\d+$/;
const DECODER = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Refuses with 400 `malformed-json`, saying where. `__proto__` is a member like any other in what comes back. */
export function parseJson(bytes: Uint8Array, what: "body" | "line" = "body"): Result<Json> {
  const malformed = (why: string): Result<never> =>
    refuse(fault("malformed", "malformed-json", `Cannot read the ${what} as JSON: ${why}`));
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return malformed("it begins with a byte-order mark");
  const text = DECODER.decode(bytes);
  const broken = firstByteThatIsNotUtf8(bytes, text);
  if (broken !== undefined) return malformed(`byte ${broken} is not UTF-8`);
  const complaint = complaintAbout(text);
  // The text was walked token by token above, and is not deep: JSON.parse can neither throw nor run out of stack.
  return complaint === undefined ? ok(JSON.parse(text) as Json) : malformed(complaint);
}

/** The decoder puts U+FFFD where bytes are wrong; a client may also have sent U+FFFD. Encoding again tells them apart. */
function firstByteThatIsNotUtf8(bytes: Uint8Array, text: string): number | undefined {
  if (!text.includes("\ufffd")) return undefined;
  const again = ENCODER.encode(text);
  const at = again.findIndex((byte, i) => byte !== bytes[i]);
  return at === -1 ? undefined : at;
}

type Wanted = "a value" | "a value or ]" | "a name or }" | "a name" | "a colon" | "a comma or the end" | "nothing more";

/** A pushdown automaton over the tokens, without recursion: a megabyte of `[` is refused at the 33rd. */
function complaintAbout(text: string): string | undefined {
  const scanner = createScanner(text, false);
  /** Open objects with the names seen so far; open arrays as null. */
  const open: (Set<string> | null)[] = [];
  let wanted: Wanted = "a value";
  const here = () => `line ${scanner.getTokenStartLine() + 1}, column ${scanner.getTokenStartCharacter() + 1}`;

  for (;;) {
    const token: number = scanner.scan();
    if (token === TRIVIA || token === LINE_BREAK) continue;
    if (scanner.getTokenError() !== 0)
      return `${token === NUMBER ? "a number" : "a string"} is not written as JSON asks at ${here()}`;
    if (token === EOF) {
      if (wanted === "nothing more") return undefined;
      return text === "" ? "it is empty" : `it ends at ${here()}, expected ${wanted}`;
    }
    const top = open.at(-1);
    const wantsValue = wanted === "a value" || wanted === "a value or ]";
    const wantsName = wanted === "a name" || wanted === "a name or }";

    if (wantsValue && (token === OPEN_BRACE || token === OPEN_BRACKET)) {
      if (open.length === MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} deep at ${here()}`;
      open.push(token === OPEN_BRACE ? new Set() : null);
      wanted = token === OPEN_BRACE ? "a name or }" : "a value or ]";
    } else if (wantsName && token === STRING && top) {
      const name = scanner.getTokenValue();
      if (top.has(name)) return `member ${quote(name)} appears twice in one object, again at ${here()}`;
      top.add(name);
      wanted = "a colon";
    } else if (wanted === "a colon" && token === COLON) {
      wanted = "a value";
    } else if (wantsValue && token >= NULL && token <= NUMBER) {
      const wrong = token === NUMBER ? complaintAboutNumber(scanner.getTokenValue()) : undefined;
      if (wrong !== undefined) return `${wrong} at ${here()}`;
      wanted = open.length === 0 ? "nothing more" : "a comma or the end";
    } else if (wanted === "a comma or the end" && token === COMMA) {
      wanted = top ? "a name" : "a value";
    } else if (closes(token, top, wanted)) {
      open.pop();
      wanted = open.length === 0 ? "nothing more" : "a comma or the end";
    } else {
      return `found ${quote(text.slice(scanner.getTokenOffset(), scanner.getPosition()))} at ${here()}, expected ${wanted}`;
    }
  }
}

function closes(token: number, top: Set<string> | null | undefined, wanted: Wanted): boolean {
  if (token === CLOSE_BRACE) return top instanceof Set && (wanted === "a comma or the end" || wanted === "a name or }");
  if (token === CLOSE_BRACKET) return top === null && (wanted === "a comma or the end" || wanted === "a value or ]");
  return false;
}

/** Fractions are rounded as everywhere; an integer must come back as it was sent, so that what we answer can also be sent again. */
function complaintAboutNumber(text: string): string | undefined {
  const n = Number(text);
  if (!Number.isFinite(n)) return `number ${quote(text)} is too large for a double`;
  if (Number.isSafeInteger(n) || !WHOLE.test(text) || String(n) === text || BigInt(n) === BigInt(text))
    return undefined;
  return `integer ${quote(text)} cannot be kept exactly (send it as a string)`;
}
