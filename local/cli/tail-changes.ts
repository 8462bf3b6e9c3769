// What changes for readers, one JSON object a line, as it happens: server-sent events that go on where they were when a connection ends.
import { createParser } from "eventsource-parser";
import { EXIT, Failure } from "./failure.ts";
import { type Interrupts, within } from "./interrupts.ts";
import { bytesOf } from "./response-lines.ts";
import { reasonOf, type Server } from "./server.ts";

export interface TailOptions {
  /** A position; absent: what comes from now on. */
  readonly after: number | undefined;
  readonly type: string | undefined;
  /** So many changes, and then the end. */
  readonly limit: number | undefined;
}

interface Tail {
  readonly server: Server;
  readonly path: string;
  readonly interrupts: Interrupts;
  readonly say: (line: string) => void;
  /** What a client comes back with. */
  last: string | undefined;
  retryMs: number;
  left: number;
}

/** A comment comes every 15 seconds: whoever hears nothing for this long is not connected any more. */
const SILENCE_MS = 45_000;
const HEAD_MS = 30_000;
const RETRY_MS = 1_000;

/** Answers an exit code. Ends with Ctrl-C, or after `limit` changes. */
export async function tailChanges(
  server: Server,
  { after, type, limit }: TailOptions,
  interrupts: Interrupts,
  say: (line: string) => void,
): Promise<number> {
  const query = new URLSearchParams();
  if (after !== undefined) query.set("after", String(after));
  if (type !== undefined) query.set("type", type);
  const left = limit ?? Number.POSITIVE_INFINITY;
  const tail: Tail = { server, path: `changes?${query}`, interrupts, say, last: undefined, retryMs: RETRY_MS, left };
  try {
    while (tail.left > 0) {
      await follow(tail);
      if (tail.left > 0 && (await within(tail.retryMs, interrupts.once))) break;
    }
  } catch (error) {
    // Ctrl-C is how it is meant to end.
    if (!interrupts.once.aborted) throw error;
  }
  const at = tail.last ?? after;
  if (at !== undefined) say(`Until position ${at}; "tail --after ${at}" goes on from there`);
  return EXIT.done;
}

/** One connection, to its end. */
async function follow(tail: Tail): Promise<void> {
  const { server, path, interrupts, say } = tail;
  const gone = new AbortController();
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = setTimeout(() => gone.abort(), SILENCE_MS);
  };
  const answer = await server.ask(path, {
    headers: { Accept: "text/event-stream", ...(tail.last === undefined ? {} : { "Last-Event-ID": tail.last }) },
    signal: interrupts.once,
    headMs: HEAD_MS,
    // It stays until somebody ends it.
    patienceMs: Number.POSITIVE_INFINITY,
    onWait: (why) => say(`${why}; trying again`),
  });
  const type = answer.headers.get("content-type") ?? "";
  if (!type.startsWith("text/event-stream"))
    throw new Failure(EXIT.unreachable, `${server.connection.url} answered ${type}, and not events`);
  const waiting: { readonly id: string | undefined; readonly data?: string }[] = [];
  const parser = createParser({
    // Also without an event: the position to come back to.
    onId: (id) => waiting.push({ id }),
    onEvent: ({ id, data }) => waiting.push({ id, data }),
    onRetry: (ms) => {
      tail.retryMs = ms;
    },
  });
  const decoder = new TextDecoder();
  heard();
  try {
    for await (const chunk of until(bytesOf(answer), gone.signal)) {
      heard();
      parser.feed(decoder.decode(chunk, { stream: true }));
      for (const { id, data } of waiting.splice(0)) {
        if (data !== undefined) {
          await print(data);
          tail.left -= 1;
        }
        tail.last = id ?? tail.last;
        if (tail.left <= 0) return;
      }
    }
  } catch (error) {
    const isPipe = (error as NodeJS.ErrnoException).code === "EPIPE";
    if (interrupts.once.aborted || isPipe || error instanceof Failure) throw error;
    say(`The connection broke (${reasonOf(error)}); going on after position ${tail.last ?? "unknown"}`);
  } finally {
    clearTimeout(silence);
  }
}

/** Leaving the loop, however, closes the connection. */
async function* until(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const silent = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error(`nothing came for ${SILENCE_MS / 1000} s`)));
  });
  silent.catch(() => undefined);
  const iterator = chunks[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), silent]);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    void iterator.return?.().catch(() => undefined);
  }
}

/** Waits while whoever reads it is slower than the changes. */
function print(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()));
  });
}
