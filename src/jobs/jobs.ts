// The consumer of every queue: each message is acked or retried by itself. It never throws and never uses `retryAll`:
// either would undo the acks of the whole batch.
import type { JsonObject } from "../kernel/json.ts";
import type { Report } from "../platform/relay/relay.ts";
import { nameOf } from "../platform/resilience/attempt.ts";
import { inLanes } from "../platform/resilience/in-lanes.ts";
import { type Fate, fateOf, type Outcome, outcomeOf } from "./fate.ts";
import { QUEUES } from "./messages.ts";
import type { Happening, Happenings, QueueName, Reaction, ReactionTools } from "./reaction.ts";

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
}

interface Group {
  readonly messages: QueueMessage[];
  readonly said: Happenings[Happening][];
}

/** The connections that one invocation may hold open are six. */
const LANES = 4;

export function openJobs({ tools, reactions, report }: JobParts): (batch: QueueBatch) => Promise<void> {
  return async ({ queue, messages }) => {
    const name = Object.keys(QUEUES).find((one) => isCalled(queue, one)) as QueueName | undefined;
    if (name === undefined) {
      // Dead letters are kept in the space's shard once there is a place for them; until then a line is all that remains of them.
      const why = isCalled(queue, "dead-letters") ? "dead letter" : "no such queue";
      for (const message of messages) bury(queue, message, why, report);
      return;
    }
    const rules = QUEUES[name];
    const groups = new Map<string, Group>();
    for (const message of messages) {
      const said = rules.read(message.body);
      if (said === undefined) {
        bury(queue, message, "not a message of this queue", report);
        continue;
      }
      const key = rules.keyOf(said);
      const group = groups.get(key) ?? { messages: [], said: [] };
      groups.set(key, group);
      group.messages.push(message);
      group.said.push(said);
    }
    const concerned = reactions.filter((reaction) => reaction.queue === name && reaction.when === rules.says);
    await inLanes([...groups.values()], LANES, async (group) => {
      const happened = rules.merge(group.said);
      const outcomes = await Promise.all(concerned.map((reaction) => reactSafely(reaction, tools, happened)));
      for (const message of group.messages) {
        settle(queue, message, fateOf(message.attempts, outcomes, rules.isSwept), report);
      }
    });
  };
}

/** Reactions fail independently of each other. */
async function reactSafely(
  reaction: Reaction,
  tools: ReactionTools,
  happened: Happenings[Happening],
): Promise<Outcome> {
  try {
    const outcome = outcomeOf(reaction, await reaction.react(tools, happened));
    return outcome;
  } catch (error) {
    return { reaction, failure: { why: nameOf(error), isFinal: false } };
  }
}

function settle(queue: string, message: QueueMessage, fate: Fate, report: Report): void {
  if (fate.kind !== "done") report(`job-${fate.kind}`, { ...factsOf(queue, message), ...fate });
  if (fate.kind === "again") message.retry({ delaySeconds: fate.delaySeconds });
  else if (fate.kind === "gave-up" && fate.kept) message.retry();
  else message.ack();
}

function bury(queue: string, message: QueueMessage, why: string, report: Report): void {
  report("dead-letter", { ...factsOf(queue, message), why });
  message.ack();
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
