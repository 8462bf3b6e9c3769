// A deployment as the command line asks it: what may be repeated is repeated, what is refused becomes one plain sentence.
import { EXIT, Failure, printable } from "./failure.ts";
import { within } from "./interrupts.ts";

export interface Connection {
  readonly url: string;
  readonly space: string;
  readonly key: string | undefined;
}

export interface Asked {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  /** Opened anew for each attempt; its length goes beforehand. */
  readonly body?: { readonly bytes: number; open(): AsyncIterable<Uint8Array> };
  /** Ends the request and every attempt after it. */
  readonly signal: AbortSignal;
  /** Until the answer's head is there; absent: as long as it takes. */
  readonly headMs?: number;
  /** For how long "no answer" and "later" are put up with. Default two minutes. */
  readonly patienceMs?: number;
  /** Told of each wait, once an attempt. */
  readonly onWait?: (why: string) => void;
}

export interface Server {
  readonly connection: Connection;
  /** `path` within the space. A success, or a Failure is thrown. */
  ask(path: string, asked: Asked): Promise<Response>;
}

const PATIENCE_MS = 120_000;
const BACK_OFF_MS = { first: 250, most: 5_000 };
/** Answers that say "later", besides 409 of a race. */
const LATER: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);
const RACES: ReadonlySet<string> = new Set(["request-in-progress", "conflict"]);
const BREAKS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT"]);
const SPACE = /^[a-z][a-z0-9-]{1,38}$/;

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly requestId?: string;
}

/** `waitMs`: before it is worth another attempt; absent: it is not. */
type Attempt = { readonly answer: Response } | { readonly failure: Failure; readonly waitMs?: number };

export function openServer(connection: Connection): Server {
  const base = baseOf(connection);
  // Nobody at the address at all is told at once: most likely the address is wrong. A connection that breaks is not that.
  let reached = false;

  async function attempt(path: string, { method = "GET", headers, body, signal, headMs }: Asked): Promise<Attempt> {
    const slow = new AbortController();
    const timer = headMs === undefined ? undefined : setTimeout(() => slow.abort(), headMs);
    try {
      const init = {
        method,
        // A key must not travel to wherever a redirect points.
        redirect: "error",
        signal: AbortSignal.any([signal, slow.signal]),
        headers: {
          ...(connection.key === undefined ? {} : { Authorization: `Bearer ${connection.key}` }),
          ...(body === undefined ? {} : { "Content-Length": String(body.bytes) }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body.open(), duplex: "half" }),
      };
      const answer = await fetch(`${base}/${path}`, init as RequestInit);
      reached = true;
      if (answer.ok) return { answer };
      const text = await answer.text();
      const refused = refusalOf(connection, answer.status, answer.headers, text);
      return refused;
    } catch (error) {
      if (signal.aborted) throw new Failure(EXIT.interrupted, "Interrupted", { cause: error });
      const message = `No answer from ${connection.url}: ${reasonOf(error, slow.signal.aborted)}`;
      const mayPass = reached || slow.signal.aborted || BREAKS.has(codeOf(error));
      const hint = mayPass ? "" : ". Is it running, and is --url (MERIDIAN_URL) right?";
      const failure = new Failure(EXIT.unreachable, message + hint, { cause: error });
      return mayPass ? { failure, waitMs: 0 } : { failure };
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    connection,
    async ask(path, asked) {
      const { patienceMs = PATIENCE_MS, signal, onWait } = asked;
      // From the first failure on: sending a large body takes as long as it takes.
      let end: number | undefined;
      for (let backOff = BACK_OFF_MS.first; ; backOff = Math.min(backOff * 2, BACK_OFF_MS.most)) {
        const one = await attempt(path, asked);
        if ("answer" in one) return one.answer;
        const waitMs = Math.max(one.waitMs ?? 0, backOff);
        end ??= performance.now() + patienceMs;
        if (one.waitMs === undefined || performance.now() + waitMs > end) throw one.failure;
        onWait?.(one.failure.message);
        if (await within(waitMs, signal)) throw new Failure(EXIT.interrupted, "Interrupted");
      }
    },
  };
}

function baseOf({ url, space }: Connection): string {
  if (!URL.canParse(url)) throw new Failure(EXIT.usage, `--url must be an address like https://…, not "${url}"`);
  const parsed = new URL(url);
  // It would be ignored, and stand in whatever is said about the address.
  if (parsed.username !== "" || parsed.password !== "")
    throw new Failure(EXIT.usage, "--url must be without a user name or password; the key goes into MERIDIAN_KEY");
  if (!/^https?:$/.test(parsed.protocol)) throw new Failure(EXIT.usage, `--url must be http or https, not "${url}"`);
  if (!SPACE.test(space)) throw new Failure(EXIT.usage, `--space must be the name of a space, not "${space}"`);
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, "")}/v1/spaces/${space}`;
}

function refusalOf(connection: Connection, status: number, headers: Headers, text: string): Attempt {
  const problem = readProblem(text);
  const { code, detail } = problem;
  const failure = (exit: number): Failure => new Failure(exit, sentenceOf(connection, status, problem, text));
  const waitMs = Number(headers.get("retry-after") ?? 0) * 1000;
  if (LATER.has(status) || (status === 409 && RACES.has(code ?? "")))
    return { failure: failure(EXIT.unreachable), waitMs: Number.isFinite(waitMs) ? waitMs : 0 };
  // Anything but a problem is of somebody in between, or of another server altogether.
  const exit = code === undefined || detail === undefined || status >= 500 ? EXIT.unreachable : EXIT.refused;
  return { failure: failure(exit) };
}

function sentenceOf({ url, space, key }: Connection, status: number, problem: Problem, text: string): string {
  const { code, detail, requestId } = problem;
  if (code === undefined || detail === undefined) {
    const begun = text.trim().slice(0, 200);
    return printable(`${url} answered ${status}, and not as Meridian does${begun === "" ? "" : `: ${begun}`}`);
  }
  const hints: Readonly<Record<string, string>> = {
    "credentials-required": "give a key of the space with --key or MERIDIAN_KEY",
    "credentials-invalid": `is --key (MERIDIAN_KEY) a key of the space "${space}", and not revoked?`,
    "space-missing": `is --space right, and --key (MERIDIAN_KEY) a key of "${space}"?`,
    "not-found": "is --url right, and its version new enough?",
  };
  const hint = key === undefined && status === 401 ? hints["credentials-required"] : hints[code];
  return printable(
    `${detail.replace(/\.$/, "")} (${status} ${code}${requestId === undefined ? "" : `, request ${requestId}`})${hint === undefined ? "" : `: ${hint}`}`,
  );
}

function readProblem(text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Problem) : {};
  } catch {
    return {};
  }
}

/** Why there was no answer, or why it ended early. */
export function reasonOf(error: unknown, slow = false): string {
  if (slow) return "it takes too long";
  const { cause, message } = error as Error;
  const { message: inner = "" } = (cause ?? {}) as Error;
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "nobody listens there",
    ENOTFOUND: "there is no such name",
    EAI_AGAIN: "its name cannot be resolved now",
    ECONNRESET: "the connection was closed",
    UND_ERR_SOCKET: "the connection was closed",
    ETIMEDOUT: "it takes too long",
    UND_ERR_CONNECT_TIMEOUT: "it takes too long",
  };
  return printable(known[codeOf(error)] ?? (inner || message));
}

/** fetch says why in the cause. */
const codeOf = (error: unknown): string => ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? "";
