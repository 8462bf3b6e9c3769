// Credentials that look right and are not: each costs look-ups, so they have a budget per key id and address. Other addresses do not count,
// so nobody can lock an owner out; and a good key is never charged here, whatever else its address sends.
import { parseKey } from "../../contexts/tenancy/tenancy.ts";
import { seconds } from "../../kernel/clock.ts";
import type { Fault } from "../../kernel/fault.ts";
import type { SpaceUid } from "../../kernel/id.ts";
import { type Limits, limitOf } from "../../platform/admission/plans.ts";
import type { BudgetState } from "../../platform/admission/window.ts";
import { addressOf } from "../address.ts";
import type { Call, Services } from "../call.ts";
import { OVERLOADED, usedUp } from "./admit.ts";

/** Of keys whose space is not the one that is asked for: it cannot be known without asking. */
const UNKNOWN: Limits = { plan: "free", limits: {} };
/** For how long an address that ran into the wall with bad keys has nothing looked up. */
const WALLED: BudgetState = { quota: 0, window: seconds(10), remaining: 0, reset: seconds(10) };

/** Before anything is looked up: this text, or this address, was refused too often a moment ago. A key that was good then still is let through. */
export function refuseRepeated(call: Call, services: Services): Fault | undefined {
  const sent = call.request.headers.get("authorization");
  if (sent === null) return undefined;
  const { admission, credentials } = services;
  const address = addressOf(call.request) ?? "";
  const ofText = admission.refusal(textFrom(address, sent));
  if (ofText !== undefined) return charged(call, ofText);
  const ofAddress = admission.refusal(address);
  if (ofAddress === undefined || credentials.remembers(call.request)) return undefined;
  return usedUp("auth", ofAddress);
}

/** What is answered to credentials that were just found not to be valid: 401 as long as there is budget for it. */
export async function refuseFailed(call: Call, services: Services, why: Fault): Promise<Fault> {
  const sent = call.request.headers.get("authorization") ?? "";
  const presented = parseKey(sent.replace(/^Bearer +/i, ""));
  // Nothing was looked up for a text that cannot be a key.
  if (presented === undefined) return why;
  const { admission, hashAddress } = services;
  const address = addressOf(call.request) ?? "";
  const limit = limitOf(await limitsOf(call, services, presented.space), "auth");
  const key = `${presented.id}:${await hashAddress(address)}`;
  const [spent, admitted] = await Promise.all([
    admission.exact.spend("auth", key, limit, { uid: presented.space, epoch: 0 }),
    address === "" || admission.walls.address.admits(address),
  ]);
  if (!admitted) admission.refuse(address, WALLED);
  if (spent.is === "busy" || spent.is === "closed") return OVERLOADED;
  call.charge = { budget: "auth", admitted: spent.is === "admitted", state: () => spent.state };
  if (spent.is === "admitted") return why;
  admission.refuse(textFrom(address, sent), spent.state);
  return usedUp("auth", spent.state);
}

async function limitsOf(call: Call, { knowledge }: Services, space: SpaceUid): Promise<Limits> {
  const id = call.pathParams["space"];
  const found = id === undefined ? undefined : await knowledge.find(id, call.place, "cached");
  const known = found?.ok ? found.value : undefined;
  return known?.space.uid === space ? known.settings : UNKNOWN;
}

function charged(call: Call, state: BudgetState): Fault {
  call.charge = { budget: "auth", admitted: false, state: () => state };
  return usedUp("auth", state);
}

const textFrom = (address: string, text: string): string => `${address} ${text}`;
