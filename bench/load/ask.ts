// Requests whose answers are looked at one by one: for counting, not for rates.
import { Agent, request } from "node:http";

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
  /** performance.now() when it was sent, and when all of it had come. */
  readonly from: number;
  readonly to: number;
}

export interface Ask {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** As many connections as there are requests under way: nobody waits here for a socket. */
const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, maxFreeSockets: 1_000 });

/** A connection that was kept may have been closed at the other end meanwhile; then nobody has heard the request, and it is sent again. */
export async function ask(one: Ask): Promise<Told> {
  try {
    return await send(one);
  } catch (error) {
    if ((error as { wasKept?: boolean }).wasKept !== true) throw error;
    return await ask(one);
  }
}

function send({ port, path, method = "GET", headers = {}, body }: Ask): Promise<Told> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const sent = text === undefined ? headers : { ...headers, "Content-Type": "application/json" };
  const from = performance.now();
  return new Promise((resolve, reject) => {
    const asking = request({ host: "127.0.0.1", port, path, method, headers: sent, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
        const body = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: new Headers(pairs), body, from, to: performance.now() });
      });
    });
    asking.on("error", (error) => {
      reject(
        Object.assign(error, { wasKept: asking.reusedSocket && (error as { code?: string }).code === "ECONNRESET" }),
      );
    });
    asking.end(text);
  });
}

export async function askWell(one: Ask): Promise<Told> {
  const told = await ask(one);
  if (told.status >= 300)
    throw new Error(`${one.method ?? "GET"} ${one.path}: ${told.status} ${told.body.slice(0, 500)}`);
  return told;
}

/** `request.cf` of a place, as the emulator takes it. */
export function from(colo: string, latitude: number, longitude: number): Readonly<Record<string, string>> {
  return { "MF-CF-Blob": JSON.stringify({ colo, latitude: String(latitude), longitude: String(longitude) }) };
}
