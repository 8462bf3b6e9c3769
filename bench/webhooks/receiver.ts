// Receivers of webhooks in this process, by path. Each message is noted when its request has come; some never answer.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Message {
  readonly path: string;
  /** Date.now() when its body had come. */
  readonly at: number;
  readonly position: number;
  readonly id: string;
  readonly version: number;
}

export interface Receiver {
  url(path: string): string;
  /** What is done before the answer. */
  before(path: string, work: (message: Message) => Promise<void>): void;
  hangs(path: string): void;
  /** In the order in which they came; attempts count by themselves. */
  readonly messages: Message[];
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const messages: Message[] = [];
  const works = new Map<string, (message: Message) => Promise<void>>();
  const silent = new Set<string>();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => void answer(request.url ?? "/", Buffer.concat(chunks).toString(), response));
  });
  const answer = async (path: string, text: string, response: ServerResponse): Promise<void> => {
    const { position, data } = JSON.parse(text) as {
      position: number;
      data: { entry: { id: string; version: number } };
    };
    const message = { path, at: Date.now(), position, id: data.entry.id, version: data.entry.version };
    messages.push(message);
    if (silent.has(path)) return;
    await works.get(path)?.(message);
    response.writeHead(204).end();
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    before: (path, work) => void works.set(path, work),
    hangs: (path) => void silent.add(path),
    messages,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
