// Webhooks as their owners send and get them.
import * as z from "zod";
import { ANNOUNCEMENTS, DESCRIPTION_MOST, TYPES_MOST, URL_MOST } from "../../contexts/webhooks/webhooks.ts";
import { spaceParams } from "../tenancy/space-schema.ts";

const ID = /^[0-9a-f]{18}$/;
const JOB = /^[0-9a-f]{24}$/;

export const webhookParams = spaceParams.extend({
  id: z.string().regex(ID).meta({ description: "Id of the webhook." }),
});
export const replayParams = webhookParams.extend({
  replay: z.string().regex(JOB).meta({ description: "Id of the job." }),
});

const url = z
  .string()
  .min(1)
  .max(URL_MOST)
  .meta({
    description:
      "Where messages are posted: https, a public name or address, no credentials. Judged again at every attempt.",
    examples: ["https://example.com/hooks/meridian"],
  });
const events = z
  .array(z.enum(ANNOUNCEMENTS))
  .min(1)
  .max(ANNOUNCEMENTS.length)
  .meta({ description: "What to tell of.", examples: [["entry.published", "entry.unpublished", "entry.deleted"]] });
const types = z.array(z.string().min(1).max(64)).min(1).max(TYPES_MOST).nullable().meta({
  description: "Only entries and types of these content types; null: all. Events of neither are told anyway.",
});
const description = z.string().max(DESCRIPTION_MOST).nullable().meta({ description: "For people." });
const enabled = z.boolean().meta({ description: "Whether it is told anything." });
const time = z.iso.datetime();

export const newWebhook = z
  .strictObject({
    url,
    events,
    types: types.optional(),
    description: description.optional(),
    enabled: enabled.optional().meta({ description: "Whether it is told anything; default true." }),
  })
  .meta({ id: "NewWebhook" });

/** A merge patch. */
export const webhookPatch = z
  .strictObject({
    url: url.optional(),
    events: events.optional(),
    types: types.optional(),
    description: description.optional(),
    enabled: enabled.optional().meta({ description: "True brings back one that was disabled." }),
  })
  .meta({ id: "WebhookPatch" });

export const webhookSchema = z
  .object({
    id: z.string().regex(ID),
    url: z.string(),
    events,
    types,
    description,
    enabled,
    disabledReason: z
      .enum(["gone", "failing"])
      .nullable()
      .meta({ description: "`gone`: it answered 410; `failing`: no attempt succeeded for five days." }),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: "Webhook" });

export const webhookWithSecret = webhookSchema
  .extend({
    secret: z
      .string()
      .regex(/^whsec_[A-Za-z0-9+/=]{32,88}$/)
      .meta({ description: "Verifies signatures (Standard Webhooks): shown here and never again." }),
  })
  .meta({ id: "WebhookWithSecret" });

const page = z.object({ next: z.string().nullable(), size: z.int().min(0), at: z.int().min(0) });
export const webhookListSchema = z.object({ data: z.array(webhookSchema), page });

export const replayRequest = z
  .strictObject({
    fromPosition: z.int().min(1).meta({ description: "The first event." }),
    toPosition: z.int().min(1).optional().meta({ description: "The last event; absent: the space's head." }),
  })
  .meta({ id: "ReplayRequest" });

const count = z.int().min(0);
export const replaySchema = z
  .object({
    id: z.string().regex(JOB),
    kind: z.literal("webhook-replay"),
    status: z.enum(["queued", "running", "completed", "cancelled", "failed"]),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
    webhook: z.string().regex(ID),
    fromPosition: count,
    toPosition: count,
    deliveries: z.object({ pending: count, delivered: count, failed: count, cancelled: count }),
  })
  .meta({ id: "WebhookReplay" });
export const replayListSchema = z.object({ data: z.array(replaySchema), page });

export const sentTest = z
  .object({
    id: z.string().regex(JOB),
    event: z.literal("webhook.test"),
    status: z.literal("pending"),
    createdAt: time,
  })
  .meta({ id: "WebhookTest" });

const attempt = z.object({
  n: z.int().min(1),
  at: time,
  durationMs: z.int().min(0),
  status: z.int().nullable().meta({ description: "Null: no answer came." }),
  error: z.string().nullable().meta({
    description:
      "`status`, `redirect`, `timeout`, `connection`, `resolver-unavailable`, `event-missing`, or `url-not-allowed: …`.",
  }),
  request: z.object({ url: z.string(), id: z.string(), timestamp: z.int(), bytes: z.int().min(0) }),
  response: z
    .object({
      status: z.int(),
      fields: z.record(z.string(), z.string()).meta({ description: "A few of its header fields." }),
      body: z.string().meta({ description: "Its beginning." }),
    })
    .nullable(),
});

export const deliverySchema = z
  .object({
    id: z.string().regex(JOB),
    event: z.enum(ANNOUNCEMENTS),
    position: count,
    replayed: z.boolean(),
    status: z.enum(["pending", "delivered", "failed", "cancelled"]),
    createdAt: time,
    nextAttemptAt: time.nullable().meta({ description: "Null also while an older one of its entry is unfinished." }),
    finishedAt: time.nullable(),
    attempts: z.array(attempt),
  })
  .meta({ id: "Delivery" });
export const deliveryListSchema = z.object({ data: z.array(deliverySchema), page });
