// A file of entries, imported: in parts that one import takes, one after the other, each gone on with wherever an earlier command left it.
import { EXIT, Failure } from "./failure.ts";
import { type ErrorSink, openErrors, readErrors } from "./import-errors.ts";
import { type Counts, type Job, sendImport, type Upload, watchImport } from "./import-job.ts";
import type { Interrupts } from "./interrupts.ts";
import { lines, megabytes, showProgress } from "./progress.ts";
import type { Server } from "./server.ts";
import { isSameFile, type Most, type Part, pickLines, readBytes, splitFile } from "./split-file.ts";

export interface ImportOptions {
  readonly path: string;
  readonly mode: string;
  readonly errors: string | undefined;
  /** Import bytes that were imported before. */
  readonly again: boolean;
  /** Of one import. */
  readonly most: Most;
}

type Say = (line: string) => void;

/** One import of the server: bytes, and which lines of the file they are. */
interface Piece {
  readonly bytes: number;
  readonly lines: number;
  readonly mode: string;
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  lineOf(line: number): number;
  /** Its lines that refer to what a later part brings are tried once more when all are there. */
  readonly isTriedAgain: boolean;
}

interface Run {
  readonly server: Server;
  readonly options: ImportOptions;
  readonly interrupts: Interrupts;
  readonly say: Say;
  readonly errors: ErrorSink;
  readonly again: string | undefined;
  readonly sum: { -readonly [count in keyof Counts]: number } & { position: number };
  /** Lines that got through while we watched: whatever came before is not this command's pace. */
  seen: number;
  /** Lines to try once more. */
  readonly late: Set<number>;
}

const ANSWER_MS = 30_000;

/** Answers an exit code. */
export async function importFile(
  server: Server,
  options: ImportOptions,
  interrupts: Interrupts,
  say: Say,
): Promise<number> {
  const { path, most } = options;
  const parts = await splitFile(path, most, interrupts.once);
  if (parts.length === 0) {
    say(`${path} is empty: nothing to import`);
    return EXIT.done;
  }
  // Before hundreds of megabytes travel: is this the right place, and the right key?
  await server.ask("imports?limit=1", { signal: interrupts.once, headMs: ANSWER_MS });
  if (options.errors !== undefined && (await isSameFile(path, options.errors)))
    throw new Failure(EXIT.usage, `--errors ${options.errors} is the file to import, which would be overwritten`);
  const errors = await openErrors(options.errors, say);
  const again = options.again ? crypto.randomUUID() : undefined;
  const sum = { processed: 0, created: 0, updated: 0, unchanged: 0, failed: 0, position: 0 };
  const run: Run = { server, options, interrupts, say, errors, again, sum, seen: 0, late: new Set() };
  const started = performance.now();
  for (const [at, part] of parts.entries())
    await importPiece(run, pieceOf(options, part, at < parts.length - 1), nameOf(at, parts.length));
  if (run.late.size > 0) await importLate(run);
  await errors.end();
  say(summaryOf(run, (performance.now() - started) / 1000));
  return sum.failed > 0 ? EXIT.linesFailed : EXIT.done;
}

async function importPiece(run: Run, piece: Piece, name: string): Promise<void> {
  const { server, interrupts, say, errors, sum, late } = run;
  const { job, isOld } = await send(run, piece, name);
  const place = `${server.connection.space} at ${server.connection.url}`;
  if (isOld)
    say(
      `${name}: was imported into ${place} by ${job.id} at ${job.finishedAt ?? job.createdAt}; --again imports it anew`,
    );
  else say(`${name}: import ${job.id} into ${place}`);
  const progress = showProgress({ what: name, total: job.received || piece.lines, show: lines });
  let end: Job;
  try {
    end = await watchImport(server, job, {
      interrupts,
      say: progress.say,
      onProgress({ received, processed }) {
        if (received > 0) progress.of(received);
        progress.at(processed);
      },
    });
  } finally {
    progress.end();
  }
  if (end.status !== "completed") throw new Failure(EXIT.unfinished, `Import ${end.id} ${whyEnded(end)}`);
  for (const count of ["processed", "created", "updated", "unchanged", "failed"] as const) sum[count] += end[count];
  run.seen += end.processed - job.processed;
  sum.position = Math.max(sum.position, end.position ?? 0);
  if (end.failed === 0) return;
  for await (const error of readErrors(server, end.id, piece.lineOf, interrupts.once)) {
    if (piece.isTriedAgain && error.code === "reference-missing") late.add(error.line);
    else await errors.add(error);
  }
}

/** What a line of an earlier part refers to may stand in a later one: as a draft it is there, and now it can be published. */
async function importLate(run: Run): Promise<void> {
  const { options, interrupts, sum, late } = run;
  const numbers = [...late].sort((one, other) => one - other);
  // They were counted as failed, and are counted anew.
  sum.processed -= numbers.length;
  sum.failed -= numbers.length;
  const picked = await pickLines(options.path, late, interrupts.once);
  for (let from = 0; from < picked.length; ) {
    let [to, bytes] = [from, 0];
    while (to < picked.length && (to === from || bytes + (picked[to]?.length ?? 0) <= options.most.bytes)) {
      bytes += picked[to]?.length ?? 0;
      to += 1;
    }
    const [chunk, first] = [Buffer.concat(picked.slice(from, to)), from];
    const piece: Piece = {
      bytes,
      lines: to - from,
      // Their drafts are there, and we have made them.
      mode: "upsert",
      async *open() {
        yield chunk;
      },
      lineOf: (line) => numbers[first + line - 1] ?? line,
      isTriedAgain: false,
    };
    await importPiece(run, piece, "references into later parts");
    from = to;
  }
}

async function send({ server, interrupts, again }: Run, piece: Piece, name: string) {
  const progress = showProgress({ what: `${name}, sending`, total: piece.bytes, show: megabytes });
  const upload: Upload = {
    bytes: piece.bytes,
    mode: piece.mode,
    open: piece.open,
    onSent: (bytes) => progress.at(bytes),
    onWait: (why) => progress.say(`${why}; trying again`),
  };
  try {
    return await sendImport(server, upload, again, interrupts.once);
  } catch (error) {
    if (!(error instanceof Failure) || error.exit !== EXIT.interrupted) throw error;
    throw new Failure(EXIT.interrupted, "Interrupted while sending; the same command goes on", { cause: error });
  } finally {
    progress.end();
  }
}

function pieceOf(
  { path, mode }: ImportOptions,
  { start, end, before, lines: count }: Part,
  isTriedAgain: boolean,
): Piece {
  return {
    bytes: end - start,
    lines: count,
    mode,
    open: (signal) => readBytes(path, start, end, signal),
    lineOf: (line) => before + line,
    isTriedAgain,
  };
}

const nameOf = (at: number, parts: number): string => (parts === 1 ? "import" : `part ${at + 1} of ${parts}`);

function whyEnded({ status, error, processed, received }: Job): string {
  if (status === "cancelled") return `was cancelled after ${processed} of ${lines(received)}`;
  const detail = typeof error === "string" ? error : error?.detail;
  return `failed after ${processed} of ${lines(received)}${detail === undefined ? "" : `: ${detail}`}`;
}

function summaryOf({ server, options, sum, seen }: Run, seconds: number): string {
  const { processed, created, updated, unchanged, failed, position } = sum;
  const rate = Math.round(seen / Math.max(seconds, 0.001));
  const where = failed > 0 && options.errors !== undefined ? ` (${options.errors})` : "";
  return `${lines(processed)} into ${server.connection.space}: ${created} created, ${updated} updated, ${unchanged} unchanged, ${failed} failed${where}; position ${position}; ${seconds.toFixed(1)} s, ${rate}/s`;
}
