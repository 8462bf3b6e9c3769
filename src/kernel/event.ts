// What the log keeps. Each event has its own position; a commit's events are consecutive and share one time.
import type { Instant } from "./clock.ts";
import type { JsonObject } from "./json.ts";
import type { Position } from "./position.ts";

/** An event as a decider makes it: a name in the past tense and its data. */
export interface DomainEvent {
  readonly type: string;
  readonly data: JsonObject;
}

/** An event as the log gives it back. */
export interface RecordedEvent extends DomainEvent {
  readonly position: Position;
  /** `entry:<id>`, `type:<name>`, `key:<id>` or `space`. */
  readonly stream: string;
  /** 1, 2, 3 … within its stream, gapless. */
  readonly version: number;
  /** Version of the event's own shape. */
  readonly schema: number;
  readonly at: Instant;
  readonly meta: EventMeta;
}

export interface EventMeta {
  readonly actor: string;
  readonly requestId: string;
  readonly traceparent?: string;
}
