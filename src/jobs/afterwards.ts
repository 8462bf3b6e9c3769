// What happens afterwards is made of: the relay's subscribers, webhooks, dead letters. Ports become the tools of reactions and of the sweep.
import type { GenerateParts } from "../contexts/generation/generation.ts";
import { type AnalyseParts, followPublications } from "../contexts/insight/insight.ts";
import type { ImportParts } from "../contexts/transfer/transfer.ts";
import {
  type Courier,
  type DeliverParts,
  type Destinations,
  disableWebhook,
  fanOut,
  type MessageSigner,
  type ReplayParts,
  rouseDeliveries,
  type Vault,
  type Waker,
} from "../contexts/webhooks/webhooks.ts";
import { type Clock, type Seconds, seconds } from "../kernel/clock.ts";
import type { SpaceRef } from "../kernel/scope.ts";
import type { Reader } from "../platform/database/database.ts";
import type { Outcome, Rendered } from "../platform/event-log/commit.ts";
import type { BoundWriter, WriterBinding } from "../platform/event-log/open-writer.ts";
import type { JobWaker } from "../platform/jobs/job-waker.ts";
import { rouseJobs } from "../platform/jobs/rouse-jobs.ts";
import type { Bells } from "../platform/relay/bell.ts";
import type { BringUpParts } from "../platform/relay/bring-up.ts";
import type { DeadLetters } from "../platform/relay/dead-letters.ts";
import type { SpaceAddress } from "../platform/relay/dirty-set.ts";
import { type Rouse, rouseSubscribers } from "../platform/relay/followers.ts";
import type { Report } from "../platform/relay/relay.ts";
import type { SpaceCall } from "../platform/relay/space-calls.ts";
import type { SubscriberLog } from "../platform/relay/subscriber-log.ts";
import { jobKinds } from "./kinds.ts";
import type { ReactionTools } from "./reaction.ts";

export interface AfterwardsParts extends BringUpParts {
  readonly log: SubscriberLog;
  readonly call: SpaceCall;
  readonly deadLetters: DeadLetters;
  readonly bells: Bells;
  readonly insightBells: Bells;
  readonly waker: Waker;
  readonly jobWaker: JobWaker;
  readonly imports: Pick<ImportParts, "blobs" | "readLine" | "schemas" | "announcer" | "sleep" | "isBusy">;
  readonly destinations: Destinations;
  readonly vault: Vault;
  readonly signer: MessageSigner;
  readonly courier: Courier;
  readonly analyse: AnalyseParts;
  readonly drafting: Pick<GenerateParts, "provider" | "schemas">;
  readonly clock: Clock;
  readonly report: Report;
  uuid(): string;
  /** In [0, 1). */
  random(): number;
  /** How far the digest's replicas may lag. */
  readonly digestLag: Seconds;
  /** The longest that a route's answers may be kept unasked. */
  readonly keptUnasked: Seconds;
  readerOf(space: SpaceRef): Reader;
  openWriter(defer: (work: Promise<unknown>) => void, binding: WriterBinding): BoundWriter;
  /** The answer of a write that nobody asked for: kept nowhere. */
  render(outcome: Outcome): Rendered;
}

export interface Afterwards {
  readonly tools: ReactionTools;
  /** For the sweep. */
  readonly rouses: readonly Rouse[];
  /** Names of whoever follows the log. */
  readonly subscribers: readonly string[];
}

/** What a change is visible within, to everybody, once the digest knows it. */
const VISIBLE_S = 2;

export function afterwards(parts: AfterwardsParts): Afterwards {
  const { digest, events, log, call, bells, insightBells, clock, report, uuid, waker, deadLetters } = parts;
  const visibleAfter = seconds(VISIBLE_S + parts.digestLag);
  const { sleep } = parts.imports;
  const fanOutParts = { digest, events, waker, clock, sleep, visibleAfter, keptUnasked: parts.keptUnasked };
  const subscriber = fanOut(fanOutParts);
  const replay: ReplayParts = { ...fanOutParts, log, call, report, readerOf: parts.readerOf };
  const insight = followPublications({ ...parts.analyse, clock, readerOf: parts.readerOf });
  const subscribers = [subscriber.name, insight.name];
  const { destinations, vault, signer, courier, random } = parts;
  const deliver: DeliverParts = {
    call,
    destinations,
    vault,
    signer,
    courier,
    waker,
    clock,
    report,
    uuid,
    random,
    disable: (space, webhook, reason) => disable(parts, space, webhook, reason),
  };
  return {
    tools: {
      digest,
      events,
      subscribers: { log, call, bells, clock, report, uuid },
      webhooks: { subscriber, deliver, replay },
      jobs: { call, waker: parts.jobWaker, kinds: jobKinds(parts, fanOutParts), clock, report, uuid, sleep },
      insight: { log, call, bells: insightBells, clock, report, uuid, subscriber: insight },
      deadLetters,
    },
    rouses: [
      rouseSubscribers({ bells, clock, names: [subscriber.name] }),
      rouseSubscribers({ bells: insightBells, clock, names: [insight.name] }),
      rouseDeliveries({ waker, clock }),
      rouseJobs({ waker: parts.jobWaker, clock }),
    ],
    subscribers,
  };
}

async function disable(
  { readerOf, openWriter, render, clock, report }: AfterwardsParts,
  { uid, epoch, residency }: SpaceAddress,
  webhook: string,
  reason: "gone" | "failing",
): Promise<void> {
  const space: SpaceRef = { id: "", uid, epoch, residency };
  const after: Promise<unknown>[] = [];
  const writer = openWriter((work) => after.push(work), {
    space,
    known: undefined,
    caller: "job",
    meta: { actor: "system:webhooks", requestId: "webhooks" },
    idempotency: undefined,
    render,
    load: (statements) => readerOf(space).read(statements),
  });
  const actor = { type: "system", name: "webhooks" } as const;
  const disabled = await disableWebhook(
    { space, actor, requestId: "webhooks", clock, data: { writer } },
    { id: webhook, reason },
  );
  await Promise.all(after);
  // What an outage kept from happening, the next failure asks for again.
  report("webhook-disabled", { space: uid, webhook, reason, done: disabled.ok });
}
