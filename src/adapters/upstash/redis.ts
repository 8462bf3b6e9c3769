// Redis over HTTP through Upstash's SDK, with its surprises switched off. Every call goes through the guard.
import { Redis as Client } from "@upstash/redis/cloudflare";
import type { CallLimit, Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";

export type Pipeline = ReturnType<Client["pipeline"]>;

/** What the adapters of this room are written against. Replies are as Redis gives them: strings, integers, nulls, lists. */
export interface Redis {
  /** One request; commands run in order but not atomically. */
  pipeline(fill: (pipeline: Pipeline) => void, limit?: CallLimit): Promise<readonly unknown[]>;
  /** The same, but a command that fails is an answer too: the others have been carried out. */
  each(fill: (pipeline: Pipeline) => void, limit?: CallLimit): Promise<readonly Replied[]>;
  /** EVALSHA, and EVAL where the server does not know the script (any more). */
  script(script: string, keys: readonly string[], args: readonly string[], limit?: CallLimit): Promise<unknown>;
}

export interface Replied {
  readonly result?: unknown;
  readonly error?: string | undefined;
}

export interface RedisOptions {
  readonly url: string;
  readonly token: string;
  readonly guard: Guard;
}

export function connectRedis({ url, token, guard }: RedisOptions): Redis {
  let signal: AbortSignal = AbortSignal.abort();
  const client = new Client({
    url,
    token,
    // Auto-pipelining would let requests that share an isolate await one fetch: workerd forbids it. Pipelines here are explicit.
    enableAutoPipelining: false,
    // Members that look like numbers would come back as numbers.
    automaticDeserialization: false,
    enableTelemetry: false,
    // `retry: false` still tries twice. Trying again is the caller's business: the sweep does.
    retry: { retries: 0 },
    // A fixed signal that is aborted answers `null` as if all were well; a function throws. The SDK calls it before its first `await`.
    signal: () => signal,
  });
  const digests = new Map<string, string>();

  async function ask<T>(call: () => Promise<T>, limit: CallLimit | undefined): Promise<T> {
    return await guard.run(async (own) => {
      signal = own;
      try {
        return await call();
      } catch (error) {
        throw new Outage("redis", "failed", { cause: withoutCommand(error) });
      }
    }, limit);
  }

  async function sha1(script: string): Promise<string> {
    const known = digests.get(script);
    if (known !== undefined) return known;
    const bytes = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(script));
    const hex = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    digests.set(script, hex);
    return hex;
  }

  return {
    async pipeline(fill, limit) {
      const pipeline = client.pipeline();
      fill(pipeline);
      return await ask(() => pipeline.exec<unknown[]>(), limit);
    },
    async each(fill, limit) {
      const pipeline = client.pipeline();
      fill(pipeline);
      return await ask(() => pipeline.exec<unknown[]>({ keepErrors: true }), limit);
    },
    async script(script, keys, args, limit) {
      const digest = await sha1(script);
      const found = await ask(
        () =>
          client.evalsha<string[], unknown>(digest, [...keys], [...args]).catch((error: unknown) => {
            if (isUnknownScript(error)) return UNKNOWN_SCRIPT;
            throw error;
          }),
        limit,
      );
      return found === UNKNOWN_SCRIPT
        ? await ask(() => client.eval<string[], unknown>(script, [...keys], [...args]), limit)
        : found;
    },
  };
}

const UNKNOWN_SCRIPT = Symbol("unknown script");

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes("NOSCRIPT");
}

/** The SDK's messages quote the whole command. */
function withoutCommand(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const short = new Error(error.message.replace(/,? command was: .*/s, "").slice(0, 200));
  short.name = error.name;
  return short;
}
