// HTTP proxies that hold every request for half a round trip and every answer for the other half. What they do not hold: the round trips
// that opening a connection takes; Workers keep theirs open.
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type Listening, listen } from "../../local/listen.ts";

/** The round trip of a request in milliseconds, by its headers and body. */
export type Delay = (headers: IncomingMessage["headers"], body: Buffer) => number;

const IDLE_MS = 3_000;

export interface Upstream {
  readonly host: string;
  readonly port: number;
}

export async function startDelay(to: Upstream, delay: Delay): Promise<Listening> {
  // Given up before workerd, which closes idle connections after five seconds, gives them up.
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, timeout: IDLE_MS });
  const server = createServer((asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => {
      const body = Buffer.concat(chunks);
      const half = delay(asked.headers, body) / 2;
      setTimeout(() => pass(asked, body, to, agent, answer, half), half);
    });
  });
  const listening = await listen(server);
  return {
    ...listening,
    async stop() {
      agent.destroy();
      await listening.stop();
    },
  };
}

function pass(
  asked: IncomingMessage,
  body: Buffer,
  { host, port }: Upstream,
  agent: Agent,
  answer: ServerResponse,
  half: number,
): void {
  const { method, url, headers } = asked;
  const asking = request({ host, port, method, path: url, headers, agent }, (got) => {
    const chunks: Buffer[] = [];
    got.on("data", (chunk: Buffer) => chunks.push(chunk));
    got.on("end", () => {
      setTimeout(() => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        answer.end(Buffer.concat(chunks));
      }, half);
    });
    got.on("error", () => answer.destroy());
  });
  asking.on("error", () => answer.destroy());
  asking.end(body);
}
