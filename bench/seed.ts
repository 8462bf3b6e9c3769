// The data that is measured, through the public API: one space, two types, entries of about two kilobytes that refer to one another.
import { apiClient } from "../local/api-client.ts";
import { inLanes } from "../local/lanes.ts";

export const SPACE = "bench";
export const TYPE = "article";
export const ENTRIES = 200;
const LANES = 4;

export const slugOf = (n: number): string => `article-about-${n}`;

export async function seed(port: number, rootKey: string): Promise<void> {
  const origin = `http://127.0.0.1:${port}`;
  const root = apiClient(origin, rootKey);
  (
    await root.ask("POST", "/v1/spaces", {
      body: {
        id: SPACE,
        name: "Bench",
        residency: "us",
        locales: ["en", "fr"],
        defaultLocale: "en",
        publicRead: true,
        plan: "scale",
        // What is measured is an answer, not a refusal.
        limits: { read: { quota: 1_000_000_000, window: 60 }, write: { quota: 1_000_000, window: 60 } },
      },
    })
  ).expect(201);
  const scopes = ["content:read", "content:write", "content:publish", "types:write"];
  const made = (await root.ask("POST", `/v1/spaces/${SPACE}/keys`, { body: { name: "bench", scopes } })).expect(201);
  const api = apiClient(origin, (made.body as { key: string }).key);
  const text = { type: "string" };
  const reference = (to: string) => ({ ...text, "x-reference": to });
  const types = {
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
  for (const [type, properties] of Object.entries(types))
    (
      await api.ask("PUT", `/v1/spaces/${SPACE}/types/${type}`, {
        body: { name: type, schema: { type: "object", properties } },
      })
    ).expect(201);
  const create = async (body: unknown): Promise<void> => {
    (await api.ask("POST", `/v1/spaces/${SPACE}/entries`, { body })).expect(201);
  };
  await create({ type: "country", id: "fr", fields: { name: "France" }, publish: true });
  await create({ type: "author", id: "hugo", fields: { name: "Hugo", country: "fr" }, publish: true });
  const numbers = Array.from({ length: ENTRIES }, (_, n) => n);
  await inLanes(LANES, numbers, async (n) => {
    const fields = {
      title: { en: `Article ${n}`, fr: `Article numéro ${n}` },
      words: n,
      author: "hugo",
      body: `Paragraph ${n}. `.repeat(100),
      tags: ["one", "two", `t${n % 10}`],
    };
    await create({ type: TYPE, id: `a-${n}`, slug: slugOf(n), fields, publish: true });
  });
}
