// The door of webhooks: endpoints, what they are told, and how it went.
export { type AskingData, cancelReplay, replayWebhook, testWebhook } from "./ask-deliveries.ts";
export { type Claim, type Claimed, claimDelivery, type DeliverParts, deliverOn } from "./deliver.ts";
export { type Destinations, destinations, URL_MOST } from "./destination.ts";
export { announcementOf } from "./domain/announcing.ts";
export { ATTEMPTS, DELAYS, retryAfterOf, retryAt } from "./domain/retry.ts";
export {
  ANNOUNCEMENTS,
  type Announcement,
  evolveWebhook,
  NO_WEBHOOK,
  type WebhookEvent,
  type WebhookSettings,
  type WebhookState,
} from "./domain/webhook.ts";
export { DESCRIPTION_MOST, SECRET_OVERLAP_MOST, TYPES_MOST } from "./domain/webhook-decisions.ts";
export { type FanOutParts, fanOut, timesOf, wakesOf } from "./fan-out.ts";
export type { Addresses, Courier, MessageSigner, Posted, Resolver, Vault } from "./ports.ts";
export { getReplay, listDeliveries, listReplays } from "./read-deliveries.ts";
export { getWebhook, listWebhooks } from "./read-webhooks.ts";
export { rouseDeliveries } from "./rouse-deliveries.ts";
export { type ReplayParts, runReplay } from "./run-replay.ts";
export {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  disableWebhook,
  rotateWebhookSecret,
  WEBHOOKS_MOST,
  type WebhookData,
  type WebhookTools,
} from "./save-webhook.ts";
export type { Wake, Waker } from "./waker.ts";
