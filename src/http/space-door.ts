// The pipeline of everything that happens inside a space, in the contract's order of checks.
import { type Fault, fault } from "../kernel/fault.ts";
import type { Position } from "../kernel/position.ts";
import { ok, type Result, refuse } from "../kernel/result.ts";
import type { Actor, Scope, SpaceRef } from "../kernel/scope.ts";
import type { Reader } from "../platform/database/database.ts";
import { KNOWLEDGE_OUTDATED } from "../platform/database/open-database.ts";
import type { Served } from "../platform/edge-cache/edge.ts";
import type { BoundWriter, Idempotency, WriterBinding } from "../platform/event-log/open-writer.ts";
import type { Written } from "../platform/event-log/writer.ts";
import { type Call, metaOf, type Services } from "./call.ts";
import { atLeastOf, conditionsOf, idempotencyKeyOf, preferOf } from "./conditions.ts";
import { askEdge } from "./edge/ask-edge.ts";
import { readParams } from "./input.ts";
import { takeBody, takeIdempotency, takeQuery, takeUpload } from "./intake.ts";
import type { Freshness, Knowledge } from "./knowledge.ts";
import { learning, type Proof } from "./lessons.ts";
import { liveOf } from "./live.ts";
import { admit, admitStranger } from "./middleware/admit.ts";
import { allow } from "./middleware/allow.ts";
import { atWork } from "./middleware/at-work.ts";
import type { Identity } from "./middleware/identify.ts";
import type { Asked, ReadAnswer, ReadOperation, StreamAnswer, WriteOperation } from "./operation.ts";
import { renderOutcome } from "./render-outcome.ts";
import { worthOf } from "./worth.ts";

export interface Answered {
  readonly knowledge: Knowledge;
  readonly answer: ReadAnswer | StreamAnswer | Written | Served;
}

/** `Result<never>` refusals carry the contract's fault; success carries what the space allows others to keep. */
export async function askSpace(
  call: Call,
  services: Services,
  operation: ReadOperation | WriteOperation,
): Promise<Result<Answered>> {
  const learner = { random: services.random, isDoubtful: didNothing };
  return await learning(learner, (freshness, proof) => attempt(call, services, operation, freshness, proof));
}

/** A commit has looked again; that nothing had to be changed, nobody has. */
function didNothing({ answer }: Answered): boolean {
  return "rendered" in answer && answer.unchanged;
}

async function attempt(
  call: Call,
  services: Services,
  operation: ReadOperation | WriteOperation,
  freshness: Freshness,
  proof: Proof,
): Promise<Result<Answered>> {
  const identity = await services.credentials.identify(call.request, call.place, freshness, call);
  if (!identity.ok) return identity;
  if (identity.value.actor.type === "anonymous") {
    const stranger = await admitStranger(call, services);
    proof.settled ||= !stranger.ok;
    if (!stranger.ok) return stranger;
  }
  const found = await services.knowledge.find(call.pathParams["space"] ?? "", call.place, freshness, call);
  if (!found.ok) return found;
  const knowledge = found.value;
  const entered = enter(call, identity.value, knowledge);
  if (!entered.ok) return entered;
  const space = entered.value;
  call.event.space = `${space.space.uid}.${space.space.epoch}`;
  const admitted = await admit(call, services, identity.value.actor, space);
  if (!admitted.ok) {
    proof.settled ||= !services.admission.mayRelearn(space.space);
    return admitted;
  }
  const asked = await intake(call, services, operation, identity.value.actor, space.space);
  if (!asked.ok) {
    proof.settled = true;
    return asked;
  }
  if (operation.kind === "read") {
    const served = await askEdge(call, services, {
      space,
      identity: identity.value,
      asked: asked.value,
      freshness,
      proof,
    });
    if (served !== undefined) return served.ok ? ok({ knowledge: space, answer: served.value }) : served;
  }
  const { writerOf, readerOf } = bind(call, services, space, identity.value, asked.value, proof);
  const shared = { settings: space.settings, types: space.types, signer: services.signer };
  const scope = <Data>(data: Data): Scope<Data> => ({
    space: space.space,
    actor: identity.value.actor,
    requestId: call.requestId,
    clock: services.clock,
    data,
  });
  return await atWork<Answered>(services.admission.load, space.space, worthOf(call.route), async () => {
    if (operation.kind === "read") {
      const answer = await operation.handle(
        scope({ ...shared, reader: readerOf(operation.from) }),
        asked.value as unknown as Asked<never, unknown, undefined>,
        liveOf(call, services, (who, known) => enter(call, who, known), space.space, operation.from),
      );
      return answer.ok ? ok({ knowledge: space, answer: answer.value }) : answer;
    }
    const writer = writerOf();
    const written = await once(
      writer,
      await operation.handle(
        scope({ ...shared, writer, ...toolsOf(services) }),
        asked.value as unknown as Asked<never, unknown, unknown>,
      ),
    );
    return written.ok ? ok({ knowledge: space, answer: written.value }) : written;
  });
}

/** 401, 404, 403: who asks, for which space, with which right. */
function enter(call: Call, identity: Identity, knowledge: Knowledge | undefined): Result<Knowledge> {
  const alive = knowledge?.alive ? knowledge : undefined;
  const { actor } = identity;
  if (actor.type === "anonymous" && !(alive?.settings.publicRead && call.route.who.kind === "reader"))
    return refuse(CREDENTIALS_REQUIRED);
  if (alive === undefined || (actor.type === "key" && identity.uid !== alive.space.uid)) {
    return refuse(fault("missing", "space-missing", `There is no space "${call.pathParams["space"]}"`));
  }
  const allowed = allow(actor, call.route.who);
  return allowed.ok ? ok(alive) : allowed;
}

export interface Intake extends Asked<unknown, unknown, unknown> {
  readonly atLeast: Position | undefined;
  readonly idempotency: Idempotency | undefined;
}

/** 415, 413, 400: what was sent. */
async function intake(
  call: Call,
  services: Services,
  operation: ReadOperation | WriteOperation,
  actor: Actor,
  space: SpaceRef,
): Promise<Result<Intake>> {
  let body = await takeBody(call, operation);
  if (!body.ok) return body;
  const headers = call.request.headers;
  const query = takeQuery(call, operation);
  if (!query.ok) return query;
  const conditions = conditionsOf(headers, operation.kind);
  if (!conditions.ok) return conditions;
  const atLeast = atLeastOf(headers);
  if (!atLeast.ok) return atLeast;
  const params = readParams(operation.params, call.pathParams);
  const key = idempotencyKeyOf(headers);
  if (operation.kind === "write" && operation.body?.upload && params !== undefined && key.ok)
    body = await takeUpload(call, services, space);
  if (!body.ok) return body;
  const idempotency = await takeIdempotency(call, services, actor, body.value.raw);
  if (!idempotency.ok) return idempotency;
  if (params === undefined) return refuse(fault("missing", "not-found", "There is nothing at this path"));
  return ok({
    params,
    query: query.value,
    body: body.value.value,
    conditions: conditions.value,
    prefer: preferOf(headers),
    atLeast: atLeast.value,
    idempotency: idempotency.value,
  });
}

function bind(
  call: Call,
  services: Services,
  knowledge: Knowledge,
  identity: Identity,
  asked: Intake,
  proof: Proof,
): Bound {
  // What a key's record was read at counts as knowledge too: a revocation since then sends us back.
  const { settings, schema } = knowledge.known;
  const known = { settings, schema, keys: identity.keysAt, key: identity.key };
  const readerOf = (from: "nearest" | "primary"): Reader => {
    const binding = {
      space: knowledge.space,
      from,
      place: call.place,
      known,
      atLeast: asked.atLeast,
      caller: "request",
    } as const;
    const reader = call.database.reader(binding);
    return {
      space: reader.space,
      async read(statements, pinned, from) {
        const answer = await reader.read(statements, pinned, from);
        if (answer.ok) {
          proof.settled = true;
          call.event.source = answer.value.source;
          // A refusal rests on it too.
          call.event.position = answer.value.position;
        }
        return answer;
      },
    };
  };
  // The commit looks again at what the decision relied on: what else moved must not send a write back, or many at once never end.
  const load: WriterBinding["load"] = async (statements) => {
    const { space, place, atLeast } = { ...knowledge, place: call.place, atLeast: asked.atLeast };
    const answer = await call.database.snapshot(
      { space, place, atLeast, from: "primary", caller: "request" },
      statements,
    );
    if (!answer.ok) return answer;
    const { head, source, position } = answer.value;
    if (head.epoch !== space.epoch || head.settings !== known.settings) return refuse(KNOWLEDGE_OUTDATED);
    proof.settled = head.schema === known.schema && (known.keys === undefined || head.keys === known.keys);
    call.event.source = source;
    call.event.position = position;
    return answer;
  };
  const writerOf = (): BoundWriter => {
    const writer = services.openWriter(call, {
      space: knowledge.space,
      known,
      caller: "request",
      meta: metaOf(call, identity.actor),
      idempotency: asked.idempotency,
      loadsFirst: asked.atLeast !== undefined,
      render: (outcome) => renderOutcome(outcome, knowledge.space),
      load,
    });
    return {
      ...writer,
      async commit(change, outcome) {
        const written = await writer.commit(change, outcome);
        // What it refuses, it refuses on what it found under the space's lock.
        if (!written.ok) proof.settled = true;
        return written;
      },
    };
  };
  return { readerOf, writerOf };
}

/** What writes are given besides their writer. */
function toolsOf({ schemas, secrets, webhooks, jobs, generation }: Services) {
  return { schemas, secrets, webhooks, jobs, generation };
}

interface Bound {
  readerOf(from: "nearest" | "primary"): Reader;
  writerOf(): BoundWriter;
}

/** A write that was refused or changed nothing may be a repetition of one that was done. */
export async function once(writer: BoundWriter, result: Result<Written>): Promise<Result<Written>> {
  if (
    result.ok
      ? !result.value.unchanged
      : result.fault.kind === "unavailable" || result.fault.code === "knowledge-outdated"
  )
    return result;
  const before = await writer.findReplay();
  if (!before.ok) return before;
  return before.value === undefined ? result : ok(before.value);
}

const CREDENTIALS_REQUIRED: Fault = fault(
  "unauthenticated",
  "credentials-required",
  "This needs an API key of the space: Authorization: Bearer mrd_…",
);
