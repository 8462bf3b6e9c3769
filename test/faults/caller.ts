// A client of the fault run: asks whichever Worker is alive, retries as a good client does, and has everything recorded.
import type { Random } from "../../bench/numbers/chance.ts";
import type { Attempt, RecordedSpace, Recorder, ToldEntry } from "../support/invariants/recording.ts";
import type { Workers } from "./workers.ts";

export interface Heard {
  /** 0: no answer. */
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whoever asks knows what it asked for
  readonly body: any;
  /** NaN when absent. */
  readonly position: number;
}

export interface Request {
  readonly method: string;
  /** Under the space, or from `/v1` on. */
  readonly path: string;
  readonly body?: unknown;
  /** NDJSON, instead of a body. */
  readonly lines?: string;
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WriteRequest extends Request {
  /** False: success may mean that nothing had to be changed. */
  readonly changes: boolean;
  /** Under an Idempotency-Key: then everything may be tried again. */
  readonly keyed: boolean;
  /** The Idempotency-Key, when others send the same. */
  readonly as?: string;
}

export interface Caller {
  ask(space: RecordedSpace | undefined, request: Request): Promise<Heard>;
  write(space: RecordedSpace, request: WriteRequest): Promise<Heard>;
}

const PLACES = [
  { colo: "IAD", country: "US", continent: "NA", latitude: "39.0", longitude: "-77.5" },
  { colo: "FRA", country: "DE", continent: "EU", latitude: "50.0", longitude: "8.6" },
  { colo: "SIN", country: "SG", continent: "AS", latitude: "1.35", longitude: "103.8" },
];
const MOST_ATTEMPTS = 8;
const PATIENCE_MS = 20_000;

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function openCaller(workers: Workers, recorder: Recorder, random: Random): Caller {
  const place = PLACES[Math.floor(random() * PLACES.length)];

  async function ask(space: RecordedSpace | undefined, request: Request): Promise<Heard> {
    const { method, path, body, lines, key, headers } = request;
    const origins = workers.origins();
    const origin = origins[Math.floor(random() * origins.length)] ?? "http://127.0.0.1:1";
    const whole = path.startsWith("/") ? path : `/v1/spaces/${space?.id}/${path}`;
    const sent = lines ?? (body === undefined ? undefined : JSON.stringify(body));
    const from = Date.now();
    let response: Response | undefined;
    let text = "";
    try {
      response = await fetch(`${origin}${whole}`, {
        method,
        redirect: "manual",
        headers: {
          authorization: `Bearer ${key}`,
          "MF-CF-Blob": JSON.stringify(place),
          ...(sent === undefined ? {} : { "content-type": mediaOf(request) }),
          ...headers,
        },
        ...(sent === undefined ? {} : { body: sent }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      text = await response.text();
    } catch {
      response = undefined;
    }
    const status = response?.status ?? 0;
    const heard = response?.headers ?? new Headers();
    recorder.hear({
      space: space?.id,
      worker: origin,
      method,
      path: whole,
      status,
      headers: heard,
      text,
      from,
      to: Date.now(),
    });
    let parsed: unknown;
    try {
      parsed = text === "" ? undefined : JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    const position = Number(heard.get("meridian-position") ?? Number.NaN);
    return { status, headers: heard, text, body: parsed, position };
  }

  return {
    ask,
    async write(space, { changes, keyed, as, ...request }) {
      const trace = crypto.randomUUID().replaceAll("-", "");
      const headers = {
        ...request.headers,
        traceparent: `00-${trace}-${trace.slice(0, 16)}-01`,
        ...(keyed ? { "Idempotency-Key": as ?? trace } : {}),
      };
      const attempts: Attempt[] = [];
      for (;;) {
        const heard = await ask(space, { ...request, headers });
        const { status, body } = heard;
        const requestId = heard.headers.get("request-id");
        const code = status >= 400 ? (body?.code as string | undefined) : undefined;
        attempts.push({
          status,
          ...(code === undefined ? {} : { code }),
          ...(requestId === null ? {} : { requestId }),
        });
        if (attempts.length < MOST_ATTEMPTS && mayAskAgain(status, code, keyed)) {
          await wait(200 + random() * 1_000);
          continue;
        }
        const isDone = status >= 200 && status < 300;
        recorder.writes.push({
          space: space.id,
          what: `${request.method} ${request.path}`,
          trace,
          changes,
          attempts,
          ...(isDone ? { acknowledged: { status, position: heard.position, ...entryOf(request.path, body) } } : {}),
        });
        return heard;
      }
    },
  };
}

function mediaOf({ method, path, lines }: Request): string {
  if (lines !== undefined) return "application/x-ndjson";
  return method === "PATCH" && path.startsWith("entries/") ? "application/merge-patch+json" : "application/json";
}

/** What surely was not written may be asked again; under a key, everything that may have been. */
function mayAskAgain(status: number, code: string | undefined, keyed: boolean): boolean {
  if (status === 429 || (status === 503 && code !== "outcome-unknown")) return true;
  return keyed && (status === 0 || status >= 500 || code === "request-in-progress");
}

function entryOf(path: string, body: Heard["body"]): { readonly entry?: ToldEntry } {
  if (!path.startsWith("entries") || body?.id === undefined) return {};
  const { id, status, version, publishedVersion } = body;
  return { entry: { id, status, version, publishedVersion: publishedVersion ?? null } };
}
