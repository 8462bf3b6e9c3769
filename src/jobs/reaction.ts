// The shape of what happens afterwards: one reaction a file, named as a sentence, listed in reactions.ts.
import type { DeliverParts, ReplayParts } from "../contexts/webhooks/webhooks.ts";
import type { SpaceUid } from "../kernel/id.ts";
import type { Result } from "../kernel/result.ts";
import type { JobParts } from "../platform/jobs/run-job.ts";
import type { Bell, Bells } from "../platform/relay/bell.ts";
import type { BringUpParts } from "../platform/relay/bring-up.ts";
import type { DeadLetters, NewLetter } from "../platform/relay/dead-letters.ts";
import type { SpaceAddress } from "../platform/relay/dirty-set.ts";
import type { SubscriberParts } from "../platform/relay/run-subscriber.ts";
import type { Subscriber } from "../platform/relay/subscriber.ts";

export interface DeliveryDue extends SpaceAddress {
  readonly delivery: string;
}

export interface JobAsked extends SpaceAddress {
  readonly kind: string;
  readonly job: string;
}

export interface MessageGaveUp {
  readonly letter: Omit<NewLetter, "at">;
  /** When one can be told. */
  readonly space: { readonly uid: SpaceUid; readonly residency: string } | undefined;
}

/** What a reaction may be told, by the event's name. */
export interface Happenings {
  readonly SpaceAdvanced: Bell;
  readonly DeliveryDue: DeliveryDue;
  readonly JobAsked: JobAsked;
  readonly MessageGaveUp: MessageGaveUp;
}
export type Happening = keyof Happenings;
export type QueueName = "changes" | "deliveries" | "work" | "generation" | "insight" | "dead-letters";

/** What reactions are given: narrow objects, the same for all. */
export interface ReactionTools extends BringUpParts {
  readonly subscribers: SubscriberParts;
  readonly webhooks: { readonly subscriber: Subscriber; readonly deliver: DeliverParts; readonly replay: ReplayParts };
  readonly jobs: JobParts;
  /** Analyses what is published; its bells are those of its own queue. */
  readonly insight: SubscriberParts & { readonly subscriber: Subscriber; readonly bells: Bells };
  readonly deadLetters: DeadLetters;
}

export interface Tries {
  /** Deliveries of one message, the first included. Must not exceed `max_retries` + 1 of the queue in wrangler.toml. */
  readonly tries: number;
}

/** Lets work go on behind the message. */
export type Defer = (work: Promise<unknown>) => void;

/**
 * Effects happen once: a message may come twice, late or out of order, and others of its batch may be merged into it.
 * `unavailable`, `limited` and `conflict` are tried again; any other fault ends the matter.
 */
export type React<H extends Happening> = (
  tools: ReactionTools,
  happened: Happenings[H],
  defer: Defer,
) => Promise<Result<undefined>>;

export interface Reaction<H extends Happening = Happening> {
  readonly when: H;
  readonly queue: QueueName;
  react(tools: ReactionTools, happened: Happenings[H], defer: Defer): Promise<Result<undefined>>;
  readonly giveUpAfter: Tries;
}

export function on<H extends Happening>(when: H, queue: QueueName, react: React<H>, giveUpAfter: Tries): Reaction<H> {
  return { when, queue, react, giveUpAfter };
}

export function tries(n: number): Tries {
  return { tries: n };
}
