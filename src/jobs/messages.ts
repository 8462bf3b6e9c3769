// What travels in the queues, read strictly: ids and numbers, never content.
import * as z from "zod";
import { GENERATION } from "../contexts/generation/generation.ts";
import { spaceUid } from "../kernel/id.ts";
import { ORIGIN, position } from "../kernel/position.ts";
import type { Bell } from "../platform/relay/bell.ts";
import type { DeliveryDue, Happening, Happenings, JobAsked, MessageGaveUp, QueueName } from "./reaction.ts";

/** One queue's messages, and how several of one batch become one. */
export interface QueueRules<H extends Happening> {
  readonly says: H;
  /** `undefined`: not a message of this queue. `id` and `attempts` are the platform's. */
  read(body: unknown, id: string, attempts: number): Happenings[H] | undefined;
  /** Messages with equal keys are handled by one run. */
  keyOf(message: Happenings[H]): string;
  /** At least one message, all of one key. */
  merge(messages: readonly Happenings[H][]): Happenings[H];
  /** True: a message that gives up is forgotten, because the sweep finds what it spoke of. False: it becomes a dead letter. */
  readonly isSwept: boolean;
}

const life = {
  uid: z.int().positive().transform(spaceUid),
  epoch: z.int().positive(),
  residency: z.string().min(1).max(64),
};
const trace = z.string().max(64).optional();
const id = z.string().regex(/^[0-9a-f]{24}$/);

const bell = z.strictObject({ ...life, position: z.int().nonnegative().transform(position), traceparent: trace });
const delivery = z.strictObject({ ...life, delivery: id, traceparent: trace });
const job = z.strictObject({ ...life, kind: z.string().regex(/^[a-z][a-z-]{0,39}$/), job: id, traceparent: trace });
/** What our own consumer says of a message that gave up. What the platform moved says nothing but itself. */
const envelope = z.strictObject({
  gaveUp: z.strictObject({
    id: z.string().min(1).max(64),
    queue: z.string().min(1).max(64),
    reason: z.string().max(500),
    attempts: z.int().nonnegative(),
    body: z.unknown(),
  }),
});
const about = z.object({ uid: life.uid, residency: life.residency });

const changes: QueueRules<"SpaceAdvanced"> = {
  says: "SpaceAdvanced",
  isSwept: true,
  read: (body) => bell.safeParse(body).data as Bell | undefined,
  keyOf: ({ uid, epoch }) => `${uid}.${epoch}`,
  // Position 0 says "look at the log": it must survive the merge.
  merge: (bells) => {
    const highest = bells.reduce((one, other) => (other.position > one.position ? other : one));
    return bells.some((one) => one.position === ORIGIN) ? { ...highest, position: ORIGIN } : highest;
  },
};

const deliveries: QueueRules<"DeliveryDue"> = {
  says: "DeliveryDue",
  isSwept: false,
  read: (body) => delivery.safeParse(body).data as DeliveryDue | undefined,
  keyOf: ({ uid, epoch, delivery: one }) => `${uid}.${epoch}.${one}`,
  merge: (messages) => messages[0] as DeliveryDue,
};

const work: QueueRules<"JobAsked"> = {
  says: "JobAsked",
  isSwept: true,
  read: (body) => job.safeParse(body).data as JobAsked | undefined,
  keyOf: ({ uid, epoch, job: one }) => `${uid}.${epoch}.${one}`,
  merge: (messages) => messages[0] as JobAsked,
};

/** A job that waits for others on the outside has a queue of its own: there it holds up nobody whose work is here. */
export function queueOfJob(kind: string): "work" | "generation" {
  return kind === GENERATION ? "generation" : "work";
}

const deadLetters: QueueRules<"MessageGaveUp"> = {
  says: "MessageGaveUp",
  isSwept: true,
  read(body, message, attempts) {
    const said = envelope.safeParse(body).data?.gaveUp;
    const {
      id: own,
      queue,
      reason,
      attempts: tried,
    } = said ?? {
      id: message.slice(0, 64),
      queue: queueOf(body),
      reason: "retries-exhausted",
      attempts,
    };
    const told = said === undefined ? body : said.body;
    const letter = { id: own, queue, reason, attempts: tried, body: JSON.stringify(told ?? null) };
    return { letter, space: about.safeParse(told).data } satisfies MessageGaveUp;
  },
  keyOf: ({ letter }) => letter.id,
  merge: (messages) => messages[0] as MessageGaveUp,
};

export const QUEUES: { readonly [Q in QueueName]: QueueRules<Happening> } = {
  changes,
  deliveries,
  work,
  generation: work,
  insight: changes,
  "dead-letters": deadLetters,
} as { readonly [Q in QueueName]: QueueRules<Happening> };

/** By its looks: the platform does not say where it comes from. */
function queueOf(body: unknown): string {
  if (delivery.safeParse(body).success) return "deliveries";
  const asked = job.safeParse(body);
  if (asked.success) return queueOfJob(asked.data.kind);
  return bell.safeParse(body).success ? "changes" : "unknown";
}
