// `pattern` without catastrophes: compiled and run by RE2, in time linear in the text, never by the platform's own engine.
import { RE2JS } from "re2js";

/** Instructions of a compiled pattern: each can cost a step for every character. */
const MAX_PROGRAM = 2_500;
const MAX_LENGTH = 1_000;

export interface Pattern {
  test(text: string): boolean;
  /** Steps that a text of this length can take at worst. */
  costOf(length: number): number;
}

/**
 * How many steps it compiles to, and why it is not accepted, in words. Accepted is what ECMA-262 (with the u flag, as JSON Schema asks) and
 * RE2 both understand.
 */
export function measurePattern(source: string): { readonly steps: number; readonly why?: string } {
  if (source.length > MAX_LENGTH) return { steps: 0, why: `it is longer than ${MAX_LENGTH} characters` };
  // RE2's translator would read \k as the letter k.
  if (hasBackReference(source)) return { steps: 0, why: "back-references cannot be run in linear time" };
  try {
    new RegExp(source, "u");
    const steps = compileRe2(source).programSize();
    if (steps <= MAX_PROGRAM) return { steps };
    return { steps, why: `its repetitions are too large (${steps} steps, at most ${MAX_PROGRAM})` };
  } catch (error) {
    return { steps: 0, why: reasonOf(error) };
  }
}

/** Of a source that was accepted. */
export function compilePattern(source: string): Pattern {
  const program = compileRe2(source);
  const size = program.programSize();
  return { test: (text) => program.test(text), costOf: (length) => Math.ceil((length * size) / 16) };
}

function compileRe2(source: string): RE2JS {
  return RE2JS.compile(RE2JS.translateRegExp(source));
}

function hasBackReference(source: string): boolean {
  for (let i = 0; i < source.length; i += 1) {
    if (source[i] !== "\\") continue;
    i += 1;
    if (/[1-9k]/.test(source[i] ?? "")) return true;
  }
  return false;
}

/** Both engines name the construct, and nothing else. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : "it is not a regular expression";
  if (/: `\(\?<?[=!]/.test(message)) return "look-around cannot be run in linear time";
  return message.replace(/^error parsing regexp: /, "").replace(/^Invalid regular expression: \/.*\/u: /s, "");
}
