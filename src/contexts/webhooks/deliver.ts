// One worker's turn at an endpoint: claims a delivery, sends it, ends it, and goes on with the endpoint's next as long as there is one.
// The row is the truth: whoever dies holding a claim leaves a lease behind, and the delivery is due again when it is over.
import { type Clock, type Instant, instant, type Millis, millis, type Seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import type { SpaceAddress } from "../../platform/relay/dirty-set.ts";
import type { Report } from "../../platform/relay/relay.ts";
import type { SpaceCall } from "../../platform/relay/space-calls.ts";
import { attempt, nameOf } from "../../platform/resilience/attempt.ts";
import type { Destinations } from "./destination.ts";
import { ATTEMPTS, retryAfterOf, retryAt } from "./domain/retry.ts";
import { continueTrace } from "./domain/trace.ts";
import type { Announcement } from "./domain/webhook.ts";
import { SLOTS, SOON_MS, textOf, wakesOf } from "./fan-out.ts";
import { bodyOf, type ToldEvent } from "./message.ts";
import type { Courier, MessageSigner, Posted, Vault } from "./ports.ts";
import { vaultKey } from "./save-webhook.ts";
import type { Waker } from "./waker.ts";

export interface DeliverParts {
  readonly call: SpaceCall;
  readonly destinations: Destinations;
  readonly vault: Vault;
  readonly signer: MessageSigner;
  readonly courier: Courier;
  readonly waker: Waker;
  readonly clock: Clock;
  readonly report: Report;
  uuid(): string;
  /** In [0, 1). */
  random(): number;
  /** 410, or nothing but failures for days. Done twice it is done once. */
  disable(space: SpaceAddress, webhook: string, reason: "gone" | "failing"): Promise<void>;
}

/** What `claim_traced_delivery` gives away. */
export interface Claim {
  readonly holder: string;
  readonly delivery: string;
  readonly webhook: string;
  readonly event: Announcement;
  readonly position: number;
  readonly replay: boolean;
  readonly attempt: number;
  readonly url: string;
  readonly secret: string;
  readonly previousSecret: string | null;
  readonly createdAt: number;
  readonly space: string;
  readonly told: ToldEvent | null;
  /** Of the write that the event came from. */
  readonly traceparent?: string | null;
}

export type Claimed =
  | { readonly is: "mine"; readonly claim: Claim }
  /** `after`: too early by so long. Otherwise whoever has to come will be told. */
  | { readonly is: "not-mine"; readonly why: string; readonly after?: Seconds };

const LEASE_S = 60;
/** Everything between connecting and the last byte that is read. */
const WALL: Millis = millis(15_000);
/** Failures in a row that open an endpoint's breaker; a silence counts as all of them. */
const BREAK_AFTER = 5;
const OPEN_FOR_S = [10, 30, 60, 120, 300];
/** No attempt succeeded for so long, which is longer than all attempts of one delivery take: the endpoint is disabled. */
const FAILING_S = 120 * 3_600;
/** How long a worker goes on with one endpoint: with the wall of its last attempt within the 30 s that work behind an event has. */
const TURN: Millis = millis(12_000);
/** One to go on with, and one for somebody else. */
const NEXT = 2;

/** Throws when the primary is away. */
export async function claimDelivery(parts: DeliverParts, space: SpaceAddress, delivery: string): Promise<Claimed> {
  const { call, clock, waker, uuid } = parts;
  const holder = uuid();
  const now = clock.now();
  const answer = await call(space, "claim_traced_delivery", {
    delivery,
    holder,
    at: textOf(now),
    lease: LEASE_S,
    slots: SLOTS,
    most: ATTEMPTS,
    wakeUntil: textOf(instant(now + SOON_MS)),
    wake: NEXT,
  });
  if (answer["gone"] === true) return { is: "not-mine", why: "gone" };
  if (answer["skip"] === undefined) return { is: "mine", claim: { ...(answer as unknown as Claim), holder } };
  await waker.deliveries(space, wakesOf(answer["wake"]));
  const after = answer["after"];
  return { is: "not-mine", why: String(answer["skip"]), ...(after === undefined ? {} : { after: after as Seconds }) };
}

/** Sends what was claimed and goes on. Never throws: what it leaves is found by lease and sweep. */
export async function deliverOn(parts: DeliverParts, space: SpaceAddress, first: Claim): Promise<void> {
  const end = parts.clock.now() + TURN;
  for (let claim: Claim | undefined = first; claim !== undefined; ) {
    const current: Claim = claim;
    const done: { readonly ok: boolean; readonly value?: string | undefined; readonly error?: unknown } = await attempt(
      () => deliver(parts, space, current, parts.clock.now() < end),
    );
    if (!done.ok)
      parts.report("delivery-left", { space: space.uid, delivery: current.delivery, why: nameOf(done.error) });
    const next = done.value;
    if (next === undefined) return;
    const claimed = await attempt(() => claimDelivery(parts, space, next));
    claim = claimed.ok && claimed.value.is === "mine" ? claimed.value.claim : undefined;
  }
}

/** One attempt. Answers the delivery to go on with, if this worker still has time for one. */
async function deliver(
  parts: DeliverParts,
  space: SpaceAddress,
  claim: Claim,
  goesOn: boolean,
): Promise<string | undefined> {
  const started = parts.clock.now();
  const sent = await send(parts, space, claim);
  const now = parts.clock.now();
  const asked = retryAfterOf(sent.answer?.headers["retry-after"] ?? null, now);
  const status = sent.answer?.status ?? null;
  const isDone = status !== null && status >= 200 && status < 300;
  const answer = await parts.call(space, "finish_delivery", {
    delivery: claim.delivery,
    holder: claim.holder,
    at: textOf(now),
    ok: isDone,
    final: status === 410 || sent.isHopeless,
    retryAt: textOf(retryAt(claim.attempt, now, parts.random(), asked)),
    most: ATTEMPTS,
    weight: sent.error === "timeout" ? BREAK_AFTER : 1,
    breakAfter: BREAK_AFTER,
    openFor: OPEN_FOR_S,
    keepFailing: FAILING_S,
    took: now - started,
    status,
    error: sent.error,
    request: sent.request,
    response: sent.answer === undefined ? null : summaryOf(sent.answer),
    wakeUntil: textOf(instant(now + SOON_MS)),
    wake: NEXT,
  });
  if (answer["state"] === "failed")
    parts.report("delivery-failed", { space: space.uid, webhook: claim.webhook, delivery: claim.delivery });
  const wakes = wakesOf(answer["wake"]);
  const own = goesOn ? wakes.find(({ delay }) => delay === 0) : undefined;
  await parts.waker.deliveries(
    space,
    wakes.filter((wake) => wake !== own),
  );
  const reason = status === 410 ? "gone" : answer["failing"] === true ? "failing" : undefined;
  if (reason !== undefined) await parts.disable(space, claim.webhook, reason);
  return own?.id;
}

function summaryOf({ status, headers, body }: Posted): JsonObject {
  return { status, fields: headers, body };
}

interface Sent {
  readonly request: JsonObject;
  readonly answer?: Posted;
  readonly error: string | null;
  /** Trying again would end the same way. */
  readonly isHopeless: boolean;
}

async function send(parts: DeliverParts, space: SpaceAddress, claim: Claim): Promise<Sent> {
  const { courier, destinations, clock } = parts;
  const { event, position, webhook, replay, told, createdAt } = claim;
  const body = bodyOf({ event, position, space: claim.space, webhook, replayed: replay, told, at: createdAt });
  const now = clock.now();
  const id = messageId(space, claim);
  const request = { url: claim.url, id, timestamp: Math.floor(now / 1_000), bytes: body?.length ?? 0 };
  if (body === undefined) return { request, error: "event-missing", isHopeless: true };
  const judged = await attempt(() => destinations.whyNotSend(claim.url));
  if (!judged.ok) return { request, error: "resolver-unavailable", isHopeless: false };
  if (judged.value !== undefined) return { request, error: `url-not-allowed: ${judged.value}`, isHopeless: false };
  const traceparent = continueTrace(claim.traceparent, parts.uuid().replaceAll("-", "").slice(0, 16));
  const headers = {
    ...(traceparent === undefined ? {} : { traceparent }),
    "Content-Type": "application/json",
    "User-Agent": "Meridian-Webhooks/1",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now / 1_000)),
    "webhook-signature": await signaturesOf(parts, space, claim, id, now, body),
  };
  const posted = await attempt(() => courier.post(claim.url, headers, body, WALL));
  if (posted.ok) return { request, answer: posted.value, error: errorOf(posted.value.status), isHopeless: false };
  return { request, error: nameOf(posted.error) === "TimeoutError" ? "timeout" : "connection", isHopeless: false };
}

function errorOf(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? "redirect" : "status";
}

/** The same in every attempt and every replay of one event to one endpoint. */
function messageId({ uid, epoch }: SpaceAddress, { webhook, position, event, delivery, told }: Claim): string {
  if (event === "webhook.test") return `msg_test_${delivery}`;
  // At the head's position there is an event already.
  const what = event === "import.completed" ? told?.stream.replace(":", "_") : position;
  return `msg_${uid}_${epoch}_${webhook}_${what}`;
}

/** Two while a rotation overlaps. */
async function signaturesOf(
  { vault, signer }: DeliverParts,
  space: SpaceAddress,
  { webhook, secret, previousSecret }: Claim,
  id: string,
  at: Instant,
  body: string,
): Promise<string> {
  const key = vaultKey(space, webhook);
  const sealed = [secret, ...(previousSecret === null ? [] : [previousSecret])];
  const open = await Promise.all(sealed.map((one) => vault.open(one, key)));
  return open.map((one) => signer.sign(one, id, at, body)).join(" ");
}
