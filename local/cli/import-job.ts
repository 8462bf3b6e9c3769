// One import at the server: sent under the hash of its bytes, so that sending it again finds the same job; watched to its end; cancelled.
import { EXIT, Failure } from "./failure.ts";
import { type Interrupts, within } from "./interrupts.ts";
import type { Server } from "./server.ts";
import { hashOf } from "./split-file.ts";

export interface Counts {
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly failed: number;
}

export interface Job extends Counts {
  readonly id: string;
  readonly status: "queued" | "running" | "completed" | "cancelled" | "failed";
  readonly createdAt: string;
  readonly finishedAt: string | null;
  readonly received: number;
  readonly position: number | null;
  readonly error?: { readonly detail?: string } | string | null;
}

export interface Upload {
  readonly bytes: number;
  readonly mode: string;
  open(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Of the bytes, so far; starts anew when it has to be sent again. */
  onSent(bytes: number): void;
  onWait(why: string): void;
}

export interface Sent {
  readonly job: Job;
  /** It was there before this command was given, and is finished. */
  readonly isOld: boolean;
}

const POLL_MS = { first: 150, most: 2_000 };
const ANSWER_MS = 30_000;
/** Of the same bytes whose import was cancelled, or failed as a whole, within a day. */
const TRIES = 20;
/** How long a second Ctrl-C is waited for. */
const SECOND_THOUGHT_MS = 2_000;

/** `again`: as another import, even if the same bytes were imported before. */
export async function sendImport(
  server: Server,
  upload: Upload,
  again: string | undefined,
  signal: AbortSignal,
): Promise<Sent> {
  const hash = await hashOf(upload.open(signal));
  for (let tried = 0; tried < TRIES; tried += 1) {
    const key = ["import", upload.mode, hash, ...(again === undefined ? [tried] : [tried, again])].join("-");
    const answer = await server.ask(`imports?mode=${upload.mode}`, {
      method: "POST",
      headers: { "Content-Type": "application/x-ndjson", "Idempotency-Key": key },
      body: { bytes: upload.bytes, open: () => counted(upload.open(signal), upload.onSent) },
      signal,
      onWait: upload.onWait,
    });
    const begun = (await answer.json()) as Job;
    if (answer.headers.get("idempotency-replayed") !== "true") return { job: begun, isOld: false };
    const job = await readJob(server, begun.id, signal, upload.onWait);
    // Whoever gives the command again after that wants it imported.
    if (job.status !== "cancelled" && job.status !== "failed") return { job, isOld: job.status === "completed" };
  }
  throw new Failure(EXIT.unfinished, `This was tried ${TRIES} times within a day and cancelled or failed each time`);
}

async function readJob(server: Server, id: string, signal: AbortSignal, onWait: (why: string) => void): Promise<Job> {
  const answer = await server.ask(`imports/${encodeURIComponent(id)}`, { signal, headMs: ANSWER_MS, onWait });
  return (await answer.json()) as Job;
}

export async function cancelImport(server: Server, id: string, signal: AbortSignal): Promise<Job> {
  const path = `imports/${encodeURIComponent(id)}/cancel`;
  const answer = await server.ask(path, { method: "POST", signal, headMs: ANSWER_MS });
  return (await answer.json()) as Job;
}

export interface Watching {
  readonly interrupts: Interrupts;
  onProgress(job: Job): void;
  say(line: string): void;
}

/** Its end. A first Ctrl-C leaves, and the import goes on without us; a second one cancels it. */
export async function watchImport(server: Server, begun: Job, watching: Watching): Promise<Job> {
  const { interrupts, onProgress, say } = watching;
  const { id } = begun;
  let job = begun;
  for (let wait = POLL_MS.first; !isFinished(job); wait = Math.min(wait * 1.5, POLL_MS.most)) {
    onProgress(job);
    if (await within(wait, interrupts.once)) {
      say("The import goes on at the server, and the same command shows it again. Ctrl-C once more cancels it.");
      if (!(await within(SECOND_THOUGHT_MS, interrupts.twice)))
        throw new Failure(EXIT.interrupted, `Left import ${id} behind; "import --cancel ${id}" would cancel it`);
      throw await cancelled(server, id, say);
    }
    try {
      job = await readJob(server, id, interrupts.twice, (why) => say(`${why}; trying again`));
    } catch (error) {
      // Both came while we were asking.
      throw interrupts.twice.aborted ? await cancelled(server, id, say) : error;
    }
  }
  onProgress(job);
  return job;
}

async function cancelled(server: Server, id: string, say: (line: string) => void): Promise<Failure> {
  say(`Cancelling import ${id}`);
  const { status } = await cancelImport(server, id, new AbortController().signal);
  return new Failure(EXIT.interrupted, `Import ${id} is ${status}; what it has written stays`);
}

export const isFinished = ({ status }: Job): boolean => status !== "queued" && status !== "running";

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onSent: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  let sent = 0;
  onSent(sent);
  for await (const chunk of chunks) {
    yield chunk;
    sent += chunk.length;
    onSent(sent);
  }
}
