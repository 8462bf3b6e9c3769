// Requests that fetch would not send: bodies on GET, lengths without bytes, chunks, paths as they are.
import { request } from "node:http";
import type { Answer } from "./client.ts";
import { stackHere } from "./here.ts";

export interface Wire {
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent one after the other, chunked unless `headers` say a length. */
  readonly chunks?: readonly (string | Uint8Array)[];
  /** Never ends the body: whoever answers must do so before it came. */
  readonly open?: boolean;
}

/** Whoever refuses early may close while a large body is still on its way, and the answer is lost with it. */
const ATTEMPTS = 4;

/** `path` is sent as it is. Only for requests that may be sent again. */
export async function wire(method: string, path: string, how: Wire = {}): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send(method, path, how);
    } catch (error) {
      const lost = ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
      if (!lost || attempt === ATTEMPTS) throw error;
    }
  }
}

function send(method: string, path: string, { headers = {}, chunks = [], open = false }: Wire): Promise<Answer> {
  const { hostname, port } = new URL(stackHere().origin);
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, method, path, headers: { ...headers }, agent: false }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        const told = Object.entries(answer.headersDistinct).map(([name, values]): [string, string] => [
          name,
          (values ?? []).join(", "),
        ]);
        const kept = new Headers(told);
        resolve({
          status: answer.statusCode ?? 0,
          headers: kept,
          text,
          body: text.startsWith("{") ? JSON.parse(text) : undefined,
          position: Number(kept.get("meridian-position") ?? Number.NaN),
        });
        asking.destroy();
      });
    });
    asking.on("error", reject);
    for (const chunk of chunks) asking.write(chunk);
    if (open) asking.flushHeaders();
    else asking.end();
  });
}
