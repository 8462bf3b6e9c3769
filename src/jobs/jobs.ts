// The consumer of every queue: each message is acked or retried by itself. It never throws and never uses `retryAll`:
// either would undo the acks of the whole batch.
import type { JsonObject } from "../kernel/json.ts";
import type { LetterQueues } from "../platform/relay/dead-letters.ts";
import type { Report } from "../platform/relay/relay.ts";
import { attempt, nameOf } from "../platform/resilience/attempt.ts";
import { inLanes } from "../platform/resilience/in-lanes.ts";
import { type Fate, fateOf, type Outcome, outcomeOf } from "./fate.ts";
import { QUEUES } from "./messages.ts";
import type { Defer, Happening, Happenings, QueueName, Reaction, ReactionTools } from "./reaction.ts";

/** The part of a queue's message that is used here; Cloudflare's `Message` has it. */
export interface QueueMessage {
  readonly id: string;
  readonly body: unknown;
  /** 1 at the first delivery. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

export interface QueueBatch {
  /** `meridian-changes`, `meridian-staging-changes`: the deployment's name stands before ours. */
  readonly queue: string;
  readonly messages: readonly QueueMessage[];
}

export interface JobParts {
  readonly tools: ReactionTools;
  readonly reactions: readonly Reaction[];
  readonly report: Report;
  readonly giveUp: LetterQueues["giveUp"];
}

interface Group {
  readonly messages: QueueMessage[];
  readonly said: Happenings[Happening][];
}

/** The connections that one invocation may hold open are six. */
const LANES = 4;

export function openJobs(parts: JobParts): (batch: QueueBatch, defer?: Defer) => Promise<void> {
  const { tools, reactions } = parts;
  return async ({ queue, messages }, defer = () => undefined) => {
    const name = Object.keys(QUEUES).find((one) => isCalled(queue, one)) as QueueName | undefined;
    const rules = name === undefined ? undefined : QUEUES[name];
    const groups = new Map<string, Group>();
    for (const message of messages) {
      const said = rules?.read(message.body, message.id, message.attempts);
      if (rules === undefined || said === undefined) {
        await bury(parts, queue, message, rules === undefined ? "no such queue" : "not a message of this queue");
        continue;
      }
      const key = rules.keyOf(said);
      const group = groups.get(key) ?? { messages: [], said: [] };
      groups.set(key, group);
      group.messages.push(message);
      group.said.push(said);
    }
    if (rules === undefined) return;
    const concerned = reactions.filter((reaction) => reaction.queue === name && reaction.when === rules.says);
    await inLanes([...groups.values()], LANES, async (group) => {
      const happened = rules.merge(group.said);
      const outcomes = await Promise.all(concerned.map((reaction) => reactSafely(reaction, tools, happened, defer)));
      for (const message of group.messages)
        await settle(parts, queue, message, fateOf(message.attempts, outcomes, rules.isSwept));
    });
  };
}

/** Reactions fail independently of each other. */
async function reactSafely(
  reaction: Reaction,
  tools: ReactionTools,
  happened: Happenings[Happening],
  defer: Defer,
): Promise<Outcome> {
  try {
    const outcome = outcomeOf(reaction, await reaction.react(tools, happened, defer));
    return outcome;
  } catch (error) {
    return { reaction, failure: { why: nameOf(error), isFinal: false } };
  }
}

async function settle(parts: JobParts, queue: string, message: QueueMessage, fate: Fate): Promise<void> {
  if (fate.kind !== "done") parts.report(`job-${fate.kind}`, { ...factsOf(queue, message), ...fate });
  if (fate.kind === "again") message.retry({ delaySeconds: fate.delaySeconds });
  else if (fate.kind === "gave-up" && fate.kept) await bury(parts, queue, message, fate.why);
  else message.ack();
}

/** If even this fails, the platform tries the message again and moves it by itself in the end. */
async function bury({ giveUp, report }: JobParts, queue: string, message: QueueMessage, why: string): Promise<void> {
  const { id, attempts, body } = message;
  const name = Object.keys(QUEUES).find((one) => isCalled(queue, one)) ?? queue;
  const given = await attempt(() =>
    giveUp({ id, queue: name.slice(0, 64), reason: why.slice(0, 500), attempts, body }),
  );
  report("message-gave-up", { ...factsOf(queue, message), why, given: given.ok });
  if (given.ok) message.ack();
  else message.retry();
}

function isCalled(queue: string, name: string): boolean {
  return queue === name || queue.endsWith(`-${name}`);
}

const IDS = ["uid", "epoch", "residency", "position", "delivery", "job", "part", "batch", "traceparent"];

/** Members of the body that are ids by name, cut short: a message that is not ours could hold anything. */
function factsOf(queue: string, { id, attempts, body }: QueueMessage): JsonObject {
  const members = typeof body === "object" && body !== null ? Object.entries(body) : [];
  const ids = members
    .filter(([name]) => IDS.includes(name))
    .map(([name, value]) => [name, typeof value === "number" ? value : String(value).slice(0, 64)] as const);
  return { queue, message: id, attempts, ...Object.fromEntries(ids) };
}
