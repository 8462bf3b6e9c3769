// A load generator in a process of its own: keep-alive connections over plain sockets, each with one request under way.
import { connect } from "node:net";
import { pathToFileURL } from "node:url";

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface Measured {
  readonly requests: number;
  /** Answers other than 200: a measurement that has any is worth nothing. */
  readonly failures: number;
  readonly perSecond: number;
  /** Of one response, head included. */
  readonly bytes: number;
}

/** Requests that end within the time count; those under way at its end do not. */
export async function measure({ port, path, connections, seconds }: Load): Promise<Measured> {
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`;
  const sum = { requests: 0, failures: 0, bytes: 0 };
  const started = performance.now();
  const end = started + seconds * 1000;
  await Promise.all(Array.from({ length: connections }, () => converse(port, request, end, sum)));
  const took = (performance.now() - started) / 1000;
  return {
    requests: sum.requests,
    failures: sum.failures,
    perSecond: sum.requests / took,
    bytes: Math.round(sum.bytes / Math.max(1, sum.requests)),
  };
}

function converse(
  port: number,
  request: string,
  end: number,
  sum: { requests: number; failures: number; bytes: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let pending = "";
    let expected = -1;
    socket.setEncoding("latin1");
    socket.on("connect", () => socket.write(request));
    socket.on("error", reject);
    socket.on("data", (text: string) => {
      pending += text;
      if (expected < 0) {
        const head = pending.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = /\r\ncontent-length: *(\d+)/i.exec(pending.slice(0, head))?.[1];
        if (length === undefined)
          return reject(new Error(`A response without Content-Length: ${pending.slice(0, head)}`));
        expected = head + 4 + Number(length);
      }
      if (pending.length < expected) return;
      sum.requests += 1;
      sum.bytes += expected;
      if (!pending.startsWith("HTTP/1.1 200")) sum.failures += 1;
      pending = "";
      expected = -1;
      if (performance.now() < end) return socket.write(request);
      socket.destroy();
      resolve();
    });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  process.on("message", (load: Load) => {
    void measure(load).then(
      (measured) => process.send?.(measured),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}
