// A provider with an OpenAI-compatible endpoint (POST {url}/chat/completions). What it sends is read up to a bound and believed in nothing.
import type { Provider, Reply, Tokens } from "../../contexts/generation/generation.ts";
import { type Millis, seconds } from "../../kernel/clock.ts";
import { isObject, type Json, type JsonObject, member } from "../../kernel/json.ts";
import type { Guard } from "../../platform/resilience/guard.ts";
import { Outage } from "../../platform/resilience/outage.ts";

export interface ChatSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  readonly timeout: Millis;
}

const MOST_BYTES = 512 * 1024;
const LONGEST_WAIT_S = 3_600;

export function chatProvider({ url, key, model, timeout }: ChatSettings, guard: Guard): Provider {
  return {
    model,
    complete: ({ messages, schema, maxTokens }) => {
      const format =
        schema === undefined
          ? { type: "json_object" }
          : { type: "json_schema", json_schema: { name: "entry", schema } };
      const body = JSON.stringify({ model, messages, max_tokens: maxTokens, response_format: format });
      const headers = {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        accept: "application/json",
      };
      const post = (signal: AbortSignal): Promise<Response> =>
        fetch(`${url}/chat/completions`, { method: "POST", headers, body, redirect: "manual", signal });
      return ask(guard, timeout, async (signal) => await replyOf(await post(signal)));
    },
  };
}

/** The provider's own trouble counts against it, and is an answer all the same. */
class Trouble extends Error {
  readonly reply: Reply;
  constructor(reply: Reply) {
    super("The provider is in trouble");
    this.reply = reply;
  }
}

async function ask(guard: Guard, timeout: Millis, work: (signal: AbortSignal) => Promise<Reply>): Promise<Reply> {
  try {
    return await guard.run(
      async (signal) => {
        const reply = await work(signal);
        if (reply.is === "busy" && reply.status >= 500) throw new Trouble(reply);
        return reply;
      },
      { timeout },
    );
  } catch (error) {
    if (error instanceof Trouble) return error.reply;
    throw error instanceof Outage ? error : new Outage(guard.name, "failed", { cause: error });
  }
}

async function replyOf(response: Response): Promise<Reply> {
  const { status } = response;
  if (status !== 200) {
    await response.body?.cancel();
    // 409 and 425 say "not now" too, and some send 529.
    if (status !== 408 && status !== 409 && status !== 425 && status !== 429 && status < 500)
      return { is: "refused", status };
    const after = retryAfter(response.headers.get("retry-after"));
    return { is: "busy", status, ...(after === undefined ? {} : { after: seconds(after) }) };
  }
  const text = await textOf(response);
  if (text === undefined) return { is: "unreadable", why: `It is larger than ${MOST_BYTES} bytes` };
  const answer = parse(text);
  const choices = isObject(answer) ? member(answer, "choices") : undefined;
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  const message = isObject(choice) ? member(choice, "message") : undefined;
  const content = isObject(message) ? member(message, "content") : undefined;
  if (typeof content !== "string") return { is: "unreadable", why: "It is no chat completion" };
  const usage = isObject(answer) ? member(answer, "usage") : undefined;
  const cut = isObject(choice) && member(choice, "finish_reason") === "length";
  return {
    is: "answered",
    text: content,
    json: parse(unwrapped(content)),
    tokens: tokensOf(isObject(usage) ? usage : {}),
    cut,
  };
}

/** `undefined`: there is more than is read. */
async function textOf(response: Response): Promise<string | undefined> {
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array> | undefined;
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MOST_BYTES) {
      await reader.cancel();
      return undefined;
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Some wrap it, whatever they are told. */
function unwrapped(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith("```") && trimmed.endsWith("```") ? trimmed.slice(trimmed.indexOf("\n") + 1, -3) : text;
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function tokensOf(usage: JsonObject): Tokens {
  const count = (name: string): number => {
    const value = member(usage, name);
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  };
  const [prompt, completion] = [count("prompt_tokens"), count("completion_tokens")];
  return { prompt, completion, total: Math.max(count("total_tokens"), prompt + completion) };
}

/** Seconds, or a date (RFC 9110); of what cannot be read, nothing. */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const wait = /^\d{1,9}$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000;
  return Number.isFinite(wait) ? Math.min(LONGEST_WAIT_S, Math.max(0, Math.ceil(wait))) : undefined;
}
