// A client of server-sent events that reads what comes and remembers where it was, as the HTML standard has it.
import type { Json } from "./client.ts";
import { stackHere } from "./here.ts";

export interface SentEvent {
  readonly event: string;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events whose shape they assert
  readonly data: any;
}

export interface EventStream {
  readonly status: number;
  readonly headers: Headers;
  /** What a client comes back with. */
  lastEventId(): string;
  /** The next event; undefined when the stream has ended. Comments and fields without data are not told, as in browsers. */
  next(): Promise<SentEvent | undefined>;
  /** Everything that was received, as it came. */
  text(): string;
  /** Reads until `text` shows it, or the stream ends. */
  until(shown: (text: string) => boolean): Promise<void>;
  leave(): Promise<void>;
  /** Reads what is left, unless it was left. */
  ended(): Promise<void>;
}

export interface Following {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly origin?: string;
}

export async function openEvents(path: string, { key, headers, origin }: Following = {}): Promise<EventStream> {
  const aborter = new AbortController();
  const response = await fetch(`${origin ?? stackHere().origin}${path}`, {
    headers: {
      accept: "text/event-stream",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    signal: aborter.signal,
  });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  const waiting: SentEvent[] = [];
  let [all, rest, last, ended] = ["", "", "", false];

  async function read(): Promise<void> {
    const { value, done } = await reader.read();
    ended = done;
    const text = decoder.decode(value, { stream: !done });
    all += text;
    rest += text;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const fields = rest
        .slice(0, end)
        .split("\n")
        .filter((line) => !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()] as const);
      rest = rest.slice(end + 2);
      const field = (name: string) => fields.findLast(([each]) => each === name)?.[1];
      last = field("id") ?? last;
      const data = field("data");
      if (data !== undefined)
        waiting.push({ event: field("event") ?? "message", id: last, data: JSON.parse(data) as Json });
    }
  }

  return {
    status: response.status,
    headers: response.headers,
    lastEventId: () => last,
    text: () => all,
    async next() {
      while (waiting.length === 0 && !ended) await read();
      return waiting.shift();
    },
    async until(shown) {
      while (!shown(all) && !ended) await read();
    },
    async leave() {
      ended = true;
      aborter.abort();
      await reader.closed.catch(() => undefined);
    },
    async ended() {
      while (!ended) await read();
    },
  };
}
