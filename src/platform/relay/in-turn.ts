// One run of a subscriber over a space at a time, with a rest between: a lease in its row, which ends by itself if the run dies. A bell that
// comes meanwhile is not needed: whoever gives the lease back looks whether there is more, and rings for it.
import { type Clock, type Millis, type Seconds, seconds } from "../../kernel/clock.ts";
import type { JsonObject } from "../../kernel/json.ts";
import { position } from "../../kernel/position.ts";
import { attempt } from "../resilience/attempt.ts";
import type { Bells } from "./bell.ts";
import type { SpaceAddress } from "./dirty-set.ts";
import type { SpaceCall } from "./space-calls.ts";
import type { Turns } from "./subscriber.ts";

export interface TurnParts {
  readonly call: SpaceCall;
  readonly bells: Pick<Bells, "ringLater">;
  readonly clock: Clock;
}

/** A run that is over its time still ends what it has begun; the lease is longer than that. */
const LEASE_MS = 30_000;
const LEAST_REST: Seconds = seconds(1);

/** `run` is told when it is to end. Throws what it throws; then nobody runs until the lease is over. */
export async function inTurn(
  { call, bells, clock }: TurnParts,
  subscriber: string,
  turns: Turns,
  space: SpaceAddress,
  run: (until: number) => Promise<void>,
): Promise<void> {
  const started = clock.now();
  const at = (ms: number): string => new Date(ms).toISOString();
  const until = at(started + turns.atMost + LEASE_MS);
  const begun = await call(space, "lease_subscriber", { subscriber, at: at(started), until });
  if (begun["leased"] !== true) return;
  await run(started + turns.atMost);
  const now = clock.now();
  const rest = seconds(Math.ceil(turns.rest((now - started) as Millis) / 1_000));
  const payload: JsonObject = { subscriber, until, at: at(now), rest: at(now + rest * 1_000) };
  const ended = await call(space, "rest_subscriber", payload);
  // After a rest the next bell is its own: those that came meanwhile were not heard.
  if (ended["gone"] === true || (ended["isBehind"] !== true && rest === 0)) return;
  const head = position(Number(ended["head"]));
  await attempt(() => bells.ringLater({ ...space, position: head }, { delay: rest === 0 ? LEAST_REST : rest }));
}
