// Cuts a file that streams by into chunks of whole lines, without holding any of it: what the bytes of one part tell is enough.
/** Where a chunk begins, its bytes, its first physical line, how many lines. */
export type Chunk = readonly [starts: number, bytes: number, firstLine: number, lines: number];

export const CHUNK_LINES = 100;
/** A line that is longer is a chunk of its own, and not read. */
export const CHUNK_BYTES = 1024 * 1024;

const LF = 10;

export interface ChunkCutter {
  add(bytes: Uint8Array): void;
  /** The rest counts as a line, if there is one. */
  end(): readonly Chunk[];
  /** Lines with something in them, so far. */
  received(): number;
  /** Chunks so far. */
  count(): number;
}

export function chunkCutter(): ChunkCutter {
  const chunks: Chunk[] = [];
  /** Of the open chunk. */
  let starts = 0;
  let firstLine = 1;
  let lines = 0;
  let held = 0;
  /** Where the open line begins, and whether anything but blanks is in it. */
  let lineStarts = 0;
  let isBlank = true;
  let at = 0;
  let received = 0;

  function close(ends: number): void {
    if (lines > 0) chunks.push([starts, ends - starts, firstLine, lines]);
    firstLine += lines;
    starts = ends;
    lines = 0;
    held = 0;
  }

  /** The open line ends before `ends`, its line break included. */
  function endLine(ends: number): void {
    if (ends - starts > CHUNK_BYTES && lines > 0) close(lineStarts);
    const isLine = !isBlank || ends - lineStarts > CHUNK_BYTES;
    if (isLine) received += 1;
    // Blank lines may be millions: they make chunks longer, not more.
    if (isLine) held += 1;
    lines += 1;
    lineStarts = ends;
    isBlank = true;
    if (ends - starts > CHUNK_BYTES || held === CHUNK_LINES) close(ends);
  }

  return {
    add(bytes) {
      for (let from = 0; from < bytes.length; ) {
        const found = bytes.indexOf(LF, from);
        const to = found === -1 ? bytes.length : found;
        if (isBlank) isBlank = isBlankBetween(bytes, from, to);
        if (found === -1) break;
        endLine(at + found + 1);
        from = found + 1;
      }
      at += bytes.length;
    },
    end() {
      if (lineStarts < at) endLine(at);
      close(at);
      return chunks;
    },
    received: () => received,
    count: () => chunks.length,
  };
}

/** Only what JSON takes for white space. */
function isBlankBetween(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i += 1) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false;
  }
  return true;
}

export interface Line {
  readonly bytes: Uint8Array;
  /** Physical line, from 1. */
  readonly number: number;
}

/** The lines of a chunk that have something in them. */
export function linesOf(bytes: Uint8Array, firstLine: number): readonly Line[] {
  const lines: Line[] = [];
  let number = firstLine;
  for (let from = 0; from < bytes.length; number += 1) {
    const found = bytes.indexOf(LF, from);
    const to = found === -1 ? bytes.length : found;
    if (!isBlankBetween(bytes, from, to)) lines.push({ bytes: bytes.subarray(from, to), number });
    from = to + 1;
  }
  return lines;
}
