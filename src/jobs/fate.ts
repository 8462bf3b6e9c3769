// What becomes of a message: done, tried again, or given up. Faults become fates here: unavailable, limited, conflict → again.
import { type Seconds, seconds } from "../kernel/clock.ts";
import type { FaultKind } from "../kernel/fault.ts";
import type { Result } from "../kernel/result.ts";
import type { Reaction } from "./reaction.ts";

/** One reaction's end; without `failure` it is done. */
export interface Outcome {
  readonly reaction: Reaction;
  readonly failure?: { readonly why: string; readonly isFinal: boolean; readonly after?: Seconds };
}

export type Fate =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly delaySeconds: number; readonly why: string }
  /** `kept`: the platform is to move it to the dead-letter queue. */
  | { readonly kind: "gave-up"; readonly kept: boolean; readonly why: string };

const AGAIN: ReadonlySet<FaultKind> = new Set<FaultKind>(["unavailable", "limited", "conflict"]);
const FIRST_DELAY: Seconds = seconds(10);
const LONGEST_DELAY: Seconds = seconds(900);

export function outcomeOf(reaction: Reaction, result: Result<undefined>): Outcome {
  if (result.ok) return { reaction };
  const { kind, code, retryAfter } = result.fault;
  const after = retryAfter === undefined ? {} : { after: retryAfter };
  return { reaction, failure: { why: code, isFinal: !AGAIN.has(kind), ...after } };
}

/** A message is done when every reaction is; it is tried again while one of them may still succeed. `attempts` is 1 at first. */
export function fateOf(attempts: number, outcomes: readonly Outcome[], isSwept: boolean): Fate {
  const failures = outcomes.flatMap(({ reaction, failure }) =>
    failure === undefined ? [] : [{ ...failure, isOver: failure.isFinal || attempts >= reaction.giveUpAfter.tries }],
  );
  if (failures.length === 0) return { kind: "done" };
  const why = failures.map((failure) => failure.why).join(", ");
  const again = failures.filter(({ isOver }) => !isOver);
  if (again.length === 0) return { kind: "gave-up", kept: !isSwept && failures.some(({ isFinal }) => !isFinal), why };
  const asked = Math.max(...again.map(({ after = 0 }) => after));
  return {
    kind: "again",
    delaySeconds: Math.max(asked, Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (attempts - 1))),
    why,
  };
}
