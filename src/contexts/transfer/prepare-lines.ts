// Lines of a chunk → what a commit can be made of: read and judged in slices, so that whoever shares the thread waits for no more than one.
import type { Fault } from "../../kernel/fault.ts";
import type { Result } from "../../kernel/result.ts";
import { type ImportedLine, type JudgedLine, judgeLine, type LineRules } from "../authoring/authoring.ts";
import type { Line } from "./cut-chunks.ts";
import type { ReadLine } from "./ports.ts";

export interface LineError {
  readonly line: number;
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface GoodLine extends JudgedLine {
  readonly number: number;
  readonly line: ImportedLine;
}

export interface Prepared {
  readonly good: readonly GoodLine[];
  readonly bad: readonly LineError[];
  /** Lines that are in neither: each bad one once. */
  readonly failed: number;
  /** How many lines were taken. */
  readonly taken: number;
}

/** What one commit takes besides its number of lines: it holds the space's lock, and one call carries it. */
const COMMIT_BYTES = 256 * 1024;
const COMMIT_VALUES = 4_000;
/** What is read and judged in one go. */
const SLICE_BYTES = 16 * 1024;
const ERRORS_A_LINE = 10;
const TEXT_MOST = 500;

/** `most`: lines. Takes at least one. Ends before a line that names what another of them names: the commit could not tell them apart. */
export async function prepareLines(
  lines: readonly Line[],
  most: number,
  rules: LineRules,
  { readLine, rest }: { readonly readLine: ReadLine; rest(): Promise<void> },
): Promise<Prepared> {
  const good: GoodLine[] = [];
  const bad: LineError[] = [];
  const names = new Set<string>();
  let failed = 0;
  let taken = 0;
  let bytes = 0;
  let values = 0;
  let slice = 0;
  const rested = async (size: number): Promise<void> => {
    slice += size;
    if (slice < SLICE_BYTES) return;
    slice = 0;
    await rest();
  };
  for (const line of lines.slice(0, most)) {
    await rested(line.bytes.length);
    if (taken > 0 && bytes + line.bytes.length > COMMIT_BYTES) break;
    const read = readLine(line.bytes);
    await rested(line.bytes.length);
    const judged: Result<GoodLine> = read.ok ? judgedLine(line.number, read.value, rules) : read;
    if (!judged.ok) {
      failed += 1;
      taken += 1;
      bad.push(...errorsOf(line.number, judged.fault));
      continue;
    }
    const { value } = judged;
    const named = namesOf(value.line);
    values += value.references.length;
    if (good.length > 0 && (named.some((name) => names.has(name)) || values > COMMIT_VALUES)) break;
    for (const name of named) names.add(name);
    bytes += line.bytes.length;
    taken += 1;
    good.push(value);
  }
  return { good, bad, failed, taken };
}

function judgedLine(number: number, line: ImportedLine, rules: LineRules): Result<GoodLine> {
  const judged = judgeLine(line, rules);
  return judged.ok ? { ok: true, value: { ...judged.value, number, line } } : judged;
}

/** An id is one entry's in the space, whatever its type; a slug, and a slug that is another's id, within the type. */
function namesOf({ id, type, slug }: ImportedLine): readonly string[] {
  return [id, `${type}/${id}`, ...(slug === null || slug === id ? [] : [`${type}/${slug}`])];
}

export function errorsOf(line: number, { code, detail, errors = [] }: Fault): readonly LineError[] {
  const items = errors.slice(0, ERRORS_A_LINE);
  if (items.length === 0) return [{ line, pointer: "", code, detail: clip(detail) }];
  return items.map((item) => ({
    line,
    pointer: clip(item.pointer ?? ""),
    code: item.code,
    detail: clip(item.detail),
  }));
}

/** What a hostile line is quoted with is kept in jsonb, which holds neither U+0000 nor half a surrogate pair. */
function clip(text: string): string {
  const clipped = text.length > TEXT_MOST ? `${text.slice(0, TEXT_MOST - 1)}…` : text;
  return clipped.replaceAll("\u0000", "\ufffd").toWellFormed();
}
