// Signs messages as Standard Webhooks 1.0 asks, by its own library.
import { Webhook } from "standardwebhooks";
import type { MessageSigner } from "../../contexts/webhooks/webhooks.ts";

export const messageSigner: MessageSigner = {
  sign: (secret, id, at, body) => new Webhook(secret).sign(id, new Date(at), body),
};
