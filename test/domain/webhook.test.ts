// A webhook's life, what is announced of the log and under which name, and when a delivery is tried again.

import { describe, expect, test } from "vitest";
import { announcementOf } from "../../src/contexts/webhooks/domain/announcing.ts";
import { ATTEMPTS, DELAYS, retryAfterOf, retryAt } from "../../src/contexts/webhooks/domain/retry.ts";
import { continueTrace } from "../../src/contexts/webhooks/domain/trace.ts";
import {
  evolveWebhook,
  NO_WEBHOOK,
  type WebhookSettings,
  type WebhookState,
} from "../../src/contexts/webhooks/domain/webhook.ts";
import { decideWebhook, type WebhookCommand } from "../../src/contexts/webhooks/domain/webhook-decisions.ts";
import { instant, seconds } from "../../src/kernel/clock.ts";

const NOW = instant(Date.UTC(2026, 0, 1));
const settings: WebhookSettings = {
  url: "https://a.example/",
  events: ["entry.published"],
  types: null,
  description: null,
  enabled: true,
};

/** Given these commands, what is then true; a refusal is its code. */
function lived(...commands: readonly WebhookCommand[]): WebhookState | string {
  let state: WebhookState = NO_WEBHOOK;
  for (const command of commands) {
    const decided = decideWebhook(command, state, NOW);
    if (!decided.ok) return decided.fault.code;
    state = decided.value.reduce(evolveWebhook, state);
  }
  return state;
}
const create: WebhookCommand = { do: "CreateWebhook", settings, secret: "one" };
const change = (patch: Partial<WebhookSettings>): WebhookCommand => ({ do: "ChangeWebhook", id: "h", patch });
const disable: WebhookCommand = { do: "DisableWebhook", id: "h", reason: "gone" };

describe("a webhook", () => {
  test("is told since it was made, or enabled again", () => {
    expect(lived(create)).toMatchObject({ is: "present", revision: 1, since: 1, enabled: true, disabledReason: null });
    expect(lived(create, change({ description: "d" }))).toMatchObject({ revision: 2, since: 1 });
    expect(lived(create, disable)).toMatchObject({ enabled: false, disabledReason: "gone", since: 1 });
    expect(lived(create, disable, change({ url: "https://b.example/" }))).toMatchObject({
      enabled: false,
      disabledReason: "gone",
    });
    expect(lived(create, disable, change({ enabled: true }))).toMatchObject({
      enabled: true,
      disabledReason: null,
      since: 3,
    });
  });

  test("what changes nothing is no event", () => {
    expect(
      lived(create, change({}), change({ events: ["entry.published", "entry.published"], enabled: true })),
    ).toMatchObject({ revision: 1 });
    expect(lived(create, disable, disable)).toMatchObject({ revision: 2 });
  });

  test("keeps the secret before during an overlap", () => {
    const rotate = (overlapSeconds: number): WebhookCommand => ({
      do: "RotateSecret",
      id: "h",
      secret: "two",
      overlapSeconds,
    });
    expect(lived(create, rotate(60))).toMatchObject({
      secret: "two",
      previous: "one",
      previousUntil: "2026-01-01T00:01:00.000Z",
    });
    expect(lived(create, rotate(0))).toMatchObject({ secret: "two", previous: null, previousUntil: null });
  });

  test.each<[string, readonly WebhookCommand[]]>([
    ["webhook-missing", [change({})]],
    ["webhook-missing", [create, { do: "DeleteWebhook", id: "h" }, change({})]],
    ["invalid-value", [create, change({ events: [] })]],
    ["invalid-value", [create, change({ types: [] })]],
    ["invalid-value", [create, change({ types: ["No Type"] })]],
    ["invalid-value", [create, change({ description: "\0" })]],
    ["invalid-value", [create, change({ description: "d".repeat(501) })]],
  ])("refuses with %s", (code, commands) => {
    expect(lived(...commands)).toBe(code);
  });
});

describe("announcements", () => {
  const of = (stream: string, type: string, more: object = {}) =>
    announcementOf({
      stream,
      type,
      schema: 1,
      data: {},
      entryType: stream.startsWith("entry:") ? "city" : null,
      ...more,
    });
  test.each([
    ["entry:a", "EntryCreated", { event: "entry.created", type: "city" }],
    ["entry:a", "EntryDeleted", { event: "entry.deleted", type: "city" }],
    ["type:city", "TypeSaved", { event: "type.saved", type: "city" }],
    ["webhook:1", "WebhookDisabled", { event: "webhook.disabled" }],
    ["webhook:1", "WebhookCreated", undefined],
    ["key:1", "KeyCreated", undefined],
    ["space", "SpaceCreated", undefined],
  ])("%s %s", (stream, type, announced) => {
    expect(of(stream, type)).toEqual({ ok: true, value: announced });
  });

  test("archiving withdraws what was published", () => {
    expect(of("entry:a", "EntryArchived", { data: { withdrew: true } })).toMatchObject({
      value: { event: "entry.archived", instead: "entry.unpublished" },
    });
    expect(of("entry:a", "EntryArchived", { data: { withdrew: false } })).toEqual({
      ok: true,
      value: { event: "entry.archived", type: "city" },
    });
  });

  test("what a later release has written is refused, not passed over", () => {
    for (const event of [
      of("entry:a", "EntryExploded"),
      of("entry:a", "EntryCreated", { schema: 2 }),
      of("type:city", "TypeSaved", { schema: 2 }),
    ])
      expect(event).toMatchObject({ ok: false, fault: { code: "event-unknown" } });
  });
});

describe("trying again", () => {
  test("nine delays, about 75 hours, each up to a tenth longer", () => {
    expect(ATTEMPTS).toBe(10);
    expect(DELAYS.reduce((sum, delay) => sum + delay, 0) / 3_600).toBeCloseTo(75.58, 1);
    DELAYS.forEach((delay, i) => {
      expect(retryAt(i + 1, NOW, 0) - NOW).toBe(delay * 1_000);
      expect(retryAt(i + 1, NOW, 0.999) - NOW).toBeLessThanOrEqual(delay * 1_100);
    });
  });

  test("the receiver may ask for more time, up to a day, and not for less", () => {
    expect(retryAt(1, NOW, 0, seconds(90)) - NOW).toBe(90_000);
    expect(retryAt(3, NOW, 0, seconds(1)) - NOW).toBe(1_800_000);
    expect(retryAt(1, NOW, 0, seconds(1e9)) - NOW).toBe(86_400_000);
  });

  test.each([
    [null, undefined],
    ["120", 120],
    [" 7 ", 7],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["soon", undefined],
    ["-5", undefined],
  ])("Retry-After %j is %j", (value, wait) => {
    const found = retryAfterOf(value, NOW);
    // What a date parser makes of odd text is no wait.
    if (value === "-5") expect(found ?? 0).toBe(0);
    else expect(found).toBe(wait);
  });
});

test("a trace goes on with another span, and only a trace does", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  expect(continueTrace(`00-${trace}-00f067aa0ba902b7-01`, "1".repeat(16))).toBe(`00-${trace}-${"1".repeat(16)}-01`);
  for (const none of [
    null,
    undefined,
    "",
    "00-x",
    `01-${trace}-00f067aa0ba902b7-01`,
    `00-${trace}-00f067aa0ba902b7-01-more`,
  ])
    expect(continueTrace(none, "1".repeat(16)), String(none)).toBeUndefined();
});
