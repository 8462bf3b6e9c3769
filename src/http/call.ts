// One request as the pipeline sees it, and what the pipeline works with. Use cases see neither.
import type { SchemaEngine } from "../contexts/authoring/authoring.ts";
import type { Signer } from "../contexts/delivery/delivery.ts";
import type { Secrets } from "../contexts/tenancy/tenancy.ts";
import type { Receiving, Upload } from "../contexts/transfer/transfer.ts";
import type { WebhookTools } from "../contexts/webhooks/webhooks.ts";
import type { Clock, Instant } from "../kernel/clock.ts";
import type { Result } from "../kernel/result.ts";
import { type Actor, actorName, type SpaceRef } from "../kernel/scope.ts";
import type { Account } from "../platform/admission/account.ts";
import type { Admission } from "../platform/admission/admission.ts";
import type { Marking } from "../platform/admission/exact-budgets.ts";
import type { Database } from "../platform/database/open-database.ts";
import type { Place } from "../platform/database/topology.ts";
import type { Edge } from "../platform/edge-cache/edge.ts";
import type { BoundWriter, CommitMeta, WriterBinding } from "../platform/event-log/open-writer.ts";
import type { Freshness } from "../platform/freshness/memo.ts";
import type { JobData } from "../platform/jobs/ask-job.ts";
import type { Marked } from "../platform/relay/relay.ts";
import type { Meter } from "../platform/telemetry/meter.ts";
import type { RequestEvent } from "../platform/telemetry/request-event.ts";
import type { HotPath } from "./edge/hot-path.ts";
import type { Keyed } from "./edge/question.ts";
import type { QuickHash } from "./entity-tag.ts";
import type { Body } from "./intake.ts";
import type { KnowledgeCache } from "./knowledge.ts";
import type { Charge } from "./middleware/admit.ts";
import type { Credentials } from "./middleware/identify.ts";
import type { LetterTools, PlainServices, WriteData } from "./operation.ts";
import type { Route } from "./route.ts";

/** Where the client is, as the platform tells it. */
export interface Country {
  /** ISO 3166-1, two letters; absent: not known. */
  readonly code?: string | undefined;
  readonly isInEU: boolean;
}

export interface Call {
  readonly request: Request;
  readonly query: URLSearchParams;
  readonly route: Route;
  readonly pathParams: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly started: Instant;
  readonly place: Place | undefined;
  readonly country: Country;
  /** Three-letter code of the data centre that answers; `dev` where there is none. */
  readonly colo: string;
  /** Filled in as the request goes, for the log line. */
  readonly event: RequestEvent;
  /** Measures how long this request waits for it. */
  readonly database: Database;
  readonly meter: Meter;
  /** Taken at most once. */
  body?: Promise<Result<Body>>;
  /** The same of a body that is a file. */
  upload?: Promise<Result<Upload>>;
  /** What it was charged to. */
  charge?: Charge;
  /** The address was held against the wall. */
  walled?: boolean;
  /** The space was marked as dirty together with the charge. */
  marked?: Marked;
  /** Lets work go on behind the response. */
  defer(work: Promise<unknown>): void;
}

export type Spent = (account: Account, space: SpaceRef, now: Instant, defer: Call["defer"]) => void;

export interface Services {
  readonly database: Database;
  readonly knowledge: KnowledgeCache;
  readonly credentials: Credentials;
  readonly freshness: Freshness;
  readonly edge: Edge<Keyed>;
  readonly hot: Pick<HotPath, "learn">;
  readonly signer: Signer;
  readonly schemas: SchemaEngine;
  readonly secrets: Secrets;
  readonly webhooks: WebhookTools;
  readonly jobs: JobData["jobs"];
  /** Files on their way in. */
  readonly uploads: Receiving;
  readonly generation: WriteData["generation"];
  readonly deadLetters: LetterTools;
  readonly plain: PlainServices;
  readonly clock: Clock;
  readonly residencies: readonly string[];
  /** The shard that the directory of spaces is on. */
  readonly homeResidency: string;
  /** See `Registry`. */
  markClaim(): Promise<void>;
  readonly admission: Admission;
  /** What travels to the dirty set together with a charge, so that it need not go by itself. */
  markingOf(space: SpaceRef): Marking;
  /** A keyed hash: addresses go nowhere. */
  hashAddress(address: string): Promise<string>;
  /** Something was spent of a read budget: sees to it that it is told, behind the answer. */
  readonly spent: Spent;
  openWriter(call: Call, binding: WriterBinding): BoundWriter;
  uuid(): string;
  /** In [0, 1). */
  random(): number;
  /** Of what is answered. */
  readonly quickHash: QuickHash;
  /** Lower-case hex. */
  sha256(text: string): Promise<string>;
  log(event: RequestEvent): void;
}

export function metaOf(call: Call, actor: Actor): CommitMeta {
  const { requestId, event } = call;
  const meta = { actor: actorName(actor), requestId };
  return event.traceparent === undefined ? meta : { ...meta, traceparent: event.traceparent };
}
