// The shape of what happens afterwards: one reaction a file, named as a sentence, listed in reactions.ts.
import type { Result } from "../kernel/result.ts";
import type { Bell } from "../platform/relay/bell.ts";
import type { BringUpParts } from "../platform/relay/bring-up.ts";

/** What a reaction may be told, by the event's name. */
export interface Happenings {
  readonly SpaceAdvanced: Bell;
}
export type Happening = keyof Happenings;
export type QueueName = "changes";

/** What reactions are given: narrow objects, the same for all. */
export type ReactionTools = BringUpParts;

export interface Tries {
  /** Deliveries of one message, the first included. Must not exceed `max_retries` + 1 of the queue in wrangler.toml. */
  readonly tries: number;
}

/**
 * Effects happen once: a message may come twice, late or out of order, and others of its batch may be merged into it.
 * `unavailable`, `limited` and `conflict` are tried again; any other fault ends the matter.
 */
export type React<H extends Happening> = (tools: ReactionTools, happened: Happenings[H]) => Promise<Result<undefined>>;

export interface Reaction<H extends Happening = Happening> {
  readonly when: H;
  readonly queue: QueueName;
  readonly react: React<H>;
  readonly giveUpAfter: Tries;
}

export function on<H extends Happening>(when: H, queue: QueueName, react: React<H>, giveUpAfter: Tries): Reaction<H> {
  return { when, queue, react, giveUpAfter };
}

export function tries(n: number): Tries {
  return { tries: n };
}
