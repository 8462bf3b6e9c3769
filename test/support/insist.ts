// A busy machine may keep the database waiting until the Worker gives up. What was not written is asked again; so is, under an
// Idempotency-Key, what may have been written. For tests without an injected fault.
import { type Answer, type Ask, ask as askOnce, type Space } from "./client.ts";

export interface Insisted extends Answer {
  /** Request ids of all attempts: the log knows the write by one of them. */
  readonly tried: readonly string[];
}

const MOST = 20;

export async function insistOn(method: string, path: string, options: Ask = {}): Promise<Insisted> {
  const again = new Set([
    "database-unavailable",
    // Nothing was begun.
    "overloaded",
    ...(options.headers?.["Idempotency-Key"] === undefined ? [] : ["outcome-unknown", "request-in-progress"]),
  ]);
  const tried: string[] = [];
  for (;;) {
    const answer = await askOnce(method, path, options);
    tried.push(answer.headers.get("request-id") ?? "");
    if (tried.length === MOST || answer.status < 400 || !again.has(answer.body?.code)) return { ...answer, tried };
    await new Promise((resolve) => setTimeout(resolve, Number(answer.headers.get("retry-after") ?? 1) * 500));
  }
}

export interface InsistentSpace extends Space {
  ask(method: string, path: string, options?: Ask): Promise<Insisted>;
  must(method: string, path: string, options?: Ask): Promise<Insisted>;
  /** A write under an Idempotency-Key of its own. */
  once(method: string, path: string, options?: Ask): Promise<Insisted>;
}

export function insistent(space: Space): InsistentSpace {
  const ask = (method: string, path: string, options: Ask = {}): Promise<Insisted> =>
    insistOn(method, `/v1/spaces/${space.id}/${path}`, { key: space.key, ...options });
  const once = (method: string, path: string, options: Ask = {}): Promise<Insisted> =>
    ask(method, path, { ...options, headers: { "Idempotency-Key": crypto.randomUUID(), ...options.headers } });
  return {
    ...space,
    ask,
    once,
    async must(method, path, options) {
      const answer = await (method === "GET" ? ask : once)(method, path, options);
      if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
      return answer;
    },
  };
}
