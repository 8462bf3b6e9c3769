// A load generator in a process of its own: keep-alive connections over plain sockets, each with one request under way.
import { connect } from "node:net";
import { pathToFileURL } from "node:url";

export interface Load {
  readonly port: number;
  /** Asked in turn, over and over, or once each when there is no time. */
  readonly paths: readonly string[];
  readonly connections: number;
  /** Absent: until each path was asked once. */
  readonly seconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What every answer must be. Default 200. */
  readonly status?: number;
}

export interface Measured {
  readonly requests: number;
  /** Answers with another status: a measurement that has any is worth nothing. */
  readonly failures: number;
  readonly perSecond: number;
  /** Of one response, head included. */
  readonly bytes: number;
}

interface Sum {
  requests: number;
  failures: number;
  bytes: number;
}

/** Requests that end within the time count; those under way at its end do not. */
export async function measure(load: Load): Promise<Measured> {
  const { port, paths, connections, seconds, headers = {}, status = 200 } = load;
  const sum: Sum = { requests: 0, failures: 0, bytes: 0 };
  const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const texts = paths.map((path) => `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  const started = performance.now();
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : started + seconds * 1000;
  let asked = 0;
  const next = (): string | undefined => {
    if (performance.now() >= end || (seconds === undefined && asked >= texts.length)) return undefined;
    asked += 1;
    return texts[(asked - 1) % texts.length];
  };
  const count = Math.min(connections, seconds === undefined ? texts.length : connections);
  await Promise.all(Array.from({ length: count }, () => converse(port, next, `HTTP/1.1 ${status}`, sum)));
  const took = (performance.now() - started) / 1000;
  return {
    requests: sum.requests,
    failures: sum.failures,
    perSecond: sum.requests / took,
    bytes: Math.round(sum.bytes / Math.max(1, sum.requests)),
  };
}

function converse(port: number, next: () => string | undefined, wanted: string, sum: Sum): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let pending = "";
    let expected = -1;
    const ask = (): void => {
      const text = next();
      if (text !== undefined) {
        socket.write(text);
        return;
      }
      socket.destroy();
      resolve();
    };
    socket.setEncoding("latin1");
    socket.on("connect", ask);
    socket.on("error", reject);
    socket.on("data", (text: string) => {
      pending += text;
      if (expected < 0) {
        const head = pending.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = bodyLength(pending.slice(0, head));
        if (length === undefined)
          return reject(new Error(`A response without Content-Length: ${pending.slice(0, head)}`));
        expected = head + 4 + length;
      }
      if (pending.length < expected) return;
      sum.requests += 1;
      sum.bytes += expected;
      if (!pending.startsWith(wanted)) sum.failures += 1;
      pending = "";
      expected = -1;
      ask();
    });
  });
}

/** A 304 has no body, whatever its Content-Length says. */
function bodyLength(head: string): number | undefined {
  if (head.startsWith("HTTP/1.1 304")) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  return length === undefined ? undefined : Number(length);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.on("message", (load: Load) => {
    void measure(load).then(
      (measured) => process.send?.(measured),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}
