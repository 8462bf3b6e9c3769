// A client of the running system as a test needs it: a space of its own, keys, and answers with their headers in reach.
import { stackHere } from "./here.ts";

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, parsed; undefined when it is empty or not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shape they assert
  readonly body: any;
  /** `Meridian-Position`, NaN when absent. */
  readonly position: number;
}

export interface Ask {
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the request comes from, as Cloudflare tells it. */
  readonly cf?: Readonly<Record<string, string>>;
}

export async function ask(method: string, path: string, { body, raw, key, headers, cf }: Ask = {}): Promise<Answer> {
  const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${stackHere().origin}${path}`, {
    method,
    redirect: "manual",
    headers: {
      ...(sent === undefined
        ? {}
        : {
            "content-type":
              method === "PATCH" && path.includes("/entries/") ? "application/merge-patch+json" : "application/json",
          }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(cf === undefined ? {} : { "MF-CF-Blob": JSON.stringify(cf) }),
      ...headers,
    },
    ...(sent === undefined ? {} : { body: sent as BodyInit }),
  });
  const text = await response.text();
  let parsed: unknown;
  try {
    parsed = text === "" ? undefined : JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: parsed,
    position: Number(response.headers.get("meridian-position") ?? Number.NaN),
  };
}

export const rootKey = (): string => stackHere().rootKey;

export const ALL_SCOPES = [
  "content:read",
  "content:preview",
  "content:write",
  "content:publish",
  "types:write",
  "webhooks:write",
  "transfer:write",
  "usage:read",
  "audit:read",
  "keys:write",
];

/** Requests inside one space, `path` from there on: `entries/paris`. */
export interface Space {
  readonly id: string;
  readonly key: string;
  ask(method: string, path: string, options?: Ask): Promise<Answer>;
  /** Throws when the answer is not a success: for what a test takes for granted. */
  must(method: string, path: string, options?: Ask): Promise<Answer>;
  keyWith(scopes: readonly string[]): Promise<string>;
}

let made = 0;

/** Places where requests may come from: nearest to the us primary, to us-fra, to us-sin. */
export const PLACES = {
  iad: { colo: "IAD", country: "US", continent: "NA", latitude: "39.0", longitude: "-77.5" },
  fra: { colo: "FRA", country: "DE", isEUCountry: "1", continent: "EU", latitude: "50.0", longitude: "8.6" },
  sin: { colo: "SIN", country: "SG", continent: "AS", latitude: "1.35", longitude: "103.8" },
} as const;

export async function makeSpace(settings: Readonly<Record<string, unknown>> = {}): Promise<Space> {
  made += 1;
  const id = `t-${Date.now().toString(36)}-${process.pid.toString(36)}-${made}`;
  const body = {
    id,
    name: id,
    residency: "us",
    locales: ["en", "fr"],
    defaultLocale: "en",
    publicRead: true,
    plan: "scale",
    ...settings,
  };
  await expectSuccess("POST", "/v1/spaces", { body, key: rootKey() });
  const keyWith = async (scopes: readonly string[]): Promise<string> =>
    (
      await expectSuccess("POST", `/v1/spaces/${id}/keys`, {
        body: { name: scopes.join(" ").slice(0, 100) || "none", scopes },
        key: rootKey(),
      })
    ).body.key as string;
  const key = await keyWith(ALL_SCOPES);
  const inside = (path: string): string => `/v1/spaces/${id}/${path}`;
  return {
    id,
    key,
    keyWith,
    ask: (method, path, options) => ask(method, inside(path), { key, ...options }),
    must: (method, path, options) => expectSuccess(method, inside(path), { key, ...options }),
  };
}

/** What the development server says when a connection of somebody else's broke under it; the Worker never saw the request. */
const NOT_SENT = "Your worker restarted mid-request";

async function expectSuccess(method: string, path: string, options: Ask): Promise<Answer> {
  let answer = await ask(method, path, options);
  if (answer.status === 503 && answer.text.startsWith(NOT_SENT)) answer = await ask(method, path, options);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

/** A `country` and a `city` type as in the contract's example, without `additionalProperties`. */
export async function makeTypes(space: Space): Promise<void> {
  const string = { type: "string" };
  await space.must("PUT", "types/country", {
    body: {
      name: "Country",
      schema: {
        type: "object",
        required: ["name"],
        properties: {
          name: { ...string, "x-localized": true, "x-indexed": true },
          region: { ...string, "x-indexed": true },
          borders: { type: "array", items: { ...string, "x-reference": "country" } },
        },
      },
    },
  });
  await space.must("PUT", "types/city", {
    body: {
      name: "City",
      schema: {
        type: "object",
        required: ["name"],
        properties: {
          name: { ...string, maxLength: 200, "x-localized": true, "x-indexed": true },
          population: { type: "integer", minimum: 0, "x-indexed": true },
          country: { ...string, "x-reference": "country" },
          tags: { type: "array", items: string, "x-indexed": true },
          note: string,
        },
      },
      indexes: [["country", "-population"]],
    },
  });
}

/** Waits for a condition, generously bounded: the machine may be slow. */
export async function until(what: string, condition: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
