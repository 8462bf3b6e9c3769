// What may happen to a webhook. Where its URL may lead is judged outside: that takes a resolver.
import type { Instant } from "../../../kernel/clock.ts";
import { type Fault, type FaultItem, fault, quote } from "../../../kernel/fault.ts";
import { TYPE_NAME } from "../../../kernel/id.ts";
import { isStorable } from "../../../kernel/json.ts";
import { never, ok, type Result, refuse } from "../../../kernel/result.ts";
import {
  ANNOUNCEMENTS,
  type DisabledReason,
  type WebhookEvent,
  type WebhookSettings,
  type WebhookState,
} from "./webhook.ts";

export type WebhookCommand =
  | { readonly do: "CreateWebhook"; readonly settings: WebhookSettings; readonly secret: string }
  | { readonly do: "ChangeWebhook"; readonly id: string; readonly patch: Partial<WebhookSettings> }
  | { readonly do: "DisableWebhook"; readonly id: string; readonly reason: DisabledReason }
  | { readonly do: "RotateSecret"; readonly id: string; readonly secret: string; readonly overlapSeconds: number }
  | { readonly do: "DeleteWebhook"; readonly id: string };

export const DESCRIPTION_MOST = 500;
export const TYPES_MOST = 100;
/** A week, as for API keys. */
export const SECRET_OVERLAP_MOST = 604_800;

type Decision = Result<readonly WebhookEvent[]>;

/** Refuses with `missing`/`webhook-missing` and `invalid`/`invalid-value`. No events: nothing would change. */
export function decideWebhook(command: WebhookCommand, state: WebhookState, now: Instant): Decision {
  if (command.do === "CreateWebhook") {
    const settings = inOrder(command.settings);
    const wrong = whyNotSettings(settings);
    return wrong ? refuse(wrong) : ok([{ type: "WebhookCreated", data: { ...settings, secret: command.secret } }]);
  }
  if (state.is === "absent") return refuse(webhookMissing(command.id));
  switch (command.do) {
    case "ChangeWebhook": {
      const { url, events, types, description, enabled } = state;
      const before: WebhookSettings = { url, events, types, description, enabled };
      const after = inOrder({ ...before, ...command.patch });
      const wrong = whyNotSettings(after);
      if (wrong) return refuse(wrong);
      return JSON.stringify(after) === JSON.stringify(inOrder(before))
        ? ok([])
        : ok([{ type: "WebhookChanged", data: after }]);
    }
    case "DisableWebhook":
      return ok(state.enabled ? [{ type: "WebhookDisabled", data: { reason: command.reason } }] : []);
    case "RotateSecret": {
      const overlaps = command.overlapSeconds > 0;
      const previousUntil = overlaps ? new Date(now + command.overlapSeconds * 1_000).toISOString() : null;
      const previous = overlaps ? state.secret : null;
      return ok([{ type: "WebhookSecretRotated", data: { secret: command.secret, previous, previousUntil } }]);
    }
    case "DeleteWebhook":
      return ok([{ type: "WebhookDeleted", data: {} }]);
    default:
      return never(command);
  }
}

export function webhookMissing(id: string): Fault {
  return fault("missing", "webhook-missing", `There is no webhook ${quote(id)}`);
}

/** One order of members and events for equal settings, whatever was sent. */
function inOrder({ url, events, types, description, enabled }: WebhookSettings): WebhookSettings {
  return {
    url,
    events: ANNOUNCEMENTS.filter((name) => events.includes(name)),
    types: types === null ? null : [...new Set(types)].sort(),
    description,
    enabled,
  };
}

function whyNotSettings({ url, events, types, description }: WebhookSettings): Fault | undefined {
  const errors: FaultItem[] = [];
  const wrong = (pointer: string, detail: string) => void errors.push({ pointer, code: "invalid-value", detail });
  if (!isStorable(url)) wrong("/url", "A URL holds neither U+0000 nor lone surrogates");
  if (events.length === 0) wrong("/events", "A webhook is told of at least one event");
  if (types !== null && (types.length === 0 || types.length > TYPES_MOST))
    wrong("/types", `Name 1 to ${TYPES_MOST} content types, or none at all for every type`);
  const odd = types?.find((name) => !TYPE_NAME.test(name));
  if (odd !== undefined) wrong("/types", `No content type can be called ${quote(odd)}`);
  if (description !== null && ([...description].length > DESCRIPTION_MOST || !isStorable(description)))
    wrong("/description", `A description has at most ${DESCRIPTION_MOST} characters, none of them U+0000`);
  return errors.length === 0 ? undefined : fault("invalid", "invalid-value", errors[0]?.detail ?? "", { errors });
}
