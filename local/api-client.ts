// A well-behaved client of the public API: waits when it is told to, and repeats what may be repeated.
import { setTimeout as wait } from "node:timers/promises";

export type Asked = { readonly body?: unknown; readonly idempotencyKey?: string };

export type Answer = {
  readonly status: number;
  readonly body: unknown;
  /** Of a problem. */
  readonly code: string | undefined;
  /** Throws, quoting the refusal, when the status is none of these. */
  expect(...statuses: readonly number[]): Answer;
};

export type Api = { ask(method: string, path: string, asked?: Asked): Promise<Answer> };

const ATTEMPTS = 10;
const REPEATED: ReadonlySet<number> = new Set([429, 503]);
/** Codes of 409 that say "not now". */
const RACES: ReadonlySet<string> = new Set(["request-in-progress", "conflict"]);

export function apiClient(origin: string, key: string | undefined): Api {
  // One limit for everybody who shares the client: when one is told to wait, all wait.
  let closedUntil = 0;

  async function send(method: string, path: string, { body, idempotencyKey }: Asked): Promise<Response> {
    const headers: Record<string, string> = {};
    if (key !== undefined) headers["Authorization"] = `Bearer ${key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
    return await fetch(`${origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function attempt(
    method: string,
    path: string,
    asked: Asked,
  ): Promise<Answer | { readonly waitMs: number; readonly why: string }> {
    const pause = closedUntil - Date.now();
    if (pause > 0) await wait(pause);
    let response: Response;
    let text: string;
    try {
      response = await send(method, path, asked);
      text = await response.text();
    } catch (error) {
      return {
        waitMs: 250,
        why: error instanceof Error ? `${error.message}: ${String(error.cause ?? "")}` : "no answer",
      };
    }
    const used = /^"[^"]*";r=0;t=(\d+)/.exec(response.headers.get("ratelimit") ?? "");
    const retryAfter = Number(response.headers.get("retry-after") ?? 0) * 1000;
    if (response.status === 429) closedUntil = Math.max(closedUntil, Date.now() + retryAfter);
    else if (used) closedUntil = Math.max(closedUntil, Date.now() + Number(used[1]) * 1000);
    const answer = answerOf(method, path, response, text);
    const isRace = answer.status === 409 && RACES.has(answer.code ?? "");
    return REPEATED.has(answer.status) || isRace
      ? { waitMs: Math.max(retryAfter, 100), why: `${answer.status} ${answer.code}` }
      : answer;
  }

  return {
    async ask(method, path, asked = {}) {
      let why = "";
      for (let left = ATTEMPTS; left > 0; left -= 1) {
        const result = await attempt(method, path, asked);
        if ("status" in result) return result;
        why = result.why;
        await wait(result.waitMs);
      }
      throw new Error(`${method} ${path} was not answered after ${ATTEMPTS} attempts: ${why}`);
    },
  };
}

function answerOf(method: string, path: string, response: Response, text: string): Answer {
  const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
  const body: unknown = isJson && text !== "" ? JSON.parse(text) : undefined;
  const answer: Answer = {
    status: response.status,
    body,
    code: (body as { code?: string } | undefined)?.code,
    expect(...statuses) {
      if (statuses.includes(response.status)) return answer;
      throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 1000)}`);
    },
  };
  return answer;
}
