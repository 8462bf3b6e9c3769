// A webhook's life: what happened to it, and what is then true. Secrets stand here sealed.
import { never } from "../../../kernel/result.ts";

export const ANNOUNCEMENTS = [
  "entry.created",
  "entry.updated",
  "entry.published",
  "entry.unpublished",
  "entry.archived",
  "entry.unarchived",
  "entry.deleted",
  "type.saved",
  "type.deleted",
  "release.published",
  "import.completed",
  "webhook.test",
  "webhook.disabled",
] as const;
/** What an endpoint may be told. */
export type Announcement = (typeof ANNOUNCEMENTS)[number];

/** `gone`: it answered 410; `failing`: no attempt succeeded for days. */
export type DisabledReason = "gone" | "failing";

export interface WebhookSettings {
  readonly url: string;
  readonly events: readonly Announcement[];
  /** Content types; null: all. */
  readonly types: readonly string[] | null;
  readonly description: string | null;
  readonly enabled: boolean;
}

/** Times are RFC 3339. */
export type WebhookEvent =
  | { readonly type: "WebhookCreated"; readonly data: WebhookSettings & { readonly secret: string } }
  | { readonly type: "WebhookChanged"; readonly data: WebhookSettings }
  | { readonly type: "WebhookDisabled"; readonly data: { readonly reason: DisabledReason } }
  | {
      readonly type: "WebhookSecretRotated";
      readonly data: {
        readonly secret: string;
        readonly previous: string | null;
        readonly previousUntil: string | null;
      };
    }
  | { readonly type: "WebhookDeleted"; readonly data: Record<never, never> };

export type WebhookState =
  | { readonly is: "absent"; readonly revision: number }
  | (WebhookSettings & {
      readonly is: "present";
      readonly revision: number;
      readonly disabledReason: DisabledReason | null;
      readonly secret: string;
      readonly previous: string | null;
      readonly previousUntil: string | null;
      /** The event that made or enabled it, counted within its stream: it is told of what came after. */
      readonly since: number;
    });
export type PresentWebhook = Extract<WebhookState, { is: "present" }>;

export const NO_WEBHOOK: WebhookState = { is: "absent", revision: 0 };

export function evolveWebhook(state: WebhookState, event: WebhookEvent): WebhookState {
  const revision = state.revision + 1;
  if (event.type === "WebhookCreated")
    return {
      is: "present",
      revision,
      ...event.data,
      disabledReason: null,
      previous: null,
      previousUntil: null,
      since: revision,
    };
  if (state.is === "absent") return { ...state, revision };
  switch (event.type) {
    case "WebhookChanged": {
      const turned = event.data.enabled !== state.enabled;
      return {
        ...state,
        ...event.data,
        revision,
        disabledReason: turned ? null : state.disabledReason,
        since: turned && event.data.enabled ? revision : state.since,
      };
    }
    case "WebhookDisabled":
      return { ...state, revision, enabled: false, disabledReason: event.data.reason };
    case "WebhookSecretRotated":
      return { ...state, revision, ...event.data };
    case "WebhookDeleted":
      return { is: "absent", revision };
    default:
      return never(event);
  }
}
