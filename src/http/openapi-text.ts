// Words of the OpenAPI document that belong to no single operation.

export const ABOUT = `An edge-first content API: content types are JSON Schemas, entries are drafted, validated and published, and published content is read everywhere with a position that says how true the answer is.

- Every space has one number, its **position**: gapless, in commit order. Answers carry it as \`Meridian-Position\`; a request with \`Meridian-At-Least\` is never answered from older state.
- Refusals are \`application/problem+json\` (RFC 9457). Each has a \`code\`, which \`/problems/{code}\` explains, and a \`requestId\`.
- Any write may carry an \`Idempotency-Key\`: the same request is done once, and its answer is repeated byte for byte for 24 hours.
- Every GET also answers HEAD. Times are RFC 3339 in UTC with milliseconds. Clients ignore members, headers and codes that they do not know.
- What takes longer answers 202 with a job: follow its \`Location\` until its \`status\` is \`completed\`, \`cancelled\` or \`failed\`.
- Bodies are at most 1 MiB of UTF-8 JSON (imports: 95 MB of NDJSON), at most 32 deep, without duplicate members; integers that a double cannot keep are refused.`;

/** In the order in which they are shown. */
export const TAGS: Readonly<Record<string, string>> = {
  Content: "Published content, as readers are given it.",
  Following: "What changes for readers, as pages or as a stream, and everything at once.",
  Entries: "Drafts and what happens to them. Strongly consistent, never cached.",
  Types: "Content types: the JSON Schemas that entries follow.",
  Spaces: "Tenants and their settings. For operators.",
  Keys: "API keys of a space and their scopes.",
  Webhooks: "Endpoints that are told what happens in a space, and how telling them went.",
  Generations: "Drafts that a configured provider writes.",
  Transfer: "Many entries at once, as jobs that go on behind the answer.",
  "Dead letters": "What gave up behind the scenes. For operators.",
  Health: "Whether this deployment is alive, ready and well.",
  Documents: "This reference and the pages that problems point at.",
};
