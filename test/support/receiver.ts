// A receiver of webhooks that a test tells how to behave, and what it was sent.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly path: string;
  readonly at: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages whose shape they assert
  readonly body: any;
}

/** A status with headers, or whatever else a receiver may do to its sender. */
export type Behaviour =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | ((request: IncomingMessage, response: ServerResponse, received: Received) => void | Promise<void>);

export interface Receiver {
  url(path: string): string;
  /** By path; `{status: 200}` when nothing was said. */
  behave(path: string, behaviour: Behaviour): void;
  /** Of every path of which nothing was said. */
  otherwise(behaviour: Behaviour): void;
  /** In the order in which they came. */
  got(path: string): readonly Received[];
  close(): Promise<void>;
}

export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const behaviours = new Map<string, Behaviour>();
  let otherwise: Behaviour = { status: 200 };
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const path = request.url ?? "/";
      const one: Received = {
        path,
        at: Date.now(),
        headers: request.headers as Record<string, string>,
        text,
        body: text === "" ? undefined : JSON.parse(text),
      };
      received.push(one);
      const behaviour = behaviours.get(path) ?? otherwise;
      if (typeof behaviour === "function") await behaviour(request, response, one);
      else {
        response.writeHead(behaviour.status, behaviour.headers);
        response.end(behaviour.body ?? "");
      }
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (path) => `http://127.0.0.1:${port}${path}`,
    behave: (path, behaviour) => void behaviours.set(path, behaviour),
    otherwise: (behaviour) => {
      otherwise = behaviour;
    },
    got: (path) => received.filter((one) => one.path === path),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
