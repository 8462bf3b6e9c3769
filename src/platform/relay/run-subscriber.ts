// One run of one subscriber over one space: batches of events, each with its checkpoint in one transaction. A batch that cannot be taken in is
// taken in event by event, so that one bad event does not keep good ones from their effect.
import { type Clock, type Seconds, seconds } from "../../kernel/clock.ts";
import type { Json, JsonObject } from "../../kernel/json.ts";
import { isAway, isBusy } from "../database/outage.ts";
import { attempt, nameOf } from "../resilience/attempt.ts";
import { Outage } from "../resilience/outage.ts";
import type { Bells } from "./bell.ts";
import type { SpaceAddress } from "./dirty-set.ts";
import { inTurn } from "./in-turn.ts";
import type { Report } from "./relay.ts";
import type { SpaceCall } from "./space-calls.ts";
import type { LogHeader, Subscriber } from "./subscriber.ts";
import type { Checkpoint, SubscriberLog } from "./subscriber-log.ts";

export interface SubscriberParts {
  readonly log: SubscriberLog;
  readonly call: SpaceCall;
  readonly bells: Pick<Bells, "ringLater">;
  readonly clock: Clock;
  readonly report: Report;
  uuid(): string;
}

/** Events a transaction, and transactions a run: the rest is left to the next bell or sweep. */
export const BATCH = 100;
const ROUNDS = 200;
/** How often an event may fail its subscriber. */
export const FAILURES = 8;
const LONGEST_WAIT: Seconds = seconds(60);
const SOON: Seconds = seconds(1);

/** Throws only when something that it needs is away: then nothing was passed, or it is not known to have been. */
export async function runSubscriber(
  parts: SubscriberParts,
  subscriber: Subscriber,
  space: SpaceAddress,
): Promise<void> {
  const { turns } = subscriber;
  if (turns === undefined) await follow(parts, subscriber, space, Number.POSITIVE_INFINITY);
  else await inTurn(parts, subscriber.name, turns, space, (until) => follow(parts, subscriber, space, until));
}

async function follow(
  parts: SubscriberParts,
  subscriber: Subscriber,
  space: SpaceAddress,
  until: number,
): Promise<void> {
  const { log, clock } = parts;
  let limit = BATCH;
  let effort = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = await log.read(space, subscriber, limit);
    if (found === undefined) return;
    for (const { letter, event } of found.redriven) await takeInAgain(parts, subscriber, space, letter, event);
    if (found.isStopped || found.retryAt > clock.now()) return;
    const last = found.events.at(-1);
    if (last === undefined) return;
    const passed = await pass(parts, subscriber, space, found.isIdle ? [] : found.events, {
      name: "advance_subscriber",
      payload: { subscriber: subscriber.name, seen: found.seen, to: found.isIdle ? found.head : last.position },
    });
    if (passed.ok) {
      limit = Math.min(BATCH, limit * 4);
      effort += passed.effort;
      // What was committed since this was read has a bell of its own.
      if (!passed.moved || passed.to === found.head) return;
      // Whoever takes turns is called again when its next comes.
      if (clock.now() >= until || (subscriber.turns !== undefined && effort >= 1)) return;
      if (effort < 1) continue;
      await attempt(() => parts.bells.ringLater({ ...space, position: found.head }, { delay: SOON }));
      return;
    }
    if (limit > 1) limit = 1;
    else if (!(await failed(parts, subscriber, space, found, passed.why))) return;
  }
}

type Passed =
  | { readonly ok: true; readonly moved: boolean; readonly effort: number; readonly to?: Json | undefined }
  | { readonly ok: false; readonly why: string };

/** The effect of these events and what moves with it. Not ok: an event could not be taken in. */
async function pass(
  { call }: SubscriberParts,
  subscriber: Subscriber,
  space: SpaceAddress,
  events: readonly LogHeader[],
  step: { readonly name: string; readonly payload: JsonObject },
): Promise<Passed> {
  const done = await attempt(async () => {
    const prepared =
      events.length === 0 ? { ok: true as const, value: undefined } : await subscriber.prepare(space, events);
    if (!prepared.ok) return prepared;
    const { value: effect } = prepared;
    const reached = effect && "to" in step.payload ? subscriber.reach?.(effect) : undefined;
    const payload = { ...step.payload, ...(reached === undefined ? {} : { to: reached }) };
    const answer = await call(space, step.name, effect === undefined ? payload : { ...payload, effect });
    const effort = (effect && subscriber.effort?.(effect)) ?? 0;
    return { ok: true as const, value: { answer, effort, to: payload["to"] } };
  });
  if (!done.ok) {
    // Of many events it may have been too much: fewer may go through.
    const isOutage = done.error instanceof Outage || isAway(done.error) || (isBusy(done.error) && events.length <= 1);
    if (isOutage) throw done.error;
    return { ok: false, why: nameOf(done.error) };
  }
  if (!done.value.ok) return { ok: false, why: done.value.fault.code };
  const { answer, effort, to } = done.value.value;
  if (answer["moved"] !== true) return { ok: true, moved: false, effort };
  // What it leaves undone, the sweep finds.
  await attempt(async () => subscriber.follow?.(space, answer["effect"] ?? null));
  return { ok: true, moved: true, effort, to };
}

/** True: the event was parked, and the next may come. */
async function failed(
  { call, bells, clock, report, uuid }: SubscriberParts,
  subscriber: Subscriber,
  space: SpaceAddress,
  { seen, failures, events }: Checkpoint,
  why: string,
): Promise<boolean> {
  const [event] = events;
  if (event === undefined) return false;
  const wait = seconds(Math.min(LONGEST_WAIT, 2 ** failures));
  const answer = await call(space, "fail_subscriber", {
    subscriber: subscriber.name,
    seen,
    position: event.position,
    reason: why,
    at: new Date(clock.now()).toISOString(),
    retryAt: new Date(clock.now() + wait * 1_000).toISOString(),
    most: FAILURES,
    stops: subscriber.atFailure === "stop",
    letter: uuid(),
  });
  const outcome = answer["parked"] === true ? "parked" : answer["stopped"] === true ? "stopped" : "failed";
  report(`subscriber-${outcome}`, { space: space.uid, subscriber: subscriber.name, position: event.position, why });
  if (answer["failures"] !== undefined)
    await attempt(() => bells.ringLater({ ...space, position: event.position }, { delay: wait }));
  return answer["parked"] === true;
}

async function takeInAgain(
  parts: SubscriberParts,
  subscriber: Subscriber,
  space: SpaceAddress,
  letter: string,
  event: LogHeader,
): Promise<void> {
  const payload = { subscriber: subscriber.name, letter };
  const passed = await pass(parts, subscriber, space, [event], { name: "settle_parked", payload });
  if (passed.ok) return;
  await parts.call(space, "settle_parked", { ...payload, failed: passed.why });
  parts.report("subscriber-parked", {
    space: space.uid,
    subscriber: subscriber.name,
    position: event.position,
    why: passed.why,
  });
}
