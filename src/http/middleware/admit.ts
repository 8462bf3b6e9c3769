// Whether this request may begin: budgets of its credential, the wall in front of strangers, and how much is under way already.
import { seconds } from "../../kernel/clock.ts";
import { type Fault, fault } from "../../kernel/fault.ts";
import { ok, type Result, refuse } from "../../kernel/result.ts";
import type { Actor, SpaceRef } from "../../kernel/scope.ts";
import type { Account } from "../../platform/admission/account.ts";
import { type BudgetName, type Limits, limitOf } from "../../platform/admission/plans.ts";
import { ANONYMOUS } from "../../platform/admission/read-budgets.ts";
import type { BudgetState } from "../../platform/admission/window.ts";
import { addressOf } from "../address.ts";
import type { Call, Services } from "../call.ts";
import { LIGHT, weightOf } from "../worth.ts";

/** What a request was charged to, and what is left of it. */
export interface Charge {
  readonly budget: BudgetName;
  /** Absent: charged to nobody's space, for credentials that are not valid. */
  readonly space?: SpaceRef;
  readonly admitted: boolean;
  state(): BudgetState;
  /** Of the read budget: the answer decides what it cost. */
  readonly account?: Account;
}

/** Not for the root key. Once a request, however often the request is decided: only a refusal is decided anew. */
export async function admit(
  call: Call,
  services: Services,
  actor: Actor,
  { space, settings }: { readonly space: SpaceRef; readonly settings: Limits },
): Promise<Result<undefined>> {
  const { budget } = call.route;
  const charged = call.charge?.admitted === true && call.charge.space?.uid === space.uid;
  if (actor.type === "root" || budget === "none" || charged) return ok(undefined);
  const credential = actor.type === "key" ? actor.id : ANONYMOUS;
  const limit = limitOf(settings, budget);
  const { reads, exact } = services.admission;
  if (budget === "read") {
    const now = services.clock.now();
    const account = reads.account(space, credential, limit);
    const admitted = account.charge(LIGHT, now);
    call.charge = { budget, space, admitted, account, state: () => account.state(services.clock.now()) };
    return admitted ? ok(undefined) : refuse(usedUp(budget, account.state(now)));
  }
  const at = services.clock.now();
  const marking = budget === "write" ? services.markingOf(space) : undefined;
  const spent = await exact.spend(budget, `${space.uid}.${space.epoch}:${credential}`, limit, space, marking);
  if (spent.is === "busy") return refuse(OVERLOADED);
  if (spent.is === "closed") return refuse(CLOSED);
  const { state } = spent;
  call.charge = { budget, space, admitted: spent.is === "admitted", state: () => state };
  if (spent.is === "refused") return refuse(usedUp(budget, state));
  if (spent.marked !== undefined) call.marked = { at, space, ...spent.marked };
  return ok(undefined);
}

/**
 * One wall for each address, asked before anything is looked up for somebody who shows no key. Not asked by whoever answers from memory: a
 * question to the binding costs more than such an answer, and the space's budget counts it anyway.
 */
export async function admitStranger(call: Call, services: Services): Promise<Result<undefined>> {
  const address = call.walled === true ? undefined : addressOf(call.request);
  call.walled = true;
  if (address === undefined || (await services.admission.walls.address.admits(address))) return ok(undefined);
  return refuse(WALLED);
}

/** After the answer: what it cost beyond the first unit, and the news for whoever reports it. */
export function settle(call: Call, services: Services, status: number): void {
  const { charge } = call;
  if (charge?.account === undefined || charge.space === undefined || !charge.admitted) return;
  const now = services.clock.now();
  const rest = weightOf(call, status) - LIGHT;
  if (rest > 0) charge.account.spend(rest, now);
  services.spent(charge.account, charge.space, now, call.defer);
}

export function usedUp(budget: BudgetName, { quota, window, reset }: BudgetState): Fault {
  const detail = `The "${budget}" budget of these credentials is used up: ${quota} in ${window} s; the next window begins in ${reset} s`;
  return fault("limited", "rate-limited", detail, { retryAfter: reset });
}

export const OVERLOADED: Fault = fault(
  "unavailable",
  "overloaded",
  "More is being asked at the moment than can be done here; this request was not begun",
  { retryAfter: seconds(1) },
);
const CLOSED: Fault = fault(
  "unavailable",
  "overloaded",
  "This is counted exactly, and the counter cannot be reached at the moment; nothing was begun",
  { retryAfter: seconds(5) },
);
const WALLED: Fault = fault(
  "limited",
  "rate-limited",
  "Too many requests without credentials come from this address; use an API key, or ask more slowly",
  { retryAfter: seconds(10) },
);
