// A file of lines in parts that one import takes: none is cut within a line, and each knows which lines it has.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { EXIT, Failure, fileFailure } from "./failure.ts";

/** Bytes of a file from `start` up to `end`, exclusively. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** Lines before it. */
  readonly before: number;
  readonly lines: number;
}

const NEWLINE = 0x0a;
const READ_BYTES = 1024 * 1024;

/** What one import takes. */
export interface Most {
  readonly bytes: number;
  readonly lines: number;
}

export async function splitFile(path: string, most: Most, signal: AbortSignal): Promise<readonly Part[]> {
  const parts: Part[] = [];
  let [start, before, lineStart, lines, at] = [0, 0, 0, 0, 0];
  const close = (end: number): void => {
    if (end > start) parts.push({ start, end, before, lines: lines - before });
    [start, before] = [end, lines];
  };
  /** A line ends before `end`: it still belongs to this part, or begins the next one. */
  const take = (end: number): void => {
    if (end - lineStart > most.bytes)
      throw new Failure(EXIT.usage, `${path}: line ${lines + 1} alone has more than ${most.bytes} bytes`);
    if (end - start > most.bytes || lines - before === most.lines) close(lineStart);
    lines += 1;
    lineStart = end;
  };
  for await (const chunk of readBytes(path, 0, Number.POSITIVE_INFINITY, signal)) {
    for (let found = chunk.indexOf(NEWLINE); found >= 0; found = chunk.indexOf(NEWLINE, found + 1))
      take(at + found + 1);
    at += chunk.length;
  }
  if (at > lineStart) take(at);
  close(at);
  return parts;
}

export async function hashOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of body) hash.update(chunk);
  return hash.digest("hex");
}

export async function* readBytes(
  path: string,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of createReadStream(path, { start, end: end - 1, highWaterMark: READ_BYTES, signal }))
      yield chunk as Buffer;
  } catch (error) {
    if (signal.aborted) throw new Failure(EXIT.interrupted, "Interrupted", { cause: error });
    throw fileFailure(path, error);
  }
}

/** The lines with these numbers, from 1, each with its end of line, in order. */
export async function pickLines(
  path: string,
  wanted: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<readonly Buffer[]> {
  const picked: Buffer[] = [];
  let number = 1;
  let pieces: Buffer[] = [];
  const keep = (piece: Buffer): void => {
    if (wanted.has(number)) pieces.push(piece);
  };
  const finish = (): void => {
    if (wanted.has(number)) picked.push(Buffer.concat([...pieces, Buffer.from("\n")]));
    pieces = [];
    number += 1;
  };
  for await (const chunk of readBytes(path, 0, Number.POSITIVE_INFINITY, signal)) {
    let from = 0;
    for (let found = chunk.indexOf(NEWLINE); found >= 0; found = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, found));
      finish();
      from = found + 1;
    }
    // The stream uses its memory again.
    keep(Buffer.from(chunk.subarray(from)));
  }
  if (pieces.length > 0) finish();
  return picked;
}

/** Also by another name of it. */
export async function isSameFile(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino;
}
