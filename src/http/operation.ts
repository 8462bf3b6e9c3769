// The shape of everything that the world can ask: one Operation a file, declared beside its handler, walked by tests and by OpenAPI.
import type * as z from "zod";
import type { ContentType, SchemaEngine } from "../contexts/authoring/authoring.ts";
import type { Read as ReadTag, Signer } from "../contexts/delivery/delivery.ts";
import type { GenerationData } from "../contexts/generation/generation.ts";
import type { Secrets, SpaceSettings } from "../contexts/tenancy/tenancy.ts";
import type { WebhookTools } from "../contexts/webhooks/webhooks.ts";
import type { Seconds } from "../kernel/clock.ts";
import type { Json, JsonObject } from "../kernel/json.ts";
import type { Position } from "../kernel/position.ts";
import type { Result } from "../kernel/result.ts";
import type { Scope, SpaceRef } from "../kernel/scope.ts";
import type { Home, Reader } from "../platform/database/database.ts";
import type { Writer, Written } from "../platform/event-log/writer.ts";
import type { JobData } from "../platform/jobs/ask-job.ts";
import type { Bell } from "../platform/relay/bell.ts";
import type { DeadLetters, LetterQueues } from "../platform/relay/dead-letters.ts";
import type { Shared } from "./cache-control.ts";
import type { Live } from "./live.ts";

/** `If-Match` and `If-None-Match` as RFC 9110 tells them apart: entity tags as sent (quotes and `W/` included), or `*`. */
export interface Conditions {
  readonly ifMatch?: readonly string[] | "*";
  readonly ifNoneMatch?: readonly string[] | "*";
}

/** A request after every check that needs no database. */
export interface Asked<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly conditions: Conditions;
  /** `Prefer` tokens (RFC 7240): `count=exact` → `{count: "exact"}`. */
  readonly prefer: Readonly<Record<string, string>>;
}

/** What a space's use cases are given besides actor and clock: see `Knowledge`. */
export interface SpaceData {
  /** Signs cursors. */
  readonly signer: Signer;
  readonly settings: SpaceSettings;
  readonly types: ReadonlyMap<string, ContentType>;
}
export interface ReadData extends SpaceData {
  readonly reader: Reader;
}
export interface WriteData extends SpaceData {
  readonly writer: Writer;
  /** Judges `fields` by a type's schema. */
  readonly schemas: SchemaEngine;
  /** Makes API keys. */
  readonly secrets: Secrets;
  readonly webhooks: WebhookTools;
  readonly jobs: JobData["jobs"];
  readonly generation: GenerationData["generation"];
}

/** A read's answer. `etag` says how strong the hash over the body is to be: `strong` (single resources) or a weak one over `tagged`. */
export interface ReadAnswer {
  readonly body: Json;
  readonly position: Position;
  /** Name of the endpoint that was read. */
  readonly source: string;
  /** An entity tag made by the use case (`"1.5"`); else one is derived from the body. */
  readonly etag?: string;
  /** Lists: what a weak tag is derived from (data, included and the query without the page). */
  readonly tagged?: Json;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it was made from, for whoever keeps it; absent where nothing is kept. */
  readonly reads?: readonly ReadTag[];
  /** Something in it changes without a position: how long it may be kept at most. */
  readonly life?: Seconds;
  /** How long others may keep it, where the route's own policy does not hold: drafts, fixed positions. */
  readonly shared?: Shared;
}

/** An answer that goes on. A part that is a refusal breaks it off: what was begun cannot become a problem any more, only end without an end. */
export interface StreamAnswer {
  readonly media: string;
  readonly parts: AsyncGenerator<Result<string>, void>;
  /** The client has left: whatever waits wakes up and ends. */
  stop(): void;
  readonly position: Position;
  readonly source: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How one answer is documented. */
export interface AnswerDoc {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Of the body; `application/json` unless said. */
  readonly media?: string;
  /** The same answer in other forms, by media type: what `Accept` chooses between. */
  readonly also?: Readonly<Record<string, z.ZodType>>;
  readonly headers?: readonly string[];
}

interface Described<P extends z.ZodObject, D, B extends z.ZodType> {
  /** camelCase, unique: OpenAPI's operationId. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Path parameters by name, in path order. A value that does not match answers 404. */
  readonly params: P;
  /** Query parameters: a strict object of strings, or a reader of its own with parameters documented beside it. */
  readonly query?: D & QueryDeclaration;
  readonly body?: {
    readonly schema: B;
    readonly media: readonly string[];
    readonly optional?: true;
    /** Not JSON and too large to hold: it is taken in after everything else was looked at, and the operation is given what became of it. */
    readonly upload?: true;
  };
  readonly answers: readonly AnswerDoc[];
  /** Fault codes beyond those that every operation may answer. */
  readonly faults?: readonly string[];
}

export interface QueryReader<Q> {
  read(query: URLSearchParams): Result<Q>;
  readonly documented: z.ZodObject;
}

type QueryDeclaration = z.ZodObject | QueryReader<unknown>;
type Params<P> = P extends z.ZodObject ? z.output<P> : never;
type Query<D> = D extends QueryReader<infer Q> ? Q : D extends z.ZodObject ? z.output<D> : undefined;

export interface ReadOperation<P extends z.ZodObject = z.ZodObject, D = QueryDeclaration>
  extends Described<P, D, z.ZodType> {
  readonly kind: "read";
  /** `primary` is strongly consistent; `nearest` may lag unless `Meridian-At-Least` asks for more. */
  readonly from: "nearest" | "primary";
  /** `live`: for answers that go on after the first read. */
  handle(
    scope: Scope<ReadData>,
    asked: Asked<Params<P>, Query<D>, undefined>,
    live: Live,
  ): Promise<Result<ReadAnswer | StreamAnswer>>;
}

export interface WriteOperation<
  P extends z.ZodObject = z.ZodObject,
  D = QueryDeclaration,
  B extends z.ZodType = z.ZodType,
> extends Described<P, D, B> {
  readonly kind: "write";
  handle(scope: Scope<WriteData>, asked: Asked<Params<P>, Query<D>, z.output<B>>): Promise<Result<Written>>;
}

/** What gave up, and how it is set going again. */
export interface LetterTools {
  readonly letters: DeadLetters;
  readonly send: LetterQueues["send"];
  ring(bell: Bell): Promise<void>;
}

/** What operators' use cases are given: the directory, and any space by its reference. `scope.space` is the null space (uid 0) of the home shard. */
export interface OperatorData {
  readonly home: Home;
  /** Strongly consistent. */
  readerOf(space: SpaceRef): Reader;
  writerOf(space: SpaceRef): Writer;
  /** Before the id of a space is claimed; never throws. */
  markClaim(): Promise<void>;
  /** Residencies that the topology has a shard for. */
  readonly residencies: readonly string[];
  readonly secrets: Secrets;
  readonly deadLetters: LetterTools;
  /** Key and fingerprint of this request's `Idempotency-Key`, hex, when it has one. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
}

export interface OperatorOperation<
  P extends z.ZodObject = z.ZodObject,
  D = QueryDeclaration,
  B extends z.ZodType = z.ZodType,
> extends Described<P, D, B> {
  readonly kind: "operator";
  handle(
    scope: Scope<OperatorData>,
    asked: Asked<Params<P>, Query<D>, z.output<B>>,
  ): Promise<Result<ReadAnswer | Written>>;
}

/** Needs no space and no database of its own: health, documents, problem pages. */
export interface PlainOperation<P extends z.ZodObject = z.ZodObject> extends Described<P, QueryDeclaration, z.ZodType> {
  readonly kind: "plain";
  /** Credentials that are this operation's own and no API key: `known` ends the matter, `anybody` leaves it to the usual rules. */
  admits?(request: Request, services: PlainServices): Result<"known" | "anybody">;
  /** `services` is what compose hands to plain operations (health probe, static assets). */
  handle(request: Request, params: Params<P>, services: PlainServices): Promise<Response> | Response;
}

export interface PlainServices {
  /** The static files of /docs. */
  assets(path: string): Promise<Response>;
  /** One probe of every dependency, shared for 5 s. */
  health(): Promise<HealthReport>;
  /** `token`: who sends it may scrape; absent: anybody where it is open, else nobody. */
  readonly metrics: { readonly token: string | undefined; readonly isOpen: boolean; scrape(): Promise<string> };
  /** The OpenAPI document of this deployment. */
  openapi(): JsonObject;
}

/** application/health+json (draft-inadarei-api-health-check). */
export interface HealthReport {
  readonly status: "pass" | "warn" | "fail";
  readonly version: string;
  readonly checks: Readonly<Record<string, readonly JsonObject[]>>;
}

export type Operation = ReadOperation | WriteOperation | OperatorOperation | PlainOperation;

/** Helpers that only fix the types; they return what they are given. */
export function read<P extends z.ZodObject, D>(operation: Omit<ReadOperation<P, D>, "kind">): ReadOperation<P, D> {
  return { kind: "read", ...operation };
}
export function write<P extends z.ZodObject, D, B extends z.ZodType>(
  operation: Omit<WriteOperation<P, D, B>, "kind">,
): WriteOperation<P, D, B> {
  return { kind: "write", ...operation };
}
export function operator<P extends z.ZodObject, D, B extends z.ZodType>(
  operation: Omit<OperatorOperation<P, D, B>, "kind">,
): OperatorOperation<P, D, B> {
  return { kind: "operator", ...operation };
}
export function plain<P extends z.ZodObject>(operation: Omit<PlainOperation<P>, "kind">): PlainOperation<P> {
  return { kind: "plain", ...operation };
}
