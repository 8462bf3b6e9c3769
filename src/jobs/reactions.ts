// Everything that happens afterwards. To add something: a file named as a sentence, and a line here.
import { analyseContentWhenSpaceAdvances } from "./analyse-content-when-space-advances.ts";
import { bringDigestUpWhenSpaceAdvances } from "./bring-digest-up-when-space-advances.ts";
import { callInsightWhenSpaceAdvances } from "./call-insight-when-space-advances.ts";
import { draftEntryWhenAsked } from "./draft-entry-when-asked.ts";
import { keepLetterWhenMessageGivesUp } from "./keep-letter-when-message-gives-up.ts";
import { on, type Reaction, tries } from "./reaction.ts";
import { replayWebhookWhenAsked } from "./replay-webhook-when-asked.ts";
import { runJobWhenAsked } from "./run-job-when-asked.ts";
import { sendWebhookWhenDeliveryIsDue } from "./send-webhook-when-delivery-is-due.ts";
import { tellWebhooksWhenSpaceAdvances } from "./tell-webhooks-when-space-advances.ts";

// biome-ignore format: a table
export const REACTIONS: readonly Reaction[] = [
  // when               queue           do                                          give up after
  on("SpaceAdvanced",   "changes",      bringDigestUpWhenSpaceAdvances,             tries(8)),
  on("SpaceAdvanced",   "changes",      tellWebhooksWhenSpaceAdvances,              tries(8)),
  on("SpaceAdvanced",   "changes",      callInsightWhenSpaceAdvances,               tries(8)),
  on("SpaceAdvanced",   "insight",      analyseContentWhenSpaceAdvances,            tries(8)),
  on("DeliveryDue",     "deliveries",   sendWebhookWhenDeliveryIsDue,               tries(8)),
  on("JobAsked",        "work",         replayWebhookWhenAsked,                     tries(8)),
  on("JobAsked",        "work",         runJobWhenAsked,                            tries(8)),
  on("JobAsked",        "generation",   draftEntryWhenAsked,                        tries(8)),
  on("MessageGaveUp",   "dead-letters", keepLetterWhenMessageGivesUp,               tries(100)),
];
