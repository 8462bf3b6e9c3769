// Everything that is published, or every draft, into a file or to stdout; never into a file that looks whole and is not.
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { EXIT, Failure, fileFailure } from "./failure.ts";
import type { Interrupts } from "./interrupts.ts";
import { lines, type Progress, showProgress } from "./progress.ts";
import { bytesOf } from "./response-lines.ts";
import { reasonOf, type Server } from "./server.ts";

export interface ExportOptions {
  /** Absent: stdout. */
  readonly path: string | undefined;
  readonly type: string | undefined;
  readonly perspective: string | undefined;
}

const NEWLINE = 0x0a;

/** Answers an exit code. */
export async function exportEntries(
  server: Server,
  { path, type, perspective }: ExportOptions,
  interrupts: Interrupts,
  say: (line: string) => void,
): Promise<number> {
  const query = new URLSearchParams();
  if (type !== undefined) query.set("type", type);
  if (perspective !== undefined) query.set("perspective", perspective);
  const answer = await server.ask(`export?${query}`, { signal: interrupts.once });
  const promised = readNumber(answer.headers.get("meridian-lines"));
  const position = answer.headers.get("meridian-position");
  // Two exports at once into one file do not meet in one partial file.
  const partial = path === undefined ? undefined : `${path}.${process.pid}.partial`;
  // A bar would run through what stdout shows on the same terminal.
  const isShown = path !== undefined && promised !== undefined;
  const progress = isShown ? showProgress({ what: "export", total: promised, show: lines }) : undefined;
  const count = countLines(progress);
  try {
    const out: Writable = partial === undefined ? stdout() : createWriteStream(partial);
    await pipeline(bytesOf(answer), count.stream, out);
    if (promised !== undefined && count.lines() !== promised)
      throw new Failure(EXIT.unfinished, `${count.lines()} of ${lines(promised)} came: the export is not whole`);
    if (partial !== undefined && path !== undefined) await rename(partial, path);
  } catch (error) {
    if (partial !== undefined) await rm(partial, { force: true });
    throw failureOf(error, path, interrupts, count.lines());
  } finally {
    progress?.end();
  }
  const goOn = perspective === "draft" ? "" : `; "tail --after ${position}" goes on from there`;
  say(
    `${lines(count.lines())} of ${server.connection.space} at position ${position}${path === undefined ? "" : ` in ${path}`}${goOn}`,
  );
  return EXIT.done;
}

function failureOf(error: unknown, path: string | undefined, { once }: Interrupts, got: number): unknown {
  if (error instanceof Failure) return error;
  const left = path === undefined ? "" : `; ${path} is as it was`;
  if (once.aborted) return new Failure(EXIT.interrupted, `Interrupted after ${lines(got)}${left}`, { cause: error });
  const about = path === undefined ? error : fileFailure(path, error);
  if (about instanceof Failure) return about;
  // The reader of our stdout has had enough, as `head` has.
  if ((error as NodeJS.ErrnoException).code === "EPIPE") return error;
  return new Failure(EXIT.unfinished, `The export broke off after ${lines(got)}: ${reasonOf(error)}${left}`, {
    cause: error,
  });
}

/** Stays open: others may have something to say at the end. */
function stdout(): Writable {
  return new Transform({
    transform(chunk: Buffer, _, done) {
      if (process.stdout.write(chunk)) done();
      else process.stdout.once("drain", done);
    },
  });
}

function countLines(progress: Progress | undefined): { readonly stream: Transform; lines(): number } {
  let found = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) found += 1;
      progress?.at(found);
      done(null, chunk);
    },
  });
  return { stream, lines: () => found };
}

const readNumber = (text: string | null): number | undefined => (text === null ? undefined : Number(text));
