// Making, changing, rotating and deleting webhooks: each is one commit. A secret leaves once, in the answer that made it.
import { fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Scope, SpaceRef } from "../../kernel/scope.ts";
import type { Change } from "../../platform/event-log/commit.ts";
import { handle } from "../../platform/event-log/handle.ts";
import type { Writer, Written } from "../../platform/event-log/writer.ts";
import { checkMatch, etagOf, hex, type IfMatch } from "../tenancy/tenancy.ts";
import type { Destinations } from "./destination.ts";
import {
  evolveWebhook,
  NO_WEBHOOK,
  type PresentWebhook,
  type WebhookEvent,
  type WebhookSettings,
  type WebhookState,
} from "./domain/webhook.ts";
import { decideWebhook, webhookMissing } from "./domain/webhook-decisions.ts";
import type { Vault } from "./ports.ts";
import type { Waker } from "./waker.ts";
import { countStatement, decodeWebhook, type LoadedWebhook, webhookStatement, webhookView } from "./webhook-row.ts";

/** What the service keeps for webhooks beside the space's data. */
export interface WebhookTools {
  readonly destinations: Destinations;
  readonly vault: Vault;
  readonly waker: Waker;
}

export interface WebhookData {
  readonly writer: Writer;
  readonly secrets: { random(bytes: number): Uint8Array };
  readonly webhooks: Omit<WebhookTools, "waker">;
}

export interface OneWebhook {
  readonly id: string;
  readonly ifMatch: IfMatch;
}

/** Each is one more delivery for every event. */
export const WEBHOOKS_MOST = 50;
const SECRET_BYTES = 32;
const ID_BYTES = 9;

/** Refuses with `invalid`/`url-not-allowed`, `invalid-value`, `conflict`/`webhooks-too-many`. */
export async function createWebhook(scope: Scope<WebhookData>, settings: WebhookSettings): Promise<Result<Written>> {
  const { space, data } = scope;
  const { writer, secrets, webhooks } = data;
  const why = await webhooks.destinations.whyNotSave(settings.url);
  if (why !== undefined) return refuse(why);
  return await handle(async () => {
    const counted = await writer.load([countStatement(space.uid)]);
    if (!counted.ok) return counted;
    if (Number(counted.value.rows[0]?.[0]?.["n"] ?? 0) >= WEBHOOKS_MOST) return refuse(TOO_MANY);
    const id = hex(secrets.random(ID_BYTES));
    const secret = newSecret(secrets);
    const sealed = await webhooks.vault.seal(secret, vaultKey(space, id));
    const decided = decideWebhook({ do: "CreateWebhook", settings, secret: sealed }, NO_WEBHOOK, scope.clock.now());
    if (!decided.ok) return decided;
    const { change, state } = changeOf(id, NO_WEBHOOK, decided.value);
    const { at } = writer.marks;
    const view = webhookView(id, state as PresentWebhook, { createdAt: at, updatedAt: at });
    return await writer.commit(change, {
      view: { ...view, secret: writer.marks.secret },
      created: true,
      etag: etagOf(space.epoch, state.revision),
      location: `webhooks/${id}`,
      secret,
    });
  });
}

/** Refuses with `missing`/`webhook-missing`, `outdated`/`precondition-failed`, and like `createWebhook`. */
export async function changeWebhook(
  scope: Scope<WebhookData>,
  { id, ifMatch, patch }: OneWebhook & { readonly patch: Partial<WebhookSettings> },
): Promise<Result<Written>> {
  const { space, data } = scope;
  const why = patch.url === undefined ? undefined : await data.webhooks.destinations.whyNotSave(patch.url);
  return await handle(async () => {
    const loaded = await load(data.writer, space, id, ifMatch);
    if (!loaded.ok) return loaded;
    if (why !== undefined) return refuse(why);
    const { state, createdAt, updatedAt, position } = loaded.value;
    const decided = decideWebhook({ do: "ChangeWebhook", id, patch }, state, scope.clock.now());
    if (!decided.ok) return decided;
    if (decided.value.length === 0)
      return ok(
        data.writer.unchanged(
          { view: webhookView(id, state, { createdAt, updatedAt }), etag: etagOf(space.epoch, state.revision) },
          position,
        ),
      );
    const { change, state: after } = changeOf(id, state, decided.value);
    const view = webhookView(id, after as PresentWebhook, { createdAt, updatedAt: data.writer.marks.at });
    return await data.writer.commit(change, { view, etag: etagOf(space.epoch, after.revision) });
  });
}

export async function rotateWebhookSecret(
  scope: Scope<WebhookData>,
  { id, ifMatch, overlapSeconds }: OneWebhook & { readonly overlapSeconds: number },
): Promise<Result<Written>> {
  const { space, data } = scope;
  const { writer, secrets, webhooks } = data;
  return await handle(async () => {
    const loaded = await load(writer, space, id, ifMatch);
    if (!loaded.ok) return loaded;
    const { state, createdAt } = loaded.value;
    const secret = newSecret(secrets);
    const sealed = await webhooks.vault.seal(secret, vaultKey(space, id));
    const decided = decideWebhook({ do: "RotateSecret", id, secret: sealed, overlapSeconds }, state, scope.clock.now());
    if (!decided.ok) return decided;
    const { change, state: after } = changeOf(id, state, decided.value);
    const view = webhookView(id, after as PresentWebhook, { createdAt, updatedAt: writer.marks.at });
    return await writer.commit(change, {
      view: { ...view, secret: writer.marks.secret },
      etag: etagOf(space.epoch, after.revision),
      secret,
    });
  });
}

export async function deleteWebhook(
  scope: Scope<Pick<WebhookData, "writer">>,
  { id, ifMatch }: OneWebhook,
): Promise<Result<Written>> {
  return await decideAlone(scope, id, ifMatch, { do: "DeleteWebhook", id });
}

/** By the system: it answered 410, or nothing but failures for days. Does nothing to one that is disabled already. */
export async function disableWebhook(
  scope: Scope<Pick<WebhookData, "writer">>,
  { id, reason }: { readonly id: string; readonly reason: "gone" | "failing" },
): Promise<Result<Written>> {
  return await decideAlone(scope, id, undefined, { do: "DisableWebhook", id, reason });
}

async function decideAlone(
  { space, clock, data: { writer } }: Scope<Pick<WebhookData, "writer">>,
  id: string,
  ifMatch: IfMatch,
  command: Extract<Parameters<typeof decideWebhook>[0], { do: "DeleteWebhook" | "DisableWebhook" }>,
): Promise<Result<Written>> {
  return await handle(async () => {
    const loaded = await load(writer, space, id, ifMatch);
    if (!loaded.ok) return loaded;
    const decided = decideWebhook(command, loaded.value.state, clock.now());
    if (!decided.ok) return decided;
    if (decided.value.length === 0) return ok(writer.unchanged({}, loaded.value.position));
    return await writer.commit(changeOf(id, loaded.value.state, decided.value).change, {});
  });
}

/** What a webhook's secrets are sealed under, beside the server's own. */
export function vaultKey({ uid }: Pick<SpaceRef, "uid">, id: string): string {
  return `webhook:${uid}:${id}`;
}

function newSecret({ random }: WebhookData["secrets"]): string {
  return `whsec_${btoa(String.fromCharCode(...random(SECRET_BYTES)))}`;
}

async function load(writer: Writer, space: SpaceRef, id: string, ifMatch: IfMatch) {
  const answer = await writer.load([webhookStatement(space.uid, id)]);
  if (!answer.ok) return answer;
  const row = answer.value.rows[0]?.[0];
  if (row === undefined) return refuse(webhookMissing(id));
  const found: LoadedWebhook = decodeWebhook(row);
  const met = checkMatch(ifMatch, etagOf(space.epoch, found.state.revision), `webhook "${id}"`);
  return met.ok ? ok({ ...found, position: answer.value.position }) : met;
}

function changeOf(
  id: string,
  before: WebhookState,
  events: readonly WebhookEvent[],
): { readonly change: Change; readonly state: WebhookState } {
  const stream = `webhook:${id}`;
  const change: Change = {
    streams: [{ i: 0, id: stream, x: before.revision, n: events.length }],
    events: events.map(({ type, data }, at) => ({
      n: at + 1,
      stream,
      version: before.revision + at + 1,
      type,
      schema: 1,
      data: { ...data },
      tags: [],
    })),
  };
  return { change, state: events.reduce(evolveWebhook, before) };
}

const TOO_MANY = fault(
  "conflict",
  "webhooks-too-many",
  `Cannot create a webhook: the space has ${WEBHOOKS_MOST}, which is the most`,
);
