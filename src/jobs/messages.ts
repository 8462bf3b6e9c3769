// What travels in the queues, read strictly: ids and numbers, never content.
import { z } from "zod";
import { spaceUid } from "../kernel/id.ts";
import { ORIGIN, position } from "../kernel/position.ts";
import type { Bell } from "../platform/relay/bell.ts";
import type { Happening, Happenings, QueueName } from "./reaction.ts";

/** One queue's messages, and how several of one batch become one. */
export interface QueueRules<H extends Happening> {
  readonly says: H;
  /** `undefined`: not a message of this queue. */
  read(body: unknown): Happenings[H] | undefined;
  /** Messages with equal keys are handled by one run. */
  keyOf(message: Happenings[H]): string;
  /** At least one message, all of one key. */
  merge(messages: readonly Happenings[H][]): Happenings[H];
  /** True: a message that gives up is forgotten, because the sweep finds what it spoke of. False: it becomes a dead letter. */
  readonly isSwept: boolean;
}

const bell = z.strictObject({
  uid: z.int().positive().transform(spaceUid),
  epoch: z.int().positive(),
  residency: z.string().min(1).max(64),
  position: z.int().nonnegative().transform(position),
  traceparent: z.string().max(64).optional(),
});

export const QUEUES: { readonly [Q in QueueName]: QueueRules<Happening> } = {
  changes: {
    says: "SpaceAdvanced",
    isSwept: true,
    read: (body) => bell.safeParse(body).data as Bell | undefined,
    keyOf: ({ uid, epoch }) => `${uid}.${epoch}`,
    // Position 0 says "look at the log": it must survive the merge.
    merge: (bells) => {
      const highest = bells.reduce((one, other) => (other.position > one.position ? other : one));
      return bells.some((one) => one.position === ORIGIN) ? { ...highest, position: ORIGIN } : highest;
    },
  },
};
