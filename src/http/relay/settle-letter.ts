// What redriving and deleting a dead letter have in common: refusals and kept answers of an Idempotency-Key, and what was done as an answer.
import { type Fault, fault, quote } from "../../kernel/fault.ts";
import { ORIGIN } from "../../kernel/position.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Rendered } from "../../platform/event-log/commit.ts";
import { refusalOf } from "../../platform/event-log/commit-answer.ts";
import type { Written } from "../../platform/event-log/writer.ts";
import type { Freed, Once, Settled } from "../../platform/relay/dead-letters.ts";
import type { OperatorData } from "../operation.ts";

/** The key of this request with the answer that will be kept under it. */
export function onceOf({ idempotency }: OperatorData, rendered: Rendered): Once | undefined {
  return idempotency === undefined
    ? undefined
    : { key: idempotency.key, fingerprint: idempotency.fingerprint, ...rendered };
}

export const missing = (id: string): Fault =>
  fault("missing", "dead-letter-missing", `There is no dead letter ${quote(id)}`);

export type Opened =
  | { readonly is: "answer"; readonly answer: Result<Written> }
  | { readonly is: "freed"; readonly freed: Freed };

/** The letter that was freed, or what has to be answered instead. */
export function openSettled(settled: Settled | undefined, id: string, space: Parameters<typeof refusalOf>[1]): Opened {
  if (settled === undefined) return { is: "answer", answer: refuse(missing(id)) };
  if (settled.is === "refused") return { is: "answer", answer: refuse(refusalOf({ refused: settled.code }, space)) };
  if (settled.is === "replayed") return { is: "answer", answer: written(settled.answer, true) };
  return { is: "freed", freed: settled.freed };
}

export function written({ status, headers, body }: Rendered, replayed: boolean): Result<Written> {
  return ok({ rendered: { status, headers, body }, position: ORIGIN, replayed, unchanged: false });
}
