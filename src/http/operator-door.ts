// The pipeline of operators' operations: the root key, the directory, and any space by its reference.
import { fault } from "../kernel/fault.ts";
import { spaceUid } from "../kernel/id.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Scope, SpaceRef } from "../kernel/scope.ts";
import type { BoundWriter } from "../platform/event-log/open-writer.ts";
import type { Written } from "../platform/event-log/writer.ts";
import { type Call, metaOf, type Services } from "./call.ts";
import { atLeastOf, conditionsOf, preferOf } from "./conditions.ts";
import { readParams } from "./input.ts";
import { takeBody, takeIdempotency, takeQuery } from "./intake.ts";
import { allow } from "./middleware/allow.ts";
import type { Identity } from "./middleware/identify.ts";
import type { Asked, OperatorData, OperatorOperation, ReadAnswer } from "./operation.ts";
import { renderOutcome } from "./render-outcome.ts";
import { once } from "./space-door.ts";

export async function askOperator(
  call: Call,
  services: Services,
  operation: OperatorOperation,
): Promise<Result<ReadAnswer | Written>> {
  const identity = await services.credentials.identify(call.request, call.place, "cached", call);
  if (!identity.ok) return identity;
  const { actor } = identity.value;
  if (actor.type === "anonymous")
    return refuse(fault("unauthenticated", "credentials-required", "This needs the root key: Authorization: Bearer …"));
  const entered = await enter(call, services, identity.value);
  if (!entered.ok) return entered;
  const allowed = allow(actor, call.route.who);
  if (!allowed.ok) return allowed;
  const body = await takeBody(call, operation);
  if (!body.ok) return body;
  const query = takeQuery(call, operation);
  if (!query.ok) return query;
  const conditions = conditionsOf(call.request.headers, operation.kind);
  if (!conditions.ok) return conditions;
  const atLeast = atLeastOf(call.request.headers);
  if (!atLeast.ok) return atLeast;
  const idempotency = await takeIdempotency(call, services, actor, body.value.raw);
  if (!idempotency.ok) return idempotency;
  const params = readParams(operation.params, call.pathParams);
  if (params === undefined)
    return refuse(fault("missing", "space-missing", `There is no space "${call.pathParams["space"]}"`));
  const home: SpaceRef = { id: "", uid: spaceUid(0), epoch: 0, residency: services.homeResidency };
  const readerOf = (space: SpaceRef) =>
    call.database.reader({
      space,
      from: "primary",
      atLeast: "space" in call.pathParams ? atLeast.value : undefined,
      caller: "request",
    });
  const writers: BoundWriter[] = [];
  const data: OperatorData = {
    home: call.database.home,
    markClaim: services.markClaim,
    residencies: services.residencies,
    secrets: services.secrets,
    deadLetters: services.deadLetters,
    ...(idempotency.value === undefined ? undefined : { idempotency: idempotency.value }),
    readerOf,
    writerOf(space) {
      const writer = services.openWriter(call, {
        space,
        known: undefined,
        caller: "request",
        meta: metaOf(call, actor),
        idempotency: idempotency.value,
        loadsFirst: "space" in call.pathParams && atLeast.value !== undefined,
        render: (outcome) => renderOutcome(outcome, undefined),
        load: (statements) => readerOf(space).read(statements),
      });
      writers.push(writer);
      return writer;
    },
  };
  const scope: Scope<OperatorData> = { space: home, actor, requestId: call.requestId, clock: services.clock, data };
  const asked = {
    params,
    query: query.value,
    body: body.value.value,
    conditions: conditions.value,
    prefer: preferOf(call.request.headers),
  };
  const result = await operation.handle(scope, asked as Asked<never, unknown, unknown>);
  const writer = writers.at(-1);
  return writer === undefined || (result.ok && !("rendered" in result.value))
    ? result
    : await once(writer, result as Result<Written>);
}

/** 404 for a space that is not there, as a tenant's key also sees those of others. A space that ended stays ended; whether one is still there, the use case asks. */
async function enter(call: Call, services: Services, { actor, uid }: Identity): Promise<Result<undefined>> {
  const id = call.pathParams["space"];
  // Deleting once more may have to finish what an interrupted deletion began.
  if (id === undefined || (actor.type === "root" && call.route.method === "DELETE")) return ok(undefined);
  const found = await services.knowledge.find(id, call.place, "cached", call);
  // An operator can still ask about a space that nobody else can read.
  if (!found.ok) return actor.type === "root" ? ok(undefined) : found;
  const mine = found.value?.alive === true && (actor.type !== "key" || found.value.space.uid === uid);
  return mine ? ok(undefined) : refuse(fault("missing", "space-missing", `There is no space "${id}"`));
}
