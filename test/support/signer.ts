// HMAC-SHA256 as the Worker signs cursors, with Node's crypto.
import { createHmac } from "node:crypto";
import type { Signer } from "../../src/contexts/delivery/delivery.ts";

export function signer(secret = "test"): Signer {
  const sign = (text: string) => createHmac("sha256", secret).update(text).digest("base64url");
  return { sign: async (text) => sign(text), verify: async (text, mac) => mac === sign(text) };
}
