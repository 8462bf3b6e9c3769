// Idempotency: what makes two requests the same one (method, path, query, canonical JSON per RFC 8785), and whose key it is.
import canonicalize from "canonicalize";
import type { Json } from "../../kernel/json.ts";
import type { Idempotency } from "./open-writer.ts";

export interface Fingerprinted {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: Json | undefined;
}

/** `credential`: id of the key (a token counts as its key) or `root`. `sha256` gives lower-case hex. */
export async function idempotencyOf(
  raw: string,
  credential: string,
  request: Fingerprinted,
  sha256: (text: string) => Promise<string>,
): Promise<Idempotency> {
  const body = request.body === undefined ? "" : canonicalize(request.body);
  const [key, fingerprint] = await Promise.all([
    sha256(`${credential}\n${raw}`),
    sha256([request.method, request.path, request.query, body].join("\n")),
  ]);
  return { raw, key, fingerprint };
}
