// The data that is measured, through the public API: a space, its types, authors, and one article of about two kilobytes that grow.ts copies.
import { apiClient } from "../../local/api-client.ts";

export const SPACE = "bench";
export const TYPE = "article";
export const AUTHORS = 20;

export const idOf = (n: number): string => `a-${n}`;
export const slugOf = (n: number): string => `article-about-${n}`;
export const authorOf = (n: number): string => `author-${n % AUTHORS}`;

/** `edition`: what an editor changes. */
export function fieldsOf(n: number, edition = 0) {
  return {
    title: { en: `Article ${n}, edition ${edition}`, fr: `Article numéro ${n}, édition ${edition}` },
    words: n,
    author: authorOf(n),
    body: `Paragraph ${n}. `.repeat(100),
    tags: ["one", "two", `t${n % 10}`],
  };
}

export interface SeedPlan {
  readonly origin: string;
  readonly rootKey: string;
  readonly space?: string;
  readonly residency?: "us" | "eu";
}

/** Answers a key of the space that may read, write, publish and look at drafts. */
export async function seed({ origin, rootKey, space = SPACE, residency = "us" }: SeedPlan): Promise<string> {
  const root = apiClient(origin, rootKey);
  const settings = {
    id: space,
    name: "Bench",
    residency,
    locales: ["en", "fr"],
    defaultLocale: "en",
    publicRead: true,
    plan: "scale",
  };
  (await root.ask("POST", "/v1/spaces", { body: settings })).expect(201);
  // What is measured is not whether somebody asks too much.
  const limit = { quota: 1_000_000_000, window: 60 };
  (await root.ask("PATCH", `/v1/spaces/${space}`, { body: { limits: { read: limit, write: limit } } })).expect(200);
  const scopes = ["content:read", "content:write", "content:publish", "types:write"];
  const made = (await root.ask("POST", `/v1/spaces/${space}/keys`, { body: { name: "bench", scopes } })).expect(201);
  const { key } = made.body as { key: string };
  const api = apiClient(origin, key);
  for (const [type, properties] of Object.entries(types()))
    (
      await api.ask("PUT", `/v1/spaces/${space}/types/${type}`, {
        body: { name: type, schema: { type: "object", properties } },
      })
    ).expect(201);
  const create = async (body: unknown): Promise<void> => {
    (await api.ask("POST", `/v1/spaces/${space}/entries`, { body })).expect(201);
  };
  await create({ type: "country", id: "fr", fields: { name: "France" }, publish: true });
  for (let n = 0; n < AUTHORS; n += 1)
    await create({ type: "author", id: authorOf(n), fields: { name: `Author ${n}`, country: "fr" }, publish: true });
  await create({ type: TYPE, id: idOf(0), slug: slugOf(0), fields: fieldsOf(0), publish: true });
  return key;
}

function types() {
  const text = { type: "string" };
  const reference = (to: string) => ({ ...text, "x-reference": to });
  return {
    author: { name: { ...text, "x-indexed": true }, country: reference("country") },
    country: { name: text },
    [TYPE]: {
      title: { ...text, "x-localized": true, "x-indexed": true },
      words: { type: "integer", "x-indexed": true },
      author: reference("author"),
      body: text,
      tags: { type: "array", items: text, "x-indexed": true },
    },
  };
}
